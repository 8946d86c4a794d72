"""Run an IMAP server that misbehaves as told, at the step it is told."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from types import TracebackType
from typing import Self

from bot.sandbox.watch import Watch

# Where a fault can be put: each step is what the client waits for.
STEPS = (
    "GREETING",
    "CAPABILITY",
    "LOGIN",
    "EXAMINE",
    "SEARCH",
    "HEADERS",
    "BODY",
    "SELECT",
    "STORE",
    "IDLE",
    "DONE",
)
FAULTS = ("bye", "close", "mute", "half", "garbage", "no")
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
_RANGE = re.compile(r"(\d+):(\d+|\*)")


class _HungUp(Exception):
    """The server ended the conversation."""


@dataclass(slots=True)
class Lying:
    """A mail in the mailbox."""

    raw: bytes
    at: datetime
    flags: set[str] = field(default_factory=set)


class ImapScript:
    """One mailbox with one folder. `faults` maps a step to what goes wrong there, one after the other."""

    host = "127.0.0.1"

    def __init__(self, *, idles: bool = True, tls: ssl.SSLContext | None = None) -> None:
        """Begin empty; nothing listens yet."""
        self.port, self.password, self.idles, self._tls = 0, "right", idles, tls
        self.folder, self.validity, self.next_uid = "INBOX", 1, 1
        self.mails: dict[int, Lying] = {}
        self.faults: dict[str, list[str]] = {}
        self.said: list[str] = []  # the commands that came in, without their arguments
        self.asked: list[str] = []  # what was fetched
        self.most_connections, self.tried = 100, 0
        self.refusal = "NO [AUTHENTICATIONFAILED] no"
        self.watch = Watch()
        self.kill: Callable[[], None] = lambda: None  # ends the client
        self._idling: set[asyncio.StreamWriter] = set()
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(
            self._serve, self.host, self.port, limit=1 << 20, ssl=self._tls
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        if self._server is not None:
            self._server.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Cut every connection."""
        for writer in list(self._open):
            writer.transport.abort()

    def deliver(self, *mails: bytes, at: datetime | None = None) -> list[int]:
        """Let mails come in; who idles hears of it."""
        uids = []
        for raw in mails:
            self.mails[self.next_uid] = Lying(raw, at or datetime.now(UTC))
            uids.append(self.next_uid)
            self.next_uid += 1
        for writer in self._idling:
            writer.write(f"* {len(self.mails)} EXISTS\r\n".encode())
        return uids

    def renumber(self) -> None:
        """Give every mail another UID, as a folder that was built anew does."""
        self.validity += 1
        self.mails = dict(enumerate(self.mails.values(), 1))
        self.next_uid = len(self.mails) + 1

    async def seen(self, uid: int, timeout_s: float = 10) -> None:
        """Wait until a mail was marked."""

        def probe() -> bool | None:
            return True if uid in self.mails and r"\Seen" in self.mails[uid].flags else None

        await self.watch.until(probe, timeout_s, f"mail {uid} seen")

    async def did(self, step: str, times: int = 1, timeout_s: float = 10) -> None:
        """Wait until the client has come to a step so often."""
        await self.watch.until(
            lambda: True if self.said.count(step) >= times else None, timeout_s, f"{times} times {step}"
        )

    async def connected(self, times: int, timeout_s: float = 10) -> None:
        """Wait until somebody connected so often."""
        await self.watch.until(
            lambda: True if self.tried >= times else None, timeout_s, f"{times} connections"
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        self.tried += 1
        self.watch.changed()
        try:
            with suppress(_HungUp, ConnectionError, asyncio.IncompleteReadError):
                await _Conversation(self, reader, writer).run()
        finally:
            self._idling.discard(writer)
            self._open.discard(writer)
            writer.transport.abort()

    def next_fault(self, step: str) -> str:
        """Tell what goes wrong next at a step; nothing where all goes well."""
        return next(iter(self.faults.get(step, ())), "")

    @property
    def connections(self) -> int:
        """Count the connections."""
        return len(self._open)

    def idle(self, writer: asyncio.StreamWriter, *, on: bool) -> None:
        """Remember who idles."""
        (self._idling.add if on else self._idling.discard)(writer)


class _Conversation:
    def __init__(self, box: ImapScript, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._box, self._reader, self._writer = box, reader, writer
        self._writable = False

    async def run(self) -> None:
        if self._box.connections > self._box.most_connections:
            self._writer.write(b"* BYE Too many simultaneous connections\r\n")
            await self._writer.drain()
            return
        await self._answer("GREETING", "", [b"* OK ready\r\n"], end=b"")
        while line := await self._reader.readline():
            tag, _, rest = line.decode("latin-1").rstrip("\r\n").partition(" ")
            await self._command(tag, rest)

    async def _command(self, tag: str, rest: str) -> None:
        words = [found[1] if found[1] is not None else found[2] for found in _WORD.finditer(rest)]
        verb = words[0].upper()
        if verb == "UID":
            verb, words = words[1].upper(), words[1:]
        match verb:
            case "CAPABILITY":
                idle = b" IDLE" if self._box.idles else b""
                await self._answer(verb, tag, [b"* CAPABILITY IMAP4rev1" + idle + b"\r\n"])
            case "LOGIN":
                right = words[2] == self._box.password
                await self._answer(verb, tag, [], right or self._box.refusal)
            case "EXAMINE" | "SELECT":
                await self._select(verb, tag, words[1])
            case "SEARCH":
                uids = " ".join(map(str, self._searched(rest)))
                await self._answer(verb, tag, [f"* SEARCH {uids}".rstrip().encode() + b"\r\n"])
            case "FETCH":
                await self._fetch(tag, words[1], rest)
            case "STORE":
                await self._store(tag, words[1])
            case "IDLE":
                await self._idle(tag)
            case "LOGOUT":
                raise _HungUp
            case _:
                await self._answer(verb, tag, [])

    async def _select(self, verb: str, tag: str, folder: str) -> None:
        box = self._box
        if folder != box.folder:
            await self._answer(verb, tag, [], "NO no such mailbox\r\n")
            return
        lines = [
            f"* {len(box.mails)} EXISTS",
            "* 0 RECENT",
            r"* FLAGS (\Seen)",
            f"* OK [UIDVALIDITY {box.validity}] valid",
            f"* OK [UIDNEXT {box.next_uid}] next",
        ]
        self._writable = verb == "SELECT"
        await self._answer(verb, tag, [f"{line}\r\n".encode() for line in lines])

    def _searched(self, rest: str) -> Iterator[int]:
        found, since = _RANGE.search(rest), re.search(r"SINCE (\S+)", rest)
        assert found is not None
        low, high = int(found[1]), float("inf") if found[2] == "*" else int(found[2])
        day = _day(since[1]) if since else date.min
        return (uid for uid, mail in self._box.mails.items() if low <= uid <= high and mail.at.date() >= day)

    async def _fetch(self, tag: str, uids: str, rest: str) -> None:
        box, step = self._box, "HEADERS" if "HEADER" in rest else "BODY"
        if box.next_fault(step) == "expunged":
            box.faults[step].pop(0)
            for uid in _listed(uids):
                box.mails.pop(uid, None)
        lines = [line for uid in _listed(uids) if uid in box.mails for line in self._fetched(uid, step, rest)]
        await self._answer(step, tag, lines)

    def _fetched(self, uid: int, step: str, rest: str) -> Iterator[bytes]:
        # UIDs are all the client goes by, so they do for numbers too.
        box, place, mail = self._box, uid, self._box.mails[uid]
        box.asked.append(f"{step} {uid}")
        if "PEEK" not in rest:
            mail.flags.add(r"\Seen")
        head, _, body = mail.raw.partition(b"\r\n\r\n")
        part = head + b"\r\n\r\n" if step == "HEADERS" else (body if "[TEXT]" in rest else mail.raw)
        name = {"HEADERS": "HEADER"}.get(step, "TEXT" if "[TEXT]" in rest else "")
        cut = re.search(r"<0\.(\d+)>", rest)
        part = part[: int(cut[1])] if cut else part
        at = mail.at.strftime("%d-%b-%Y %H:%M:%S +0000")
        extra = f'RFC822.SIZE {len(mail.raw)} INTERNALDATE "{at}" ' if step == "HEADERS" else ""
        yield (
            f"* {place} FETCH (UID {uid} {extra}BODY[{name}]<0> {{{len(part)}}}\r\n".encode()
            + part
            + b")\r\n"
        )

    async def _store(self, tag: str, uids: str) -> None:
        box = self._box
        assert self._writable, "marked in a folder opened for reading alone"
        if box.next_fault("STORE") not in ("", "after", "kill after"):
            await self._answer("STORE", tag, [])
            return
        for uid in _listed(uids):
            if uid in box.mails:
                box.mails[uid].flags.add(r"\Seen")
        await self._answer("STORE", tag, [])

    async def _idle(self, tag: str) -> None:
        box = self._box
        if not box.idles:
            await self._answer("IDLE", tag, [], "BAD unknown\r\n")
            return
        await self._answer("IDLE", tag, [b"+ idling\r\n"], end=b"")
        box.idle(self._writer, on=True)
        try:
            line = await self._reader.readline()
        finally:
            box.idle(self._writer, on=False)
        if line.upper().startswith(b"DONE"):
            await self._answer("DONE", tag, [])

    async def _answer(
        self, step: str, tag: str, lines: list[bytes], right: bool | str = True, *, end: bytes | None = None
    ) -> None:
        """Answer a step, or do there what it is told to do wrong."""
        box, writer = self._box, self._writer
        waiting = box.faults.get(step)
        fault = waiting.pop(0) if waiting else ""
        box.said.append(step)
        box.watch.changed()
        closing = (
            f"{tag} {'OK done' if right is True else str(right).strip()}\r\n".encode() if end is None else end
        )
        whole = b"".join(lines) + closing
        match fault:
            case "kill" | "kill after":
                self._box.kill()
                raise _HungUp
            case "bye":
                writer.write(b"* BYE shutting down\r\n")
                await writer.drain()
                raise _HungUp
            case "close" | "after":
                raise _HungUp
            case "mute":
                await self._reader.read()  # until the client has enough
                raise _HungUp
            case "half":
                writer.write(whole[: len(whole) // 2])
                await self._reader.read()
                raise _HungUp
            case "garbage":
                writer.write(b"\x00\xff{99}} (((\r\n* FETCH )\r\n" + tag.encode() + b" ??\r\n")
                await self._reader.read(1)
                raise _HungUp
            case "no":
                whole = f"{tag or '*'} NO not now\r\n".encode()
        writer.write(whole)
        await writer.drain()


def _listed(uids: str) -> Iterator[int]:
    for part in uids.split(","):
        low, _, high = part.partition(":")
        yield from range(int(low), int(high or low) + 1)


def _day(written: str) -> date:
    return datetime.strptime(written, "%d-%b-%Y").replace(tzinfo=UTC).date()
