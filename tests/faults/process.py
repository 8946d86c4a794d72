"""Run the bot as a process of its own, plainly or forked off a runner, and see how it ends."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.config import BY_NAME
from tests import leaks
from tests.checkout import CHECKOUT, NO_DOTENV

LONGEST_RUN_S = 40.0
RUNNER = CHECKOUT / "tests" / "faults" / "runner.py"


@dataclass(slots=True)
class BotProcess:
    """A running bot: its id, what it printed and logged, and its exit code (minus the signal's number)."""

    pid: int
    output: Path
    _ended: "asyncio.Task[int]"

    async def exit_code(self, within_s: float = LONGEST_RUN_S) -> int:
        """Wait for its end."""
        async with asyncio.timeout(within_s):
            return await asyncio.shield(self._ended)

    @property
    def running(self) -> bool:
        return not self._ended.done()

    @property
    def said(self) -> str:
        return self.output.read_text("utf-8") if self.output.exists() else ""

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the bot itself."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    async def kill(self) -> None:
        """End it with -9 and wait until the system has closed what it had open."""
        self.send(signal.SIGKILL)
        await self.exit_code(10)


@dataclass(frozen=True, slots=True)
class Runner:
    """Starts bots; one for the whole test run."""

    address: Path

    @asynccontextmanager
    async def run(
        self, settings: Mapping[str, str], output: Path, *words: str, dies_at: str = ""
    ) -> AsyncIterator[BotProcess]:
        """Run `python -m bot run` (or other words) by fork; killed where the block leaves it running.

        At the named point of points.py, if one is given, it kills itself.
        """
        reader, writer = await asyncio.open_unix_connection(str(self.address))
        request = {
            "words": words or ["run"],
            "environment": environment(settings),
            "output": str(output),
            "dies_at": dies_at,
        }
        writer.write(json.dumps(request).encode() + b"\n")
        pid = int(await reader.readline())

        async def end() -> int:
            return int(await reader.readline())

        try:
            async with _guarded(BotProcess(pid, output, asyncio.create_task(end()))) as process:
                yield process
        finally:
            writer.close()


@asynccontextmanager
async def plainly(settings: Mapping[str, str], output: Path, *words: str) -> AsyncIterator[BotProcess]:
    """Run `python -m bot run` (or other words) as anybody would."""
    with output.open("ab") as target:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            *(words or ("run",)),
            cwd=CHECKOUT,
            env=environment(settings),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=target,
            stderr=target,
        )
    async with _guarded(BotProcess(process.pid, output, asyncio.create_task(process.wait()))) as running:
        yield running


@asynccontextmanager
async def _guarded(process: BotProcess) -> AsyncIterator[BotProcess]:
    try:
        yield process
    finally:
        if process.running:
            await process.kill()
    assert leaks.found(process.said) == []


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Nothing of the machine's own settings, and what every bot in these tests needs."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
    assert set(settings) <= set(BY_NAME)
    ours = {
        "BOT_NO_BOOTSTRAP": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LIMITS": "off",
        "LOG_LEVEL": "debug",
        **NO_DOTENV,
    }
    return {**kept, **ours, **settings}


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    """Start the runner once."""
    # A socket's path is short by law; pytest's folders are not.
    folder = Path(tempfile.mkdtemp(prefix="bot-"))
    address = folder / "runner"
    process = subprocess.Popen(
        [sys.executable, str(RUNNER), str(address)],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield Runner(address)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()
        shutil.rmtree(folder)
