"""The desk runs a service call in one transaction, and once more where two came in each other's way."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.tables import Mark
from bot.services.desk import Desk
from tests.services.world import World

pytestmark = [pytest.mark.peer, pytest.mark.parametrize("shared_store", ["postgresql"], indirect=True)]


async def test_of_two_that_wait_for_each_other_both_get_through(world: World) -> None:
    desk = Desk(world.store, world.rules, "US", None, world.clock, asyncio.Event(), asyncio.Event())
    holds = (asyncio.Event(), asyncio.Event())
    tries = []

    async def lock_both(session: AsyncSession, first: int) -> str:
        tries.append(first)
        await session.execute(text("SET LOCAL deadlock_timeout = '50ms'"))
        session.add(Mark(name=f"by {first}", value=""))
        for turn, key in enumerate((first, 1 - first)):
            await session.execute(text("SELECT pg_advisory_xact_lock(7, :key)"), {"key": key})
            holds[first].set()
            if turn == 0:
                await holds[1 - first].wait()
        return f"done {first}"

    both = asyncio.gather(desk.write(lock_both, 0), desk.write(lock_both, 1))
    assert await asyncio.wait_for(both, 20) == ["done 0", "done 1"]
    assert len(tries) == 3
    assert len(await world.rows(Mark)) == 2
