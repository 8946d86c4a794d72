"""Be the mailbox that answers come to: a small IMAP server with one account and one folder."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from bot.sandbox.mailbox_talk import Conversation
from bot.sandbox.smtp import LOOPBACK
from bot.sandbox.watch import Watch
from bot.sandbox.world import utc_now

MOST_LINE_BYTES = 1 << 16
WAIT_S = 5.0


@dataclass(slots=True)
class Lying:
    """A mail in the mailbox."""

    raw: bytes = field(repr=False)
    at: datetime
    flags: set[str] = field(default_factory=set)


class Mailbox:
    """The mailbox on a free loopback port; who idles there hears at once of a mail that comes in."""

    conversation_class = Conversation
    host = LOOPBACK

    def __init__(self, password: str, now: Callable[[], datetime] = utc_now) -> None:
        self.now = now
        self.port, self.username, self.password = 0, "textbridge", password
        self.folder, self.validity, self.next_uid = "INBOX", 1, 1
        self.mails: dict[int, Lying] = {}
        self.watch = Watch()
        self._idling: set[asyncio.StreamWriter] = set()
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on loopback, again on the port that it had."""
        self._server = await asyncio.start_server(self._talk, port=self.port, **self.listening())
        self.port = self._server.sockets[0].getsockname()[1]

    def listening(self) -> dict[str, Any]:
        """Say how to listen; a server with TLS adds to it."""
        return {"host": self.host, "limit": MOST_LINE_BYTES}

    async def stop(self) -> None:
        """Hang up on everybody and stop listening."""
        if self._server:
            self._server.close()
            self.hang_up()
            for talk in list(self._open):
                talk.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None

    def hang_up(self) -> None:
        """Cut every connection."""
        for writer in list(self._open.values()):
            writer.transport.abort()

    def receive(self, sender: str, recipient: str, content: bytes) -> None:
        """Take a mail as a mail server does, which notes on top from whom it came and to whom."""
        self.deliver(f"Return-Path: <{sender}>\r\nDelivered-To: {recipient}\r\n".encode("ascii") + content)

    def deliver(self, *mails: bytes, at: datetime | None = None) -> list[int]:
        """Let mails come in as they are; return their UIDs."""
        uids = []
        for raw in mails:
            self.mails[self.next_uid] = Lying(raw, at or self.now())
            uids.append(self.next_uid)
            self.next_uid += 1
        for writer in self._idling:
            writer.write(f"* {len(self.mails)} EXISTS\r\n".encode())
        return uids

    async def watched(self, timeout_s: float = WAIT_S) -> None:
        """Wait until somebody waits for mail."""
        await self.watch.until(lambda: self._idling or None, timeout_s, "a reader of the mailbox")

    def idle(self, writer: asyncio.StreamWriter, *, on: bool) -> None:
        """Remember who idles."""
        (self._idling.add if on else self._idling.discard)(writer)
        self.watch.changed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = cast("asyncio.Task[None]", asyncio.current_task())
        self._open[talk] = writer
        try:
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await self.conversation_class(self, reader, writer).run()
        finally:
            self._idling.discard(writer)
            del self._open[talk]
            writer.transport.abort()
