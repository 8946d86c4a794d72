"""Relays in processes of their own share one PostgreSQL; a SQLite file has one relay and one Discord role."""

import asyncio
import logging
import random
import re
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from bot import app, exits, together
from bot.app import CATALOGUE, utc_now
from bot.config import Role
from bot.db.bell import Bell, ring
from bot.db.leases import RELAY_LOCK_CLASS
from bot.db.migrate import migrate
from bot.db.store import Store, open_store
from bot.domain.catalogue import Form, refusal
from bot.domain.catalogue_file import parse_catalogue
from bot.sandbox.sandbox import Sandbox
from bot.sandbox.smtp_script import Step, delay
from bot.services import texting
from bot.services.shelf import Shelf
from tests.conftest import telling
from tests.db.stores import sqlite_url
from tests.faults.process import BotProcess, Runner, runner
from tests.services.world import Clock, World
from tests.standin.standin import Standin

__all__ = ["runner"]

pytestmark = pytest.mark.slow
UP_S, DRAIN_S, OUT_S = 30.0, 60.0, 10.0
TEXTS, PEOPLE, LANES = 2_000, range(1_000, 1_040), 4
SENDER = 91
SENT = re.compile(r"outbox: sent ([\d, ]+)")


class Farm:
    """Relays, each in a process of its own, on one database with people at several gateways."""

    def __init__(self, sandbox: Sandbox, store: Store, runner: Runner, url: str, folder: Path) -> None:
        self.sandbox, self.store, self.runner, self.url, self.folder = sandbox, store, runner, url, folder
        shelf = Shelf(parse_catalogue(CATALOGUE.read_text("utf-8")), frozenset())
        self.world = World(store, Clock(utc_now()), shelf)
        self.domains: set[str] = set()

    async def register(self) -> None:
        """Give each person a phone, in turn at one of a few gateways."""
        listed = [
            found.carrier
            for found in self.world.shelf.seen_in(None)
            if found.carrier.country == "US"
            and refusal(found.carrier, utc_now().date()) is None
            and found.carrier.gateway is not None
            and found.carrier.gateway.form is Form.NATIONAL
        ]
        carriers = list({each.gateway.domain: each for each in listed if each.gateway}.values())[:LANES]
        assert len(carriers) == LANES
        self.domains = {each.gateway.domain for each in carriers if each.gateway}
        for place, person in enumerate(PEOPLE):
            number = f"206 555 01{place:02}"
            await self.world.register(person, typed_number=number, carrier_slug=carriers[place % LANES].slug)

    async def texts(self, count: int, *, bell: bool = True) -> None:
        requests = [
            self.world.request(SENDER, PEOPLE[number % len(PEOPLE)], f"text {number}.", answer=None)
            for number in range(count)
        ]
        for begin in range(0, count, 250):
            async with self.store.write() as session:
                batch = requests[begin : begin + 250]
                answers = await texting.accept(session, batch, self.world.rules, utc_now())
                assert all(isinstance(answer, texting.Accepted) for answer in answers)
                if bell:
                    await ring(session, Bell.OUTBOX)

    @asynccontextmanager
    async def relays(self, count: int) -> AsyncIterator[list[BotProcess]]:
        """Run relays; yields when all of them are at work, and stops them in the end."""
        settings = {
            **self.sandbox.environment(self.url),
            "TEXTBRIDGE_ROLES": "relay",
            "GATEWAY_RATE": "0",
            "LOG_LEVEL": "info",
        }
        async with AsyncExitStack() as stack:
            bots = [
                await stack.enter_async_context(self.runner.run(settings, self.folder / f"relay{number}"))
                for number in range(count)
            ]
            await self.until(f"SELECT count(*) = {count} FROM pg_locks WHERE classid = {RELAY_LOCK_CLASS}")
            yield bots
            for bot in bots:
                bot.send(signal.SIGTERM)
            assert [await bot.exit_code(OUT_S) for bot in bots] == [exits.OK] * count, bots[0].said

    async def until(self, query: str, within_s: float = UP_S) -> None:
        deadline = asyncio.get_running_loop().time() + within_s
        while not await self.ask(query):
            assert asyncio.get_running_loop().time() < deadline, query
            await asyncio.wait_for(asyncio.sleep(0.05), 1)  # a store has no event to wait on

    async def ask(self, query: str) -> object:
        async with self.store.read() as session:
            return await session.scalar(text(query))

    async def until_mails(self, count: int, within_s: float) -> None:
        carriers = self.sandbox.carriers
        await carriers.watch.until(lambda: len(carriers.mails) >= count or None, within_s, f"{count} mails")


