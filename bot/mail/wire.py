"""Read and write SMTP lines on a connection that aiosmtplib opened; several replies may be under way."""

import asyncio
import math
from collections import deque
from typing import cast

# aiosmtplib's client takes one reply at a time and drops what comes between, so its transport gets this one.
GARBLED = -1  # the code of what is no SMTP reply
MAX_REPLY_OCTETS = 64 * 1024
MAX_LINE_OCTETS = 8 * 1024
_BUFFER_OCTETS = 4 * 1024
# The words of a success matter to nobody, so its line is not taken apart.
_USUAL = {b"250 ": (250, ""), b"354 ": (354, "")}


class WireBroke(Exception):
    """No reply will come any more: the line is closed, silent for too long, or no SMTP."""


class Wire(asyncio.BufferedProtocol):
    """One connection past its greeting, TLS and login."""

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.fresh = True  # just opened: it cannot have died of being kept
        self._loop = asyncio.get_running_loop()
        self._buffer = memoryview(bytearray(_BUFFER_OCTETS))
        self._unread = b""
        self._lines: list[bytes] = []
        self.replies: deque[tuple[int, str]] = deque()  # those that nobody asked for yet
        self._waiter: asyncio.Future[None] | None = None
        self._deadline = self._looks_at = math.inf
        self._watchdog: asyncio.TimerHandle | None = None
        self._broken = False
        transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        """Tell whether the connection can still be written to."""
        return not self._broken and not self._transport.is_closing()

    @property
    def is_quiet(self) -> bool:
        """Tell whether the connection is open with nothing unread on it, so that the next reply is ours."""
        return self.is_open and not (self.replies or self._unread or self._lines)

    def write(self, octets: bytes) -> None:
        """Send; raises WireBroke where the line is closed."""
        if self._broken or self._transport.is_closing():
            raise WireBroke
        self._transport.write(octets)

    async def reply(self, timeout: float) -> tuple[int, str]:
        """Return the next reply, code and text, lines joined by LF; raises WireBroke."""
        if not self.replies:
            if self._broken:
                raise WireBroke
            self._watch(self._loop.time() + timeout)
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
            if not self.replies:
                raise WireBroke
        return self.replies.popleft()

    def _watch(self, deadline: float) -> None:
        """Have the one timer look at the line by then: one for each reply would cost more than the reply."""
        self._deadline = deadline
        if deadline < self._looks_at:
            if self._watchdog is not None:
                self._watchdog.cancel()
            self._looks_at = deadline
            self._watchdog = self._loop.call_at(deadline, self._look)

    def _look(self) -> None:
        self._looks_at, self._watchdog = math.inf, None
        if self._waiter is None or self._broken:
            return
        if self._loop.time() < self._deadline:
            self._watch(self._deadline)
        else:
            self.abort()

    def abort(self) -> None:
        """Close the socket at once, without TLS's goodbye: after a 354 all that is safe besides the body."""
        self._broken = True
        self._transport.abort()
        self._rest()

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
        octets = self._unread + self._buffer[:nbytes]
        *lines, self._unread = octets.split(b"\n")
        for line in lines:
            usual = _USUAL.get(line[:4])
            if usual is None or self._lines:
                self._take_line(line)
            else:
                self.replies.append(usual)
        if len(self._unread) > MAX_LINE_OCTETS or sum(map(len, self._lines)) > MAX_REPLY_OCTETS:
            self.abort()
        elif self.replies:
            self._wake()

    def _take_line(self, line: bytes) -> None:
        line = line.rstrip(b"\r")
        if not (len(line) >= 3 and line[:3].isdigit() and line[3:4] in (b"", b" ", b"-")):
            self.replies.append((GARBLED, ""))
            self._broken = True
            return
        self._lines.append(line[4:])
        if line[3:4] != b"-":
            text = b"\n".join(self._lines).decode("utf-8", "replace")
            self._lines.clear()
            self.replies.append((int(line[:3]), text))

    def eof_received(self) -> bool:
        """Take note that the server hung up."""
        self.abort()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that the line is gone."""
        self._broken = True
        self._rest()

    def _rest(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._looks_at, self._watchdog = math.inf, None
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
