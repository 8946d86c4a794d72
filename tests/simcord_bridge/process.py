"""Run a bot as its own process and keep what it prints."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.checkout import NO_DOTENV

_STOP_TIMEOUT_S = 10.0
_KEPT_FROM_ENVIRONMENT = ("PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT")


class BotProcess:
    """A Python process with a clean environment, whose output can be read."""

    def __init__(self, process: asyncio.subprocess.Process, changed: Callable[[], None]) -> None:
        self._process = process
        self._changed = changed
        self.output: list[str] = []
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(
        cls,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        changed: Callable[[], None],
        cwd: Path | None = None,
    ) -> BotProcess:
        """Start `python ARGUMENTS` with only `environment` and what any process needs."""
        kept = {name: os.environ[name] for name in _KEPT_FROM_ENVIRONMENT if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**kept, "PYTHONUNBUFFERED": "1", **NO_DOTENV, **environment},
            cwd=cwd,
        )
        return cls(process, changed)

    @property
    def exit_code(self) -> int | None:
        """Return the exit code, or None while the process lives."""
        return self._process.returncode

    async def wait(self, timeout_s: float = _STOP_TIMEOUT_S) -> int:
        """Wait for the process to end by itself and return its exit code."""
        async with asyncio.timeout(timeout_s):
            await asyncio.shield(self._reader)
            return await self._process.wait()

    async def stop(self, timeout_s: float = _STOP_TIMEOUT_S) -> int:
        """Ask the process to end (SIGTERM) and return its exit code; kill it if it does not."""
        if self.exit_code is None:
            self._process.terminate()
        try:
            return await self.wait(timeout_s)
        except TimeoutError:
            return await self.kill()

    async def kill(self) -> int:
        """End the process without warning."""
        if self.exit_code is None:
            self._process.kill()
        return await self.wait()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.output.append(line.decode(errors="replace").rstrip("\n"))
            self._changed()
        await self._process.wait()
        self._changed()
