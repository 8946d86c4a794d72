"""A mailbox is opened only where its server proves its name, and offers what it holds step by step."""

from __future__ import annotations

import asyncio
import logging
from datetime import date

import pytest

from bot.domain.account import ImapConfig
from bot.domain.mailbox import MailboxTrouble, Trouble
from bot.mail.imap import MOST_OCTETS, Waits
from bot.mail.mailbox import Mailbox
from tests.peers.dovecot import Dovecot
from tests.peers.imap_script import ImapScript
from tests.peers.tls import Certificates

WAITS = Waits(connect=2, command=1, idle=2, poll=0.1, slice=0.05, operation=5)
LONG_AGO = date(2020, 1, 1)
PASSWORD = "right"
MAIL = b"From: 2065550101@vtext.com\r\nMessage-ID: <1@vtext.com>\r\nSubject: \r\n\r\non my way\r\n"


def mailbox(port: int, security: str, ca_file: str | None = None, **account: str) -> Mailbox:
    named = {"username": "bridge", "password": PASSWORD} | account
    config = ImapConfig(host="127.0.0.1", port=port, security=security, **named)  # type: ignore[arg-type]
    return Mailbox(config, ca_file, WAITS)


async def trouble_with(box: Mailbox) -> Trouble:
    with pytest.raises(MailboxTrouble) as told:
        await box.open()
    box.close()
    return told.value.trouble


async def test_a_server_that_proves_its_name_is_let_in(certificates: Certificates) -> None:
    async with ImapScript(tls=certificates.good.context()) as server:
        box = mailbox(server.port, "tls", str(certificates.ca_file))
        assert (await box.open()).next_uid == 1
        waiting = asyncio.create_task(box.wait())
        await server.did("IDLE")
        server.deliver(MAIL)
        await asyncio.wait_for(waiting, 1)
        (head,) = (await box.heads(1, LONG_AGO)).found
        assert (head.envelope.author, head.octets) == ("2065550101@vtext.com", len(MAIL))
        box.close()


@pytest.mark.parametrize("which", ["expired", "wrong_name", "self_signed", "unknown authority", "no TLS"])
async def test_no_password_goes_to_a_server_that_does_not(certificates: Certificates, which: str) -> None:
    shown = {
        "expired": certificates.expired,
        "wrong_name": certificates.wrong_name,
        "self_signed": certificates.self_signed,
        "unknown authority": certificates.good,
    }.get(which)
    known = None if which == "unknown authority" else str(certificates.ca_file)
    async with ImapScript(tls=shown.context() if shown else None) as server:
        assert await trouble_with(mailbox(server.port, "tls", known)) is Trouble.AWAY
        assert "LOGIN" not in server.said


async def test_what_is_wrong_is_named_and_nothing_private_is_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with ImapScript() as server:
        server.password = "another"
        assert await trouble_with(mailbox(server.port, "none")) is Trouble.LOGIN
        server.password, server.folder = PASSWORD, "Elsewhere"
        assert await trouble_with(mailbox(server.port, "none")) is Trouble.FOLDER
        port = server.port
    assert await trouble_with(mailbox(port, "none")) is Trouble.AWAY
    box = mailbox(port, "none")
    box.close()
    assert await trouble_with(box) is Trouble.CLOSED
    assert PASSWORD not in repr(ImapConfig(host="h", username="bridge", password=PASSWORD))


@pytest.mark.parametrize("said", ["NO [UNAVAILABLE] later", "NO [ALERT] Too many simultaneous connections"])
async def test_a_busy_server_is_not_a_wrong_password(said: str) -> None:
    async with ImapScript() as server:
        server.refusal = said
        server.password = "another"
        assert await trouble_with(mailbox(server.port, "none")) is Trouble.AWAY


@pytest.mark.peer
async def test_steps_on_a_real_server(dovecot: Dovecot) -> None:
    box = mailbox(
        dovecot.port, "tls", str(dovecot.ca_file), username=dovecot.username, password=dovecot.password
    )
    folder = await box.open()
    assert (await box.heads(folder.next_uid, LONG_AGO)).found == ()
    big = MAIL + b"x" * (MOST_OCTETS + 5_000)
    waiting = asyncio.create_task(box.wait())
    await asyncio.to_thread(dovecot.deliver, MAIL)
    await asyncio.wait_for(waiting, 5)
    await asyncio.to_thread(dovecot.deliver, big, MAIL)
    # Dovecot shows a session what is new only at the end of a command: this one hears of it, the next sees it
    await box.heads(folder.next_uid, LONG_AGO)
    await asyncio.wait_for(box.wait(), 1)
    heads = await box.heads(folder.next_uid, LONG_AGO)
    assert [head.octets for head in heads.found] == [len(MAIL), len(big), len(MAIL)]
    assert heads.found[0].at is not None
    assert heads.found[0].at.tzinfo is not None
    first, second, third = (head.uid for head in heads.found)
    assert await box.whole(first) == MAIL
    assert await box.glance(first) == b"on my way\r\n"
    assert len(await box.whole(second) or b"") == MOST_OCTETS + 1
    assert await box.whole(third + 1) is None
    assert (await box.heads(heads.next_uid, LONG_AGO)).found == ()
    await box.mark([first, third + 1])
    assert await asyncio.to_thread(dovecot.flags) == {first: {r"\Seen"}, second: set(), third: set()}
    box.close()
