"""The carriers take, refuse, stall and drop as told, and phones show what was taken."""

import asyncio
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest

from bot.sandbox.smtp_script import Order, Step, delay, drop, refuse, stall
from bot.sandbox.watch import SandboxError
from tests.peers.tls import Authority
from tests.standin.standin import Standin

PHONE = "2065550100@vtext.com"
HEADERS = b"From: a@b.invalid\r\nSubject: \r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
BODY = HEADERS + b"@bob in Home\r\n.dots\r\n"


@pytest.fixture
async def client(sandbox: Standin) -> AsyncIterator[aiosmtplib.SMTP]:
    smtp = aiosmtplib.SMTP(
        hostname="127.0.0.1", port=sandbox.carriers.port, start_tls=False, use_tls=False, timeout=5
    )
    yield smtp
    smtp.close()


async def send(client: aiosmtplib.SMTP, recipient: str = PHONE, body: bytes = BODY) -> None:
    if not client.is_connected:
        await client.connect()
    await client.sendmail("a@b.invalid", [recipient], body)


async def test_a_mail_is_taken_and_shown_by_its_phone(sandbox: Standin, client: aiosmtplib.SMTP) -> None:
    phone = sandbox.phones.phone(PHONE)
    await send(client)
    assert await phone.text() == "@bob in Home\n.dots"
    mail = await sandbox.carriers.mail(lambda each: each.recipient == PHONE)
    assert mail.sender == "a@b.invalid"
    assert b"\r\n.dots\r\n" in mail.content
    assert b"\r\n..dots\r\n" in mail.wire
    assert [line[:4] for line in mail.commands] == [b"MAIL", b"RCPT", b"DATA"]
    assert sandbox.phones.strays == []


async def test_a_mail_for_nobody_is_a_stray_until_its_phone_is_on(
    sandbox: Standin, client: aiosmtplib.SMTP
) -> None:
    await send(client, "2065550199@vtext.com")
    assert [address for _, address in sandbox.phones.strays] == ["2065550199@vtext.com"]
    late = sandbox.phones.phone("2065550199@vtext.com")
    assert len(late.texts) == 1
    assert sandbox.phones.strays == []


async def test_encoded_words_reach_the_phone_as_written(sandbox: Standin, client: aiosmtplib.SMTP) -> None:
    phone = sandbox.phones.phone(PHONE, "2065550100@mms.example.net")
    for transfer in ("base64", "quoted-printable"):
        mail = EmailMessage()
        mail.set_content("grüße 🎉\nzweite", cte=transfer)
        await send(client, "2065550100@mms.example.net", mail.as_bytes())
    assert phone.texts == ["grüße 🎉\nzweite"] * 2


@pytest.mark.parametrize(
    ("step", "reply"),
    [(Step.MAIL, "452 4.3.1 later"), (Step.DATA, "451 4.3.0 later"), (Step.BODY, "552 5.2.0 AUP#POL")],
)
async def test_a_step_is_refused_with_its_reply(
    sandbox: Standin, client: aiosmtplib.SMTP, step: Step, reply: str
) -> None:
    sandbox.carriers.tell(refuse(step, reply, times=1))
    with pytest.raises(aiosmtplib.SMTPResponseException) as refused:
        await send(client)
    assert f"{refused.value.code} {refused.value.message}" == reply
    assert sandbox.carriers.mails == []
    await send(client)
    assert len(sandbox.carriers.mails) == 1


async def test_only_the_named_domain_or_number_is_refused(sandbox: Standin, client: aiosmtplib.SMTP) -> None:
    sandbox.carriers.tell(refuse(Step.RCPT, "550 5.1.1 no", match="vtext.com"))
    sandbox.carriers.tell(refuse(Step.RCPT, "421 4.2.0 AUP#SNDR", match="2065550101@other.example"))
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
        await send(client)
    assert refused.value.recipients[0].code == 550
    await send(client, "2065550100@other.example")
    with pytest.raises(aiosmtplib.SMTPException):
        await send(client, "2065550101@other.example")
    sandbox.carriers.release()
    await send(client)
    assert [mail.recipient for mail in sandbox.carriers.mails] == ["2065550100@other.example", PHONE]


@pytest.mark.parametrize("step", [Step.CONNECT, Step.EHLO, Step.MAIL, Step.RCPT, Step.DATA, Step.BODY])
async def test_the_carriers_hang_up_at_any_step(
    sandbox: Standin, client: aiosmtplib.SMTP, step: Step
) -> None:
    sandbox.carriers.tell(drop(step, times=1))
    with pytest.raises(aiosmtplib.SMTPException):
        await send(client)
    assert sandbox.carriers.mails == []


