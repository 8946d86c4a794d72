"""Limits hold where two real processes take texts on one PostgreSQL at the same moment."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.db.tables import TextRow
from bot.services import bridge
from tests.conftest import telling
from tests.db.stores import KEY
from tests.services.test_texting import only
from tests.services.world import ANN, BOB, CARL, GUILD, World

pytestmark = [pytest.mark.peer, pytest.mark.slow]
CHECKOUT = Path(__file__).parents[2]
MOST, EACH = 5, 25
ANSWERS_WITHIN_S = 30
OF_A_GUILD = "this guild's own"


@asynccontextmanager
async def sender(url: str, limit: str, first: int) -> AsyncIterator[Process]:
    """Start a process that is about to send; it is gone at the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.services.sender_process"), cwd=CHECKOUT, stdin=PIPE, stdout=PIPE
    )
    try:
        asked = {"url": url, "key": KEY, "limit": limit, "most": MOST, "first": first, "texts": EACH}
        assert await say(process, json.dumps(asked)) == "ready"
        yield process
        assert await asyncio.wait_for(process.wait(), ANSWERS_WITHIN_S) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def say(process: Process, line: str) -> str:
    """Write a line; returns the next one that comes."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{line}\n".encode())
    await process.stdin.drain()
    return (await asyncio.wait_for(process.stdout.readline(), ANSWERS_WITHIN_S)).decode().strip()


@pytest.mark.ci
@pytest.mark.parametrize("shared_store", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "limit", telling(["sender", OF_A_GUILD, "pair", "recipient", "guild", "deployment"], 2)
)
async def test_of_fifty_at_once_from_two_processes_five_get_through(
    world: World, store_url: str, limit: str
) -> None:
    await world.register(BOB)
    world.limits = only()
    if limit == OF_A_GUILD:
        await world.write(bridge.change, GUILD, CARL, "settings", {"sender_limit": MOST}, world.clock())
    named = "" if limit == OF_A_GUILD else limit
    async with sender(store_url, named, 5_000_000) as one, sender(store_url, named, 6_000_000) as other:
        taken = await asyncio.gather(*(say(process, "go") for process in (one, other)))
    assert sum(int(count) for count in taken) == MOST
    assert len(await world.rows(TextRow, TextRow.sender_id == ANN)) == MOST
