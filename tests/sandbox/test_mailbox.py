"""The sandbox's mailbox lets in who knows the password, and changes nothing that was opened for reading."""

import asyncio
import imaplib
from collections.abc import AsyncIterator

import pytest

from bot.sandbox.mailbox import Mailbox

MAIL = b"From: 2065550101@vtext.com\r\nSubject: \r\n\r\non my way\r\n"


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    mailbox = Mailbox("opensesame")
    await mailbox.start()
    yield mailbox
    await mailbox.stop()


class Client:
    """Somebody who types IMAP by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, box: Mailbox) -> "Client":
        client = cls(*await asyncio.open_connection(box.host, box.port))
        assert await client.reader.readline() == b"* OK ready\r\n"
        return client

    async def says(self, line: str) -> str:
        """Send a line; return the answer's last line, without its tag."""
        self.writer.write(f"a {line}\r\n".encode())
        async with asyncio.timeout(5):
            while not (answer := (await self.reader.readline()).decode()).startswith("a "):
                assert answer, "it hung up"
        return answer.removeprefix("a ").rstrip()

    async def is_hung_up_on(self) -> None:
        """Wait for the end of the line, which may be a reset."""
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(self.reader.readexactly(1), 5)
        self.writer.close()


async def test_only_who_has_logged_in_is_told_anything(box: Mailbox) -> None:
    box.deliver(MAIL)
    client = await Client.connect(box)
    for line in ("EXAMINE INBOX", "UID FETCH 1 BODY.PEEK[]", "UID STORE 1 +FLAGS (\\Seen)", "IDLE"):
        assert (await client.says(line)).startswith("BAD")
    for line in ("LOGIN textbridge wrong", "LOGIN somebody opensesame"):
        assert (await client.says(line)).startswith("NO [AUTHENTICATIONFAILED]")
    assert (await client.says("EXAMINE INBOX")).startswith("BAD")
    assert await client.says("LOGIN textbridge opensesame") == "OK done"
    assert await client.says("EXAMINE INBOX") == "OK done"
    client.writer.close()


async def test_what_is_opened_for_reading_stays_as_it_is(box: Mailbox) -> None:
    box.deliver(MAIL)
    client = await Client.connect(box)
    await client.says("LOGIN textbridge opensesame")
    await client.says("EXAMINE INBOX")
    assert (await client.says("UID STORE 1 +FLAGS.SILENT (\\Seen)")).startswith("NO")
    assert await client.says("UID FETCH 1 (BODY.PEEK[HEADER]<0.100>)") == "OK done"
    assert box.mails[1].flags == set()
    await client.says("SELECT INBOX")
    assert await client.says("UID STORE 1,7 +FLAGS.SILENT (\\Seen)") == "OK done"
    assert box.mails[1].flags == {r"\Seen"}
    client.writer.close()


async def test_what_is_not_understood_is_said_and_the_talk_goes_on(box: Mailbox) -> None:
    client = await Client.connect(box)
    await client.says("LOGIN textbridge opensesame")
    for line in ("", "UID", "DANCE", "run", "answer", "LOGIN", "EXAMINE", "UID FETCH"):
        assert (await client.says(line)).startswith("BAD"), line
    assert await client.says("EXAMINE Elsewhere") == "NO no such mailbox"
    assert await client.says("NOOP") == "OK done"
    client.writer.write(b"x" * (1 << 18) + b"\r\n")
    await client.is_hung_up_on()


async def test_a_stopped_mailbox_hangs_up_and_keeps_its_mails_and_its_port(box: Mailbox) -> None:
    client = await Client.connect(box)
    box.deliver(MAIL)
    port = box.port
    await box.stop()
    await client.is_hung_up_on()
    await box.start()
    assert (box.port, list(box.mails)) == (port, [1])


async def test_another_client_than_the_bots_reads_it_too(box: Mailbox) -> None:
    box.receive("2065550101@vtext.com", "bridge+abc@sandbox.invalid", MAIL)

    def read() -> tuple[bytes, bytes]:
        with imaplib.IMAP4(box.host, box.port, timeout=5) as client:
            client.login(box.username, box.password)
            client.select("INBOX", readonly=True)
            (found,) = client.uid("SEARCH", "UID", "1:*")[1]
            ((_, raw), _) = client.uid("FETCH", "1", "(BODY.PEEK[])")[1]
            return found, raw

    found, raw = await asyncio.to_thread(read)
    assert found == b"1"
    head = b"Return-Path: <2065550101@vtext.com>\r\nDelivered-To: bridge+abc@sandbox.invalid\r\n"
    assert raw == head + MAIL
