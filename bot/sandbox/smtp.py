"""Be the carriers: an SMTP server that takes, refuses, stalls or drops mail as told."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from bot.sandbox.smtp_script import Order, Script
from bot.sandbox.smtp_talk import Conversation, Dropped, Mail
from bot.sandbox.watch import Watch
from bot.sandbox.world import utc_now

LOOPBACK = "127.0.0.1"
MOST_LINE_BYTES = 1 << 16
WAIT_S = 5.0


class Sink:
    """The carriers' mail server on a free loopback port; it keeps every mail it took."""

    conversation_class = Conversation

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        self.now = now
        self.watch = Watch()
        self.script = Script()
        self.mails: list[Mail] = []
        self.listeners: list[Callable[[Mail], None]] = []
        self.connections = 0
        self.stalls = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()
        self._released = asyncio.Event()

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; without a port on a free one, or again on the one it had."""
        self._server = await asyncio.start_server(self._talk, port=port or self.port, **self.listening())
        self.port = self._server.sockets[0].getsockname()[1]

    def listening(self) -> dict[str, Any]:
        """Say how to listen; a stand-in with TLS adds to it."""
        return {"host": LOOPBACK, "limit": MOST_LINE_BYTES, "backlog": 200}

    async def stop(self) -> None:
        """Hang up on everybody and stop listening."""
        if self._server:
            self._server.close()
            for talk in list(self._talks):
                talk.cancel()
            await asyncio.gather(*self._talks, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None

    def tell(self, order: Order) -> None:
        """Act on this order from now on."""
        self.script.add(order)

    def release(self) -> None:
        """Forget every order and hang up on the clients that were left waiting."""
        self.script.clear()
        self._released.set()
        self._released = asyncio.Event()

    async def mail(
        self, predicate: Callable[[Mail], object] | None = None, timeout_s: float = WAIT_S
    ) -> Mail:
        """Wait for a mail that was taken and that the predicate takes (any, without one)."""

        def probe() -> Mail | None:
            return next((mail for mail in self.mails if predicate is None or predicate(mail)), None)

        return await self.watch.until(probe, timeout_s, "a mail")

    async def stalled_client(self, timeout_s: float = WAIT_S) -> None:
        """Wait until a client is being left waiting."""
        await self.watch.until(lambda: self.stalls or None, timeout_s, "a client to be left waiting")

    async def stalled(self, conversation: Conversation) -> None:
        """Leave a client without an answer until `release`, or until it hangs up."""
        self.stalls += 1
        self.watch.changed()
        released = asyncio.ensure_future(self._released.wait())
        # To the end: a client that pipelines has more to say before it hangs up.
        gone = asyncio.ensure_future(conversation.reader.read())
        try:
            await asyncio.wait({released, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            released.cancel()
            gone.cancel()
            self.stalls -= 1
            self.watch.changed()

    async def pause(self, seconds: float) -> None:
        """Hold an answer back for a while."""
        await asyncio.sleep(seconds)

    def received(self, conversation: Conversation, wire: bytes) -> Mail:
        """Make the mail of a finished body; not taken before its 250."""
        content = b"".join(
            line[1:] if line.startswith(b".") else line for line in wire.splitlines(keepends=True)
        )
        commands = tuple(conversation.commands)
        return Mail(
            conversation.sender or "", tuple(conversation.recipients), content, wire, commands, self.now()
        )

    def take(self, mail: Mail) -> None:
        """Keep a mail and tell who listens."""
        self.mails.append(mail)
        for listener in self.listeners:
            listener(mail)
        self.watch.changed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = cast("asyncio.Task[None]", asyncio.current_task())
        self._talks.add(talk)
        self.connections += 1
        try:
            with contextlib.suppress(Dropped, ConnectionError, ValueError, asyncio.CancelledError):
                await self.conversation_class(self, reader, writer).run()
        finally:
            self._talks.discard(talk)
            writer.close()
