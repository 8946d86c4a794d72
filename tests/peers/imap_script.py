"""Run the sandbox's IMAP server so that it misbehaves as told, at the step it is told."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

from bot.sandbox.mailbox import Mailbox
from bot.sandbox.mailbox_talk import Conversation, HungUp, listed

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


class _Faulty(Conversation):
    """One conversation, with what goes wrong in it."""

    box: ImapScript

    async def run(self) -> None:
        self.box.tried += 1
        self.box.watch.changed()
        if self.box.connections() > self.box.most_connections:
            self.writer.write(b"* BYE Too many simultaneous connections\r\n")
            await self.writer.drain()
            return
        self.capabilities = "IMAP4rev1 IDLE" if self.box.idles else "IMAP4rev1"
        await super().run()

    def right(self, username: str, password: str) -> bool:
        return password == self.box.password

    def refusal(self) -> str:
        return self.box.refusal

    async def on_fetch(self, tag: str, words: list[str], rest: str) -> None:
        step = "HEADERS" if "HEADER" in rest else "BODY"
        if self.box.next_fault(step) == "expunged":
            self.box.faults[step].pop(0)
            for uid in listed(words[0]):
                self.box.mails.pop(uid, None)
        await super().on_fetch(tag, words, rest)

    def fetched(self, uid: int, step: str, rest: str) -> bytes:
        self.box.asked.append(f"{step} {uid}")
        return super().fetched(uid, step, rest)

    async def on_store(self, tag: str, words: list[str], rest: str) -> None:
        assert self.writable, "marked in a folder opened for reading alone"
        if self.box.next_fault("STORE") in ("", "after", "kill after"):
            await super().on_store(tag, words, rest)
        else:
            await self.answer("STORE", tag, [])

    async def on_idle(self, tag: str, words: list[str], rest: str) -> None:
        if self.box.idles:
            await super().on_idle(tag, words, rest)
        else:
            await self.answer("IDLE", tag, [], "BAD unknown")

    async def answer(
        self,
        step: str,
        tag: str,
        lines: Iterable[bytes],
        result: str = "OK done",
        *,
        end: bytes | None = None,
    ) -> None:
        """Answer a step, or do there what it is told to do wrong."""
        box, writer = self.box, self.writer
        waiting = box.faults.get(step)
        fault = waiting.pop(0) if waiting else ""
        box.said.append(step)
        box.watch.changed()
        match fault:
            case "kill" | "kill after":
                box.kill()
                raise HungUp
            case "bye":
                writer.write(b"* BYE shutting down\r\n")
                await writer.drain()
                raise HungUp
            case "close" | "after":
                raise HungUp
            case "mute":
                await self.reader.read()  # until the client has enough
                raise HungUp
            case "half":
                whole = b"".join(lines) + (f"{tag} {result}\r\n".encode() if end is None else end)
                writer.write(whole[: len(whole) // 2])
                await self.reader.read()
                raise HungUp
            case "garbage":
                writer.write(b"\x00\xff{99}} (((\r\n* FETCH )\r\n" + tag.encode() + b" ??\r\n")
                await self.reader.read(1)
                raise HungUp
            case "no":
                await super().answer(step, tag or "*", [], "NO not now")
            case _:
                await super().answer(step, tag, lines, result, end=end)


class ImapScript(Mailbox):
    """One mailbox with one folder. `faults` maps a step to what goes wrong there, one after the other."""

    conversation_class = _Faulty

    def __init__(self, *, idles: bool = True, tls: ssl.SSLContext | None = None) -> None:
        """Begin empty; nothing listens yet."""
        super().__init__("right")
        self.idles, self._tls = idles, tls
        self.chatty = False  # it says that there is something new whenever somebody idles
        self.faults: dict[str, list[str]] = {}
        self.said: list[str] = []  # the commands that came in, without their arguments
        self.asked: list[str] = []  # what was fetched
        self.most_connections, self.tried = 100, 0
        self.refusal = "NO [AUTHENTICATIONFAILED] no"
        self.kill: Callable[[], None] = lambda: None  # ends the client

    async def __aenter__(self) -> Self:
        """Listen."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self.stop()

    def listening(self) -> dict[str, Any]:
        """Listen with TLS where told."""
        return super().listening() | {"ssl": self._tls}

    def idle(self, writer: Any, *, on: bool) -> None:
        """Remember who idles; cry wolf to them where told."""
        super().idle(writer, on=on)
        if on and self.chatty:
            writer.write(f"* {len(self.mails)} EXISTS\r\n".encode())

    def connections(self) -> int:
        """Count the connections."""
        return len(self._open)

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

    def next_fault(self, step: str) -> str:
        """Tell what goes wrong next at a step; nothing where all goes well."""
        return next(iter(self.faults.get(step, ())), "")
