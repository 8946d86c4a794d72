"""A mail server that fails in a chosen way at a chosen step, and keeps every octet it was sent."""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self, cast

LOOPBACK = "127.0.0.1"
LETTER_EVERY_S = 0.02


class At(StrEnum):
    """A point at which the server has to say something."""

    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    RSET = "rset"
    NOOP = "noop"
    QUIT = "quit"


class How(StrEnum):
    """What it does there instead."""

    CLOSE = "close"
    RST = "rst"
    GONE = "421"
    LATER = "4xx"
    NO = "5xx"
    GARBAGE = "garbage"
    SILENCE = "silence"
    DRIBBLE = "one letter at a time"


USUAL = {
    At.GREETING: "220 mail.example.org ESMTP",
    At.EHLO: "250-mail.example.org\r\n250-STARTTLS\r\n250 AUTH PLAIN",
    At.STARTTLS: "220 go ahead",
    At.AUTH: "235 2.7.0 welcome",
    At.MAIL: "250 2.1.0 ok",
    At.RCPT: "250 2.1.5 ok",
    At.DATA: "354 go ahead",
    At.BODY: "250 2.0.0 taken",
    At.RSET: "250 2.0.0 ok",
    At.NOOP: "250 2.0.0 ok",
    At.QUIT: "221 2.0.0 bye",
}
SAID = {
    How.GONE: "421 4.3.2 going down",
    How.LATER: "451 4.3.0 try again later",
    How.NO: "554 5.3.0 no",
    How.GARBAGE: "\x80\x81 this is no SMTP",
}


@dataclass(slots=True)
class Talk:
    """One connection: the commands, and each body as it came, its final dot included where it came."""

    commands: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    after_354: bytes = b""  # what came in answer to the last 354
    rest: bytes = b""  # what came while the server said nothing for good
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    def verbs(self) -> list[str]:
        return [command.split()[0].upper() for command in self.commands]


class ScriptedServer:
    """Use as `async with ScriptedServer() as server`; `fail(at, how)` until `behave()`."""

    def __init__(self) -> None:
        self.port = 0
        self.talks: list[Talk] = []
        self.usual = dict(USUAL)
        self.failing: dict[At, str | How] = {}
        self.once = False
        self.wants_a_body_anyway = False  # a 354 although no recipient was taken (RFC 2920, 3.1 warns of it)
        self.reached = asyncio.Event()  # a step at which the server fails was reached
        self.taken: list[tuple[str, bytes]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *failure: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def fail(self, at: At, how: str | How, *, once: bool = False) -> None:
        """Fail there from now on: as `how` says, or with this reply."""
        self.failing = {at: how}
        self.once = once
        self.reached.clear()

    def behave(self) -> None:
        """Take everything from now on."""
        self.failing = {}

    @property
    def recipients(self) -> list[str]:
        return [recipient for recipient, _ in self.taken]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._tasks.add(task)
        talk = Talk()
        self.talks.append(talk)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._talk(talk, reader, writer)
        finally:
            self._tasks.discard(task)
            talk.closed.set()
            writer.close()

    async def _talk(self, talk: Talk, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recipient = ""
        if not await self._say(At.GREETING, reader, writer):
            return
        while line := await reader.readline():
            talk.commands.append(line.decode("latin-1").removesuffix("\r\n"))
            verb = talk.commands[-1].split(" ")[0].lower()
            if verb == "rcpt":
                recipient = talk.commands[-1].partition("<")[2].partition(">")[0]
            usual = At(verb) not in self.failing
            if verb == "rcpt" and not usual:
                recipient = ""
            if verb == "data" and not recipient and not self.wants_a_body_anyway:
                writer.write(b"503 5.5.1 no valid recipients\r\n")
                continue
            if not await self._say(At(verb), reader, writer, talk) or verb == "quit":
                return
            if verb == "data" and usual and not await self._body(talk, recipient, reader, writer):
                return

    async def _body(
        self, talk: Talk, recipient: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        talk.after_354 = b""
        while not talk.after_354.endswith(b"\r\n.\r\n"):
            line = await reader.readline()
            talk.after_354 += line
            if not line:
                return False
        talk.bodies.append(talk.after_354)
        if At.BODY not in self.failing:
            self.taken.append((recipient, talk.after_354))
        return await self._say(At.BODY, reader, writer, talk)

    async def _say(
        self, at: At, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, talk: Talk | None = None
    ) -> bool:
        """Answer; returns whether the connection goes on."""
        how = self.failing.get(at)
        if how is None:
            return await _write(writer, self.usual[at])
        self.reached.set()
        if self.once:
            self.failing = {}
        match how:
            case How.CLOSE:
                return False
            case How.RST:
                _reset(writer)
                return False
            case How.SILENCE:
                rest = await reader.read()
                if talk is not None:
                    talk.rest = rest
                    if at is At.DATA:
                        talk.after_354 = rest
                return False
            case How.DRIBBLE:
                return await _dribble(writer, reader, self.usual[at])
        await _write(writer, SAID[how] if isinstance(how, How) else how)
        return how is not How.GONE


async def _write(writer: asyncio.StreamWriter, reply: str) -> bool:
    writer.write(reply.encode("latin-1") + b"\r\n")
    await writer.drain()
    return True


async def _dribble(writer: asyncio.StreamWriter, reader: asyncio.StreamReader, reply: str) -> bool:
    gone = asyncio.ensure_future(reader.read())
    try:
        for letter in reply.encode() + b" " * 400:
            writer.write(bytes([letter]))
            await writer.drain()
            done, _ = await asyncio.wait({gone}, timeout=LETTER_EVERY_S)
            if done:
                break
    finally:
        gone.cancel()
    return False


def _reset(writer: asyncio.StreamWriter) -> None:
    # A linger of zero seconds makes the close an RST.
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
