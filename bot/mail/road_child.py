"""Keep up the process that works on the road: begin it, tell it, hear it, end it."""

import asyncio
import contextlib
import json
import logging
import mmap
import os
import socket
import sys
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

from bot.mail.frames import LENGTH_OCTETS, framed

_log = logging.getLogger(__name__)
_CHECKOUT = Path(__file__).resolve().parents[2]
PROGRAM = ("-m", "bot.mail.road_process")
# One octet for each mail, in memory that outlives the process.
MARKS = 1 << 20
# Who says nothing for so long is asked, and ended where that brings no answer in as long again.
SILENCE_S = 30.0
ENDS_WITHIN_S = 1.0


def pays() -> bool:
    """Tell whether such a process can begin here, and has a processor to itself."""
    return os.name == "posix" and (os.cpu_count() or 1) > 1


class RoadChild:
    """One process, from live() on; what is said before it listens is kept until then.

    `marks` are octets that it shares with us, all 0 in the beginning.
    """

    def __init__(
        self, greeting: Sequence[Any], hear: Callable[[str, list[Any]], None], program: Sequence[str]
    ) -> None:
        self._greeting, self._hear, self._program = greeting, hear, program
        self._unwritten: list[bytes] = []
        self._writer: asyncio.StreamWriter | None = None
        self._silent = 0
        self.marks = mmap.mmap(-1, MARKS)
        self.exit_code: int | None = None
        self.has_worked = False  # it has said something

    @property
    def is_up(self) -> bool:
        """Tell whether the process is there and hears us."""
        return self._writer is not None

    def say(self, *words: Any) -> None:
        """Tell the process; what it hears is in this order."""
        frame = framed(json.dumps(words).encode("ascii"))
        if self._writer is None:
            self._unwritten.append(frame)
        else:
            self._writer.write(frame)

    async def live(self) -> None:
        """Begin the process and hear what it says until it ends or this is cancelled; it is gone then."""
        process: Process | None = None
        try:
            process, (reader, writer) = await self._start()
            self._begin_talk(writer)
            await self._listen(reader)
        except Exception as failed:  # noqa: BLE001 - whatever it was, the process must end and its mails too
            _log.warning("smtp: the process that sends cannot be talked to (%s)", type(failed).__name__)
        finally:
            self._hang_up()
            if process is not None:
                self.exit_code = await _ended(process)

    async def _start(self) -> tuple[Process, tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        here, there = socket.socketpair()
        try:
            with there, _shared_memory() as shared:
                shared.truncate(MARKS)  # and nothing that was marked so far is lost: no mail has begun
                self.marks = mmap.mmap(shared.fileno(), MARKS)
                process = await self._run(there.fileno(), shared.fileno())
            return process, await asyncio.open_unix_connection(sock=here)
        except BaseException:
            here.close()  # which ends the process, should there be one
            raise

    async def _run(self, *ends: int) -> Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, *self._program, *map(str, ends)),
            pass_fds=ends,
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=DEVNULL,  # a traceback may quote a mail
            cwd=_CHECKOUT,
            start_new_session=True,  # Ctrl+C is for the bot, which then says how to end
        )

    def _begin_talk(self, writer: asyncio.StreamWriter) -> None:
        unwritten, self._unwritten = self._unwritten, []
        self._writer = writer
        self.say(*self._greeting)
        writer.writelines(unwritten)
        self._watch(writer)

    def _watch(self, writer: asyncio.StreamWriter) -> None:
        """Ask who has been silent: one that does not answer must not keep mails for ever."""
        if writer is not self._writer:
            return
        if self._silent > 1:
            _log.error("smtp: the process that sends says nothing more; it is ended")
            self._hang_up()
            return
        if self._silent:
            self.say("ping")
        self._silent += 1
        asyncio.get_running_loop().call_later(SILENCE_S, self._watch, writer)

    def _hang_up(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.transport.abort()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = int.from_bytes(await reader.readexactly(LENGTH_OCTETS), "big")
                kind, *rest = json.loads(await reader.readexactly(length))
                self._silent, self.has_worked = 0, True
                self._hear(kind, rest)


def _shared_memory() -> BinaryIO:
    """Open a file that two processes can map: in memory where there are such: a disk may be shut."""
    in_memory = getattr(os, "memfd_create", None)
    if in_memory is not None:
        return os.fdopen(in_memory("marks"), "w+b")
    return cast("BinaryIO", tempfile.TemporaryFile())


async def _ended(process: Process) -> int:
    """Wait for the end of a process that we hung up on; returns its exit code."""
    # Not killed at once: asyncio loses the exit code of what has ended by itself and is killed then.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ENDS_WITHIN_S):
            return await process.wait()
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    return await process.wait()