@pytest.fixture
async def farm(postgres_url: str, runner: Runner, tmp_path: Path) -> AsyncIterator[Farm]:
    await migrate(postgres_url)
    async with Sandbox() as sandbox:
        store = await open_store(postgres_url, [sandbox.secret_key])
        found = Farm(sandbox, store, runner, postgres_url, tmp_path)
        await found.register()
        yield found
        await store.close()


@pytest.mark.peer
@pytest.mark.parametrize("count", telling([4, 2], 1))
@pytest.mark.ci
async def test_relays_share_what_waits_and_send_each_text_once(farm: Farm, count: int) -> None:
    # More than one relay's connections can carry at once.
    farm.sandbox.carriers.tell(delay(Step.BODY, 0.01))
    async with farm.relays(count) as bots:
        await farm.texts(TEXTS)
        await farm.until_mails(TEXTS, DRAIN_S)
        await farm.until("SELECT count(*) = 0 FROM outbox WHERE turn IS NOT NULL")
    assert await farm.ask("SELECT count(*) FROM attempts") == 0
    copies = Counter(mail.content.rpartition(b"\r\n\r\n")[2] for mail in farm.sandbox.carriers.mails)
    assert len(copies) == TEXTS
    assert set(copies.values()) == {1}
    assert {mail.recipient.partition("@")[2] for mail in farm.sandbox.carriers.mails} == farm.domains
    sent = [{int(n) for line in SENT.findall(bot.said) for n in line.split(", ")} for bot in bots]
    assert all(sent), "a relay had nothing to do"
    assert sum(map(len, sent)) == len(set.union(*sent))
    assert "Traceback" not in "".join(bot.said for bot in bots)


@pytest.mark.peer
async def test_a_text_that_another_process_takes_in_goes_at_once_by_a_bell(farm: Farm) -> None:
    """A look around each second alone would take half a second on average."""
    clock, rng = asyncio.get_running_loop().time, random.Random(7)
    waits = []
    async with farm.relays(2):
        for number in range(1, 16):
            # At no fixed moment between two looks around.
            await asyncio.sleep(rng.uniform(0, 0.3))
            began = clock()
            await farm.texts(1)
            await farm.until_mails(number, UP_S)
            waits.append(clock() - began)
    assert sorted(waits)[len(waits) // 2] < 0.25, waits


@pytest.mark.ci
@pytest.mark.peer
async def test_a_missed_bell_is_made_up_for_within_two_seconds(farm: Farm) -> None:
    async with farm.relays(2):
        for number in range(1, 6):
            began = asyncio.get_running_loop().time()
            await farm.texts(1, bell=False)
            await farm.until_mails(number, UP_S)
            assert asyncio.get_running_loop().time() - began < timedelta(seconds=2).total_seconds() + 0.5


@pytest.mark.parametrize(
    ("role", "words"),
    [(Role.RELAY, "another bot already works on this file"),
     (Role.DISCORD, "another bot already answers Discord from this file")],
)  # fmt: skip
async def test_a_second_role_on_a_sqlite_file_refuses_to_start(
    migrated_file: Path, tmp_path: Path, runner: Runner, role: Role, words: str,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setattr(together, "LOCK_WAIT_S", 1)
    path = tmp_path / "store.db"
    shutil.copyfile(migrated_file, path)
    async with Standin() as world:
        world.discord.guild("Home", world.discord.person("founder"))
        settings = world.environment(sqlite_url(path))
        async with runner.run(settings, tmp_path / "first") as first:
            await world.discord.ready(UP_S)
            second = app.run(world.config(sqlite_url(path), roles=frozenset({role})), stop=asyncio.Event())
            assert await asyncio.wait_for(second, UP_S) == exits.UNAVAILABLE == 69
            (told,) = [record.getMessage() for record in caplog.records if record.levelno == logging.CRITICAL]
            assert words in told
            assert "stop it first, or use PostgreSQL" in told
            assert first.running
            first.send(signal.SIGTERM)
            assert await first.exit_code(OUT_S) == exits.OK
