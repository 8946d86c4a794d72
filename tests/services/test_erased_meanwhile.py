"""What happens at the very moment at which a phone is taken away leaves nothing of it behind."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.store import open_store
from bot.db.tables import OptIn, OutboxItem, Registration, Reply, TextRow
from bot.domain.inbound import Kind, Trust
from bot.domain.words import REFUSAL
from bot.services import phone, privacy, registration, texting
from bot.services.arrivals import Acted
from bot.services.texting import Accepted, Refused
from tests.db.stores import KEY
from tests.services.arriving import arrives, sent
from tests.services.world import ANN, BOB, Road, World

pytestmark = pytest.mark.peer
WAITS = sql("SELECT count(*) FROM pg_locks WHERE NOT granted")


async def finished_or_waiting(session: AsyncSession, task: "asyncio.Task[Any]") -> None:
    """Wait until another's transaction is through, or waits for ours."""
    async with asyncio.timeout(10):
        while not task.done() and not await session.scalar(WAITS):
            await asyncio.wait({task}, timeout=0.02)


@pytest.mark.parametrize("shared_store", ["postgresql"], indirect=True)
@pytest.mark.parametrize("trust", [Trust.UNPROVEN, Trust.ADDRESSED])
async def test_an_answer_that_comes_as_its_phone_is_erased_is_not_kept(
    world: World, road: Road, store_url: str, trust: Trust
) -> None:
    await world.register(BOB)
    text_id = await sent(world, road)
    other = await open_store(store_url, [KEY])
    async with other.write() as session:
        await privacy.erase(session, BOB, world.clock())
        coming = asyncio.create_task(arrives(world, Kind.REPLY, text_id, "see you", trust=trust))
        await finished_or_waiting(session, coming)
    assert await coming is Acted.IGNORED
    assert await world.rows(Reply) == []
    assert [notice for notice in await world.notices(ANN) if notice.reply_id is not None] == []
    await other.close()


@pytest.mark.parametrize("shared_store", ["postgresql"], indirect=True)
@pytest.mark.parametrize("ends", [phone.remove, privacy.erase])
async def test_a_phone_that_is_proved_as_it_is_taken_away_is_gone(
    world: World, store_url: str, ends: Callable[..., Awaitable[str]]
) -> None:
    await world.ask_code(BOB)
    code, now = await world.code_of(BOB), world.clock()
    other = await open_store(store_url, [KEY])
    async with other.write() as session:
        assert (await registration.check_code(session, BOB, code, world.shelf, now)).proven
        ending = asyncio.create_task(world.write(ends, BOB, now))
        await finished_or_waiting(session, ending)
    await ending
    assert await world.rows(Registration) == []
    assert await world.rows(OptIn) == []
    await other.close()


@pytest.mark.parametrize("shared_store", ["postgresql"], indirect=True)
@pytest.mark.parametrize("ends", [phone.remove, privacy.erase])
async def test_a_text_that_is_taken_as_its_phone_goes_away_is_refused(
    world: World, store_url: str, ends: Callable[..., Awaitable[str]]
) -> None:
    await world.register(BOB)
    other = await open_store(store_url, [KEY])
    async with other.write() as session:
        await ends(session, BOB, world.clock())
        coming = asyncio.create_task(world.accept(world.request(ANN, BOB)))
        await finished_or_waiting(session, coming)
    assert await coming == [Refused(REFUSAL)]
    assert await world.rows(TextRow) == []
    assert await world.rows(OutboxItem) == []
    await other.close()


@pytest.mark.parametrize("shared_store", ["postgresql"], indirect=True)
async def test_an_erasure_waits_for_a_text_that_is_being_taken(world: World, store_url: str) -> None:
    await world.register(BOB)
    other = await open_store(store_url, [KEY])
    async with other.write() as session:
        taken = await texting.accept(session, [world.request(ANN, BOB)], world.rules, world.clock())
        assert isinstance(taken[0], Accepted)
        erasing = asyncio.create_task(world.write(privacy.erase, BOB, world.clock()))
        await finished_or_waiting(session, erasing)
    await erasing
    assert [row.recipient_id == BOB for row in await world.rows(TextRow)] == [False]
    await other.close()
