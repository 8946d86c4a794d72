"""Measure the bot as a process behind the pretend Discord: ready time, memory, and time to the answer."""

import asyncio
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import create_engine

from benchmarks import family, seed
from benchmarks.house import CONNECTIONS, OPEN_STATES, WIDE_LIMITS_WRITTEN
from benchmarks.house_jobs import FIRST_NEW, LOOK_EVERY, Report, percentiles
from bot.sandbox.answer import Answer
from bot.sandbox.member import Person
from bot.sandbox.sandbox import Sandbox
from bot.sandbox.watch import SandboxError
from bot.sandbox.world import Guild
from bot.settings import CHECKOUT

SENDERS, RECIPIENTS = 50, 200
FIRST_PLACE = 50_000_000  # behind everybody who is registered already
START_S, STOP_S, ANSWER_S = 60.0, 15.0, 15.0


@dataclass(slots=True)
class Town:
    """The pretend Discord with a guild of senders and of people with phones."""

    sandbox: Sandbox
    senders: list[Person]
    recipients: list[Person]
    guild: Guild

    @classmethod
    def build(cls, sandbox: Sandbox) -> "Town":
        """Let everybody open an account and join."""
        discord = sandbox.discord
        senders = [discord.person(f"sender{number}") for number in range(SENDERS)]
        recipients = [discord.person(f"recipient{number}") for number in range(RECIPIENTS)]
        guild = discord.guild("Home", discord.person("founder"), *senders, *recipients)
        return cls(sandbox, senders, recipients, guild)

    async def ask(self, number: int) -> Answer:
        """Let one member type /text."""
        target = self.recipients[number % len(self.recipients)]
        words = f"dinner at 7, bring the long ladder ({number})"
        sender = self.senders[number % len(self.senders)]
        return await sender.slash(self.guild, "text", user=target, message=words, wait=False)


@dataclass(slots=True)
class Stopwatch:
    """How long each answer took to show, from when its command was due."""

    due: dict[Answer, float] = field(default_factory=dict)
    took_s: list[float] = field(default_factory=list)

    def look(self) -> None:
        """Stamp what shows by now; whoever waits for the sandbox calls this at every change."""
        now = asyncio.get_running_loop().time()
        for answer in [answer for answer in self.due if answer.shows()]:
            self.took_s.append(now - self.due.pop(answer))


@dataclass(slots=True)
class Bot:
    """A running bot."""

    process: asyncio.subprocess.Process
    ready_s: float

    def memory_mib(self, field_name: str) -> float:
        """Return a line of the kernel's account of it and its own: VmRSS now, VmHWM at most."""
        return family.memory_mib(self.process.pid, field_name)


async def discord(
    url: str, backlog_url: str, key: str, smtp: dict[str, Any], rate: int, seconds: float
) -> Report:
    """Start the bot twice on a quiet store, and text; then on one whose backlog drains meanwhile."""
    async with Sandbox() as sandbox:
        town = Town.build(sandbox)
        settings = _settings(sandbox, key, smtp)
        for store in (url, backlog_url):
            people = [person.id for person in town.recipients]
            await seed.fill(store, key, 0, people, town.guild.id, FIRST_PLACE)
        async with _bot(town, settings | {"DATABASE_URL": url}) as first:
            report: Report = {"first_ready_s": first.ready_s}
        async with _bot(town, settings | {"DATABASE_URL": url}) as bot:
            report |= {"ready_s": bot.ready_s, "ready_mib": bot.memory_mib("VmRSS")}
            report["idle"] = await _ask_evenly(town, rate, seconds, None)
        async with _bot(town, settings | {"DATABASE_URL": backlog_url}) as bot:
            report["busy"] = await _ask_evenly(town, rate, seconds, backlog_url)
            report["busy_mib"] = bot.memory_mib("VmHWM")
        return report


def _settings(sandbox: Sandbox, key: str, smtp: Mapping[str, Any]) -> dict[str, str]:
    return sandbox.environment("") | {
        "SECRET_KEY": key,
        "SMTP_PORT": str(smtp["port"]),
        "SMTP_CONNECTIONS": str(CONNECTIONS),
        "GATEWAY_RATE": "0",
        "LIMITS": WIDE_LIMITS_WRITTEN,
        "LOG_LEVEL": "warning",
        "BOT_NO_BOOTSTRAP": "1",
        "BOT_DOTENV": "/nonexistent/.env",
    }


@asynccontextmanager
async def _bot(town: Town, settings: Mapping[str, str]) -> AsyncIterator[Bot]:
    loop, discord = asyncio.get_running_loop(), town.sandbox.discord
    began = loop.time()
    with tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "run"), cwd=CHECKOUT, env=settings, stdout=log, stderr=log
        )
        try:
            await discord.ready(START_S)
            await discord.command_registered("text", START_S)
            yield Bot(process, loop.time() - began)
        except SandboxError:
            log.seek(0)
            sys.stderr.write(log.read().decode("utf-8", "replace"))
            raise
        finally:
            await _end(process)
    await discord.world.watch.until(
        lambda: None if any(session.line for session in discord.gateway.sessions.values()) else True,
        STOP_S,
        "the bot to log out",
    )


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _ask_evenly(town: Town, rate: int, seconds: float, backlog_url: str | None) -> Report:
    """Have /text typed at an even rate, counted from when each was due, until a backlog is drained."""
    loop, stopwatch = asyncio.get_running_loop(), Stopwatch()
    watching = asyncio.create_task(_watch(town, stopwatch))
    answers, begin = [], loop.time()
    for number in range(int(rate * seconds)):
        due = begin + number / rate
        await asyncio.sleep(due - loop.time())
        if backlog_url is not None and number % LOOK_EVERY == 0 and _is_drained(backlog_url):
            break
        answer = await town.ask(number)
        answers.append(answer)
        stopwatch.due[answer] = due
    deadline = loop.time() + ANSWER_S
    while stopwatch.due and loop.time() < deadline:
        await asyncio.sleep(0.05)
    watching.cancel()
    refused = sum("way" not in " ".join(answer.history) for answer in answers)
    return percentiles(stopwatch.took_s) | {"unanswered": len(stopwatch.due), "refused": refused}


async def _watch(town: Town, stopwatch: Stopwatch) -> None:
    await town.sandbox.discord.world.watch.until(stopwatch.look, 3600, "nothing")


def _is_drained(url: str) -> bool:
    engine = create_engine(url.replace("+aiosqlite", ""))
    with engine.connect() as connection:
        old = f"state IN {OPEN_STATES} AND id < {FIRST_NEW}"
        query = f"SELECT 1 FROM texts WHERE {old} LIMIT 1"  # noqa: S608 - our own words
        found = connection.exec_driver_sql(query).first()
    engine.dispose()
    return found is None