async def test_a_stalled_client_waits_until_release(sandbox: Standin, client: aiosmtplib.SMTP) -> None:
    sandbox.carriers.tell(stall(Step.BODY))
    sending = asyncio.create_task(send(client))
    await sandbox.carriers.stalled_client()
    assert not sending.done()
    sandbox.carriers.release()
    with pytest.raises(aiosmtplib.SMTPException):
        await sending
    assert sandbox.carriers.mails == []


async def test_a_final_answer_comes_late(sandbox: Standin, client: aiosmtplib.SMTP) -> None:
    sandbox.carriers.tell(delay(Step.BODY, 0.05))
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    await send(client)
    assert loop.time() - began_s >= 0.05
    assert len(sandbox.carriers.mails) == 1


async def test_a_pipelined_envelope_is_answered_in_order(sandbox: Standin) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.carriers.port)
    await reader.readline()
    writer.write(b"EHLO me\r\n")
    offered = [await reader.readline()]
    while offered[-1][3:4] == b"-":
        offered.append(await reader.readline())
    assert b"250-PIPELINING\r\n" in offered
    envelope = b"MAIL FROM:<a@b.invalid>\r\nRCPT TO:<" + PHONE.encode() + b">\r\nDATA\r\n"
    writer.write(envelope)
    assert [(await reader.readline())[:3] for _ in range(3)] == [b"250", b"250", b"354"]
    writer.write(BODY.replace(b"\r\n.", b"\r\n..") + b".\r\n" + envelope)
    assert [(await reader.readline())[:3] for _ in range(4)] == [b"250", b"250", b"250", b"354"]
    writer.close()
    assert len(sandbox.carriers.mails) == 1


async def test_only_a_whole_line_ends_the_body(sandbox: Standin) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.carriers.port)
    writer.write(b"EHLO me\r\nMAIL FROM:<a@b.invalid>\r\nRCPT TO:<1@c.invalid>\r\nDATA\r\n")
    writer.write(b"one\n.\r\ntwo\r\n.\ntwo\r\n.\r\nQUIT\r\n")
    await reader.read()
    writer.close()
    assert [mail.wire for mail in sandbox.carriers.mails] == [b"one\n.\r\ntwo\r\n.\ntwo\r\n"]


async def test_commands_out_of_order_are_refused(sandbox: Standin) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.carriers.port)
    writer.write(b"DATA\r\nRCPT TO:<1@c.invalid>\r\nVRFY x\r\nNOOP\r\nRSET\r\nQUIT\r\n")
    replies = [line[:3] for line in (await reader.read()).splitlines()]
    writer.close()
    assert replies == [b"220", b"503", b"503", b"502", b"250", b"250", b"221"]


def test_an_order_cannot_name_a_recipient_too_early() -> None:
    with pytest.raises(ValueError, match="no recipient"):
        Order(Step.MAIL, drop(Step.MAIL).action, match="vtext.com")


async def test_the_carriers_can_be_away_and_come_back(sandbox: Standin, client: aiosmtplib.SMTP) -> None:
    await sandbox.carriers.stop()
    with pytest.raises(aiosmtplib.SMTPConnectError):
        await send(client)
    await sandbox.carriers.start()
    await send(client)
    assert len(sandbox.carriers.mails) == 1


async def test_waiting_in_vain_says_so(sandbox: Standin) -> None:
    with pytest.raises(SandboxError, match="in vain for a mail"):
        await sandbox.carriers.mail(timeout_s=0.01)
    with pytest.raises(SandboxError, match="in vain for a text"):
        await sandbox.phones.phone(PHONE).text(timeout_s=0.01)


@pytest.mark.parametrize("implicit", [False, True])
async def test_a_submission_service_wants_tls_and_a_login(
    sandbox: Standin, tmp_path: Path, implicit: bool
) -> None:
    authority = Authority(tmp_path)
    sandbox.carriers.tls = authority.issue("good.pem").context()
    sandbox.carriers.implicit = implicit
    sandbox.carriers.login = ("bot", "secret")
    await sandbox.carriers.stop()
    await sandbox.carriers.start()
    client = aiosmtplib.SMTP(
        hostname="127.0.0.1",
        port=sandbox.carriers.port,
        use_tls=implicit,
        start_tls=not implicit,
        cert_bundle=str(authority.ca_file),
        timeout=5,
    )
    await client.connect()
    with pytest.raises(aiosmtplib.SMTPResponseException, match="authentication required"):
        await client.sendmail("a@b.invalid", [PHONE], BODY)
    for method in (client.auth_plain, client.auth_login):
        with pytest.raises(aiosmtplib.SMTPAuthenticationError):
            await method("bot", "wrong")
        await method("bot", "secret")
    await client.sendmail("a@b.invalid", [PHONE], BODY)
    await client.quit()
    assert len(sandbox.carriers.mails) == 1
    assert sandbox.carriers.logins == 4
