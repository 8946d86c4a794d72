"""Kill the bot with -9 again and again under load: nothing accepted is lost, nothing goes twice unlogged."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Size, telling
from tests.db.stores import sqlite_url
from tests.faults.load import Scene, kill_figures, under_load
from tests.faults.process import BotProcess, Runner

pytestmark = [pytest.mark.fault, pytest.mark.slow]

RELAYS = len(telling(range(4), 2))
SHARED_TAKES_S = 0.3  # four relays share what one has on the wire


@pytest.mark.timeout(3600)
async def test_kill_9_under_load_loses_nothing_and_repeats_nothing_unlogged(
    runner: Runner, tmp_path: Path, size: Size, record_property: Any
) -> None:
    began = time.monotonic()
    async with under_load(sqlite_url(tmp_path / "bare.db"), runner, tmp_path / "bot.log") as scene:
        for number in range(size.pick(200, 1000, plain=6)):
            await scene.live_and_die(plain=number == 0 or number % 50 == 4)
    figures = kill_figures(scene, began)
    record_property("figures", figures)
    print(figures)
    assert figures["accepted"] >= scene.kills * 2  # they died while they had work


class Fleet:
    """One bot that answers Discord, and relays beside it, on one PostgreSQL."""

    def __init__(self, scene: Scene, stack: AsyncExitStack) -> None:
        self._scene, self._stack = scene, stack
        self._relays: list[BotProcess] = []
        self._discord: BotProcess | None = None

    async def start(self, role: str) -> BotProcess:
        return await self._stack.enter_async_context(self._scene.bot(TEXTBRIDGE_ROLES=role))

    async def begin(self) -> None:
        self._discord = await self.start("discord")
        self._relays = [await self.start("relay") for _ in range(RELAYS)]
        await self._scene.sandbox.discord.ready(20)

    async def lose_one(self) -> None:
        """Kill a relay at a random moment, one time in ten the bot that answers, and start it again."""
        scene = self._scene
        assert self._discord is not None
        if scene.rng.random() < 0.1:
            await scene.random_moment(self._discord)
            self._discord = await self.start("discord")
            await scene.sandbox.discord.ready(20)
            return
        place = scene.rng.randrange(RELAYS)
        await scene.random_moment(self._relays[place])
        self._relays[place] = await self.start("relay")

    async def lose_all(self) -> None:
        """Kill every relay, and time the first mail of the next ones."""
        scene = self._scene
        await asyncio.gather(*(scene.random_moment(relay) for relay in self._relays))
        connections = scene.sandbox.carriers.connections
        self._relays = [await self.start("relay") for _ in range(RELAYS)]
        await scene.first_mail(connections)


@pytest.mark.peer
@pytest.mark.timeout(3600)
@pytest.mark.ci
async def test_relays_that_share_a_database_lose_nothing_when_each_may_be_killed(
    postgres_url: str, runner: Runner, tmp_path: Path, size: Size, record_property: Any
) -> None:
    began = time.monotonic()
    async with (
        under_load(postgres_url, runner, tmp_path / "bot.log", SHARED_TAKES_S) as scene,
        AsyncExitStack() as stack,
    ):
        fleet = Fleet(scene, stack)
        await fleet.begin()
        await fleet.lose_all()
        while scene.kills < (size.pick(200) if size.name != "tenth" else RELAYS):
            await fleet.lose_one() if scene.kills % 40 else await fleet.lose_all()
    figures = kill_figures(scene, began)
    record_property("figures", figures)
    print(figures)
