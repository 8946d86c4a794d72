"""Read and write SMTP lines on a connection that aiosmtplib opened; several replies may be under way."""

import asyncio
from collections import deque
from typing import cast

# aiosmtplib's client takes one reply at a time and drops what comes between, so its transport gets this one.
GARBLED = -1  # the code of what is no SMTP reply
MAX_REPLY_OCTETS = 64 * 1024
MAX_LINE_OCTETS = 8 * 1024
_BUFFER_OCTETS = 4 * 1024


class WireBroke(Exception):
    """No reply will come any more: the line is closed, silent for too long, or no SMTP."""


class Wire(asyncio.BufferedProtocol):
    """One connection past its greeting, TLS and login."""

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._buffer = memoryview(bytearray(_BUFFER_OCTETS))
        self._unread = b""
        self._lines: list[bytes] = []
        self._replies: deque[tuple[int, str]] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._broken = False
        self._resume = asyncio.Event()
        self._resume.set()
        transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        """Tell whether the connection can still be written to, with nothing unread on it."""
        return not self._broken and not self._transport.is_closing()

    def write(self, octets: bytes) -> None:
        """Send; raises WireBroke where the line is closed."""
        if self._broken or self._transport.is_closing():
            raise WireBroke
        self._transport.write(octets)

    async def reply(self, timeout: float) -> tuple[int, str]:
        """Return the next reply, code and text, lines joined by LF; raises WireBroke."""
        if self._replies:
            return self._replies.popleft()
        if self._broken:
            raise WireBroke
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = loop.call_later(timeout, self.abort)
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None
        if not self._replies:
            raise WireBroke
        return self._replies.popleft()

    def abort(self) -> None:
        """Close the socket at once, without TLS's goodbye: after a 354 all that is safe besides the body."""
        self._broken = True
        self._transport.abort()
        self._wake()

    async def quit(self, timeout: float) -> None:
        """Take leave (RFC 5321, 4.1.1.10) between two mails, and close whatever the answer is."""
        try:
            self.write(b"QUIT\r\n")
            await self.reply(timeout)
        except WireBroke:
            pass
        self.abort()

    async def answers(self, timeout: float) -> bool:
        """Tell whether the server still listens, between two mails."""
        try:
            self.write(b"NOOP\r\n")
            return (await self.reply(timeout))[0] == 250
        except WireBroke:
            return False

    def get_buffer(self, sizehint: int) -> memoryview:
        """Give the loop one small buffer: replies are short, and a large one for each read costs time."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Split what came into lines and replies."""
        octets = self._unread + bytes(self._buffer[:nbytes])
        *lines, self._unread = octets.split(b"\n")
        for line in lines:
            self._take_line(line)
        if len(self._unread) > MAX_LINE_OCTETS or sum(map(len, self._lines)) > MAX_REPLY_OCTETS:
            self.abort()
        elif self._replies:
            self._wake()

    def _take_line(self, line: bytes) -> None:
        line = line.rstrip(b"\r")
        if not (len(line) >= 3 and line[:3].isdigit() and line[3:4] in (b"", b" ", b"-")):
            self._replies.append((GARBLED, ""))
            self._broken = True
            return
        self._lines.append(line[4:])
        if line[3:4] != b"-":
            text = b"\n".join(self._lines).decode("utf-8", "replace")
            self._lines.clear()
            self._replies.append((int(line[:3]), text))

    def eof_received(self) -> bool:
        """Take note that the server hung up."""
        self.abort()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that the line is gone."""
        self._broken = True
        self._resume.set()
        self._wake()

    def pause_writing(self) -> None:
        """Take note that the socket is full."""
        self._resume.clear()

    def resume_writing(self) -> None:
        """Take note that the socket takes more."""
        self._resume.set()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
