"""Have mails read in another process: a hostile one costs that process, not the bot."""

import asyncio
import contextlib
import logging
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from pathlib import Path

from bot.domain.inbound import Reading
from bot.mail.frames import LENGTH_OCTETS, framed
from bot.mail.reading_process import READY, unpacked

_log = logging.getLogger(__name__)
_CHECKOUT = Path(__file__).resolve().parents[2]
PROGRAM = ("-m", "bot.mail.reading_process")
START_S, LONGEST_S, UNUSED_S = 30.0, 10.0, 60.0


class Reader:
    """A process that reads one mail after the other; it begins when it is needed, and ends when it is not."""

    def __init__(self, program: Sequence[str] = PROGRAM) -> None:
        self._program = program
        self._process: Process | None = None
        self._ends: asyncio.TimerHandle | None = None

    async def read(self, raw: bytes) -> Reading | None:
        """Return what a mail says, or None where reading it failed or took too long."""
        if self._ends is not None:
            self._ends.cancel()
        try:
            process = self._process or await self._start()
            async with asyncio.timeout(LONGEST_S):
                return await _ask(process, raw)
        except (
            TimeoutError,
            OSError,
            EOFError,
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
        ) as failed:
            _log.warning("inbox: a mail could not be read (%s)", type(failed).__name__)
            await self.close()
            return None
        except asyncio.CancelledError:
            self._kill()
            raise
        finally:
            self._ends = asyncio.get_running_loop().call_later(UNUSED_S, self._kill)

    async def close(self) -> None:
        """End the process."""
        if self._ends is not None:
            self._ends.cancel()
        process = self._process
        self._kill()
        if process is not None:
            await process.wait()

    async def _start(self) -> Process:
        process = self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, *self._program),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,  # a traceback may quote the mail
            cwd=_CHECKOUT,
            env={} if os.name == "posix" else None,  # none of our secrets, where it can start without any
            start_new_session=True,
        )
        async with asyncio.timeout(START_S):
            if process.stdout is None or await process.stdout.readexactly(1) != READY:
                raise EOFError
        return process

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()


async def _ask(process: Process, raw: bytes) -> Reading:
    if process.stdin is None or process.stdout is None:
        raise EOFError
    process.stdin.write(framed(raw))
    await process.stdin.drain()
    length = int.from_bytes(await process.stdout.readexactly(LENGTH_OCTETS), "big")
    return unpacked(await process.stdout.readexactly(length))
