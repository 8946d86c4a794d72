"""Hold one client's conversation with the mailbox, in the part of IMAP (RFC 3501, RFC 2177) that it needs."""

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Protocol

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
_RANGE = re.compile(r"UID (\d+):(\d+|\*)")
_SINCE = re.compile(r"SINCE (\S+)")
_FIRST_OCTETS = re.compile(r"<0\.(\d+)>")
_BEFORE_LOGIN = {"CAPABILITY", "LOGIN", "LOGOUT", "NOOP"}


class Letter(Protocol):
    """What a conversation needs of a mail."""

    raw: bytes
    at: datetime
    flags: set[str]


class Box(Protocol):
    """What a conversation needs of the mailbox."""

    username: str
    password: str
    folder: str
    validity: int
    next_uid: int

    @property
    def mails(self) -> Mapping[int, Letter]:
        """Return the mails by their UIDs."""

    def idle(self, writer: asyncio.StreamWriter, *, on: bool) -> None:
        """Remember who idles."""


class HungUp(Exception):
    """The server ended the conversation."""


class Conversation:
    """One client's connection."""

    capabilities = "IMAP4rev1 IDLE"

    def __init__(self, box: Box, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.box, self.reader, self.writer = box, reader, writer
        self.known = False
        self.writable = False

    async def run(self) -> None:
        """Talk until one of the two hangs up."""
        try:
            await self.answer("GREETING", "", [b"* OK ready\r\n"], end=b"")
            while line := await self.reader.readline():
                tag, _, rest = line.decode("latin-1").rstrip("\r\n").partition(" ")
                await self._command(tag, rest)
        except (HungUp, ValueError):  # ValueError: a line that is far too long
            return

    async def answer(
        self,
        step: str,
        tag: str,
        lines: Iterable[bytes],
        result: str = "OK done",
        *,
        end: bytes | None = None,
    ) -> None:
        """Answer a step; every answer passes here, so that a server with faults can put them anywhere."""
        closing = f"{tag} {result}\r\n".encode() if end is None else end
        self.writer.write(b"".join(lines) + closing)
        await self.writer.drain()

    async def _command(self, tag: str, rest: str) -> None:
        words = [found[1] if found[1] is not None else found[2] for found in _WORD.finditer(rest)]
        if words and words[0].upper() == "UID":
            del words[0]
        verb = words[0].upper() if words else ""
        act = getattr(self, "on_" + verb.lower(), None) if verb.isalpha() else None
        if act is None or not (self.known or verb in _BEFORE_LOGIN):
            await self.answer("BAD", tag, [], "BAD not now, or not known")
            return
        try:
            await act(tag, words[1:], rest)
        except IndexError:
            await self.answer("BAD", tag, [], "BAD there are words missing")

    async def on_capability(self, tag: str, words: list[str], rest: str) -> None:
        """Say what it can do."""
        await self.answer("CAPABILITY", tag, [f"* CAPABILITY {self.capabilities}\r\n".encode()])

    async def on_login(self, tag: str, words: list[str], rest: str) -> None:
        """Let in who knows the password."""
        self.known = self.right(words[0], words[1])
        await self.answer("LOGIN", tag, [], "OK done" if self.known else self.refusal())

    def right(self, username: str, password: str) -> bool:
        """Tell whether a login is the account's."""
        return (username, password) == (self.box.username, self.box.password)

    def refusal(self) -> str:
        """Word the answer to a wrong login."""
        return "NO [AUTHENTICATIONFAILED] no"

    async def on_noop(self, tag: str, words: list[str], rest: str) -> None:
        """Do nothing."""
        await self.answer("NOOP", tag, [])

    async def on_logout(self, tag: str, words: list[str], rest: str) -> None:
        """Say goodbye and hang up."""
        await self.answer("LOGOUT", tag, [b"* BYE\r\n"])
        raise HungUp

    async def on_examine(self, tag: str, words: list[str], rest: str) -> None:
        """Open the folder for reading alone."""
        await self._open("EXAMINE", tag, words[0])

    async def on_select(self, tag: str, words: list[str], rest: str) -> None:
        """Open the folder."""
        await self._open("SELECT", tag, words[0])

    async def _open(self, verb: str, tag: str, folder: str) -> None:
        box = self.box
        if folder != box.folder:
            await self.answer(verb, tag, [], "NO no such mailbox")
            return
        lines = [
            f"* {len(box.mails)} EXISTS",
            "* 0 RECENT",
            r"* FLAGS (\Seen)",
            f"* OK [UIDVALIDITY {box.validity}] valid",
            f"* OK [UIDNEXT {box.next_uid}] next",
        ]
        self.writable = verb == "SELECT"
        await self.answer(verb, tag, [f"{line}\r\n".encode() for line in lines])

    async def on_search(self, tag: str, words: list[str], rest: str) -> None:
        """List mails by UID and day."""
        uids = " ".join(map(str, self._searched(rest)))
        await self.answer("SEARCH", tag, [f"* SEARCH {uids}".rstrip().encode() + b"\r\n"])

    def _searched(self, rest: str) -> Iterator[int]:
        found, since = _RANGE.search(rest), _SINCE.search(rest)
        low = int(found[1]) if found else 1
        high = int(found[2]) if found and found[2] != "*" else self.box.next_uid
        day = _day(since[1]) if since else date.min
        return (uid for uid, mail in self.box.mails.items() if low <= uid <= high and mail.at.date() >= day)

    async def on_fetch(self, tag: str, words: list[str], rest: str) -> None:
        """Hand out headers or bodies."""
        step, uids = "HEADERS" if "HEADER" in rest else "BODY", listed(words[0])
        lines = [self.fetched(uid, step, rest) for uid in uids if uid in self.box.mails]
        await self.answer(step, tag, lines)

    def fetched(self, uid: int, step: str, rest: str) -> bytes:
        """Write what was asked for of one mail; its UID does for its number, which our client never uses."""
        mail = self.box.mails[uid]
        if "PEEK" not in rest:
            mail.flags.add(r"\Seen")
        head, _, body = mail.raw.partition(b"\r\n\r\n")
        part = head + b"\r\n\r\n" if step == "HEADERS" else (body if "[TEXT]" in rest else mail.raw)
        name = {"HEADERS": "HEADER"}.get(step, "TEXT" if "[TEXT]" in rest else "")
        cut = _FIRST_OCTETS.search(rest)
        part = part[: int(cut[1])] if cut else part
        at = mail.at.astimezone(UTC).strftime("%d-%b-%Y %H:%M:%S +0000")
        extra = f'RFC822.SIZE {len(mail.raw)} INTERNALDATE "{at}" ' if step == "HEADERS" else ""
        return (
            f"* {uid} FETCH (UID {uid} {extra}BODY[{name}]<0> {{{len(part)}}}\r\n".encode() + part + b")\r\n"
        )

    async def on_store(self, tag: str, words: list[str], rest: str) -> None:
        """Mark mails as read."""
        if not self.writable:
            await self.answer("STORE", tag, [], "NO it is open for reading alone")
            return
        for uid in listed(words[0]):
            if uid in self.box.mails:
                self.box.mails[uid].flags.add(r"\Seen")
        await self.answer("STORE", tag, [])

    async def on_idle(self, tag: str, words: list[str], rest: str) -> None:
        """Tell of new mails as they come, until the client has heard enough."""
        await self.answer("IDLE", tag, [b"+ idling\r\n"], end=b"")
        self.box.idle(self.writer, on=True)
        try:
            line = await self.reader.readline()
        finally:
            self.box.idle(self.writer, on=False)
        if line.upper().startswith(b"DONE"):
            await self.answer("DONE", tag, [])


def listed(uids: str) -> Iterator[int]:
    """List the UIDs that `1,3:5` names."""
    for part in uids.split(","):
        low, _, high = part.partition(":")
        yield from range(int(low), int(high or low) + 1)


def _day(written: str) -> date:
    return datetime.strptime(written, "%d-%b-%Y").replace(tzinfo=UTC).date()
