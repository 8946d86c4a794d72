"""Hold one client's mail conversation with the carriers."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from bot.sandbox.smtp_script import Action, Script, Step


class Carriers(Protocol):
    """What a conversation needs of the server it belongs to."""

    script: Script

    async def stalled(self, conversation: "Conversation") -> None:
        """Leave the client waiting."""

    async def pause(self, seconds: float) -> None:
        """Hold an answer back."""

    def received(self, conversation: "Conversation", wire: bytes) -> "Mail":
        """Make a mail of a finished body."""

    def take(self, mail: "Mail") -> None:
        """Keep a mail that was answered with 250."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail that the carriers took; `wire` is the body as it came, dots still stuffed."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes = field(repr=False)
    wire: bytes = field(repr=False)
    commands: tuple[bytes, ...] = field(repr=False)
    taken_at: datetime

    @property
    def recipient(self) -> str:
        """Return the only recipient."""
        (only,) = self.recipients
        return only


class Dropped(Exception):
    """The carriers hung up."""


class Conversation:
    """One client's connection."""

    extensions: tuple[str, ...] = ("PIPELINING", "8BITMIME", "SIZE 10485760", "ENHANCEDSTATUSCODES")

    def __init__(self, sink: Carriers, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sink = sink
        self.reader = reader
        self.writer = writer
        self.sender: str | None = None
        self.recipients: list[str] = []
        self.commands: list[bytes] = []

    async def run(self) -> None:
        """Talk until the client quits or is hung up on."""
        await self.answer(Step.CONNECT, "220 carriers.invalid ESMTP")
        while line := await self.reader.readline():
            self.commands.append(line)
            verb, _, rest = line.decode("latin-1").strip().partition(" ")
            act = getattr(self, "on_" + verb.lower(), None) if verb.isalpha() else None
            if act is None:
                await self.say("502 5.5.2 command not known")
            elif await act(rest):
                return

    async def answer(self, step: Step, usual: str) -> bool:
        """Answer one step as the script says, else as usual; tell whether it was the usual answer."""
        order = self.sink.script.order(step, self.recipients)
        if order is None:
            await self.say(usual)
            return True
        if order.action is Action.DROP:
            raise Dropped
        if order.action is Action.STALL:
            await self.sink.stalled(self)
            raise Dropped
        if order.action is Action.DELAY:
            await self.sink.pause(order.seconds)
            await self.say(usual)
            return True
        await self.say(order.reply)
        if order.reply.startswith("421"):
            raise Dropped
        return False

    async def say(self, text: str) -> None:
        """Send one reply line."""
        self.writer.write(text.encode("utf-8") + b"\r\n")
        await self.writer.drain()

    async def on_ehlo(self, rest: str) -> bool:
        """Offer the extensions."""
        self.reset()
        lines = ["carriers.invalid", *self.extensions]
        shown = "\r\n".join(
            f"250{'-' if index < len(lines) - 1 else ' '}{line}" for index, line in enumerate(lines)
        )
        await self.answer(Step.EHLO, shown)
        return False

    async def on_helo(self, rest: str) -> bool:
        """Greet an old client."""
        self.reset()
        await self.answer(Step.EHLO, "250 carriers.invalid")
        return False

    async def on_mail(self, rest: str) -> bool:
        """Begin a mail."""
        if self.sender is not None:
            await self.say("503 5.5.1 nested MAIL")
        elif await self.answer(Step.MAIL, "250 2.1.0 ok"):
            self.sender, self.recipients = _address(rest), []
        return False

    async def on_rcpt(self, rest: str) -> bool:
        """Take one recipient."""
        if self.sender is None:
            await self.say("503 5.5.1 MAIL first")
            return False
        self.recipients.append(_address(rest))
        if not await self.answer(Step.RCPT, "250 2.1.5 ok"):
            self.recipients.pop()
        return False

    async def on_data(self, rest: str) -> bool:
        """Take the body."""
        if not self.recipients:
            await self.say("503 5.5.1 no valid recipients")
        elif await self.answer(Step.DATA, "354 go ahead"):
            wire = await self._body()
            mail = self.sink.received(self, wire)
            if await self.answer(Step.BODY, "250 2.0.0 taken"):
                self.sink.take(mail)
            self.reset()
        return False

    async def _body(self) -> bytes:
        lines: list[bytes] = []
        while line := await self.reader.readline():
            if line == b".\r\n" and (not lines or lines[-1].endswith(b"\r\n")):
                return b"".join(lines)
            lines.append(line)
        raise Dropped

    async def on_rset(self, rest: str) -> bool:
        """Forget the mail begun."""
        self.reset()
        await self.say("250 2.0.0 ok")
        return False

    async def on_noop(self, rest: str) -> bool:
        """Do nothing."""
        await self.say("250 2.0.0 ok")
        return False

    async def on_quit(self, rest: str) -> bool:
        """Say goodbye."""
        await self.answer(Step.QUIT, "221 2.0.0 bye")
        return True

    def reset(self) -> None:
        """Forget the mail begun."""
        self.sender, self.recipients, self.commands = None, [], []


def _address(rest: str) -> str:
    """Cut the address out of `FROM:<a@b> SIZE=1`."""
    return rest.partition("<")[2].rpartition(">")[0]
