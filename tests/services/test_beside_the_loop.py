"""A trip in SQLite's thread knows the catalogue as the store has it, from its first text to its last."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.group_commit import GroupCommit
from bot.db.store import open_store
from bot.domain.render import Footer, footer
from bot.domain.states import State
from bot.domain.words import REFUSAL
from bot.services.shelf import Shelf
from bot.services.texting import Accepted, Refused, Request, Rules, accept
from tests.db.stores import KEY
from tests.services.editing import EDITOR, remove, switch
from tests.services.world import ANN, BOB, CARL, CATALOGUE, Road, World, work

pytestmark = pytest.mark.parametrize("shared_store", ["sqlite"], indirect=True)
IN_TIME_S = 20
# Longer than a change of the catalogue takes where nothing is in its way.
SOON_S = 0.2


class Taking:
    """Take texts as the desk does; remembers in which thread each batch was decided."""

    def __init__(self, world: World, rules: Rules) -> None:
        self._world, self._rules = world, rules
        self.ran: list[int] = []
        self._group: GroupCommit[Request, Accepted | Refused] = GroupCommit(world.store, self._accept)

    async def _accept(self, session: AsyncSession, asked: Sequence[Request]) -> list[Accepted | Refused]:
        self.ran.append(threading.get_ident())
        return await accept(session, asked, self._rules, self._world.clock())

    async def text(self, *recipients: int) -> list[Accepted | Refused]:
        asked = (self._group.submit(self._world.request(ANN, one)) for one in recipients)
        return list(await asyncio.wait_for(asyncio.gather(*asked), IN_TIME_S))


@asynccontextmanager
async def another_process(world: World, url: str) -> AsyncIterator[World]:
    """Open the same file once more, with a catalogue of its own in memory."""
    store = await open_store(url, [KEY])
    try:
        yield World(store, world.clock, Shelf(CATALOGUE, frozenset()))
    finally:
        await store.close()


async def test_a_catalogue_that_changed_is_taken_over_on_the_loop(world: World, store_url: str) -> None:
    await world.register(BOB)
    taking, here = Taking(world, world.rules), threading.get_ident()
    await taking.text(BOB)
    async with another_process(world, store_url) as other:
        await switch(other, EDITOR, "us-one", False)
        before, ran = world.shelf.version, len(taking.ran)
        assert before != other.shelf.version
        assert await taking.text(BOB) == [Refused(REFUSAL)]
        assert world.shelf.version == other.shelf.version
    assert taking.ran[ran] != here
    assert taking.ran[ran + 1 :] == [here]
    assert await taking.text(BOB) == [Refused(REFUSAL)]
    assert taking.ran[ran + 2 :] == [taking.ran[ran]]


async def test_a_pass_takes_a_changed_catalogue_over_before_it_sends(
    world: World, road: Road, store_url: str
) -> None:
    await world.register(BOB)
    relay, text = world.relay(road), await world.text(ANN, BOB)
    async with another_process(world, store_url) as other:
        await switch(other, EDITOR, "us-one", False)
        await work(relay)
        assert world.shelf.version == other.shelf.version
    assert road.tried == []
    assert (await world.standing(text))[0] == State.CANCELLED


async def test_nothing_changes_the_catalogue_while_a_trip_is_under_way(world: World, store_url: str) -> None:
    await world.register(BOB)
    await world.register(CARL, carrier_slug="us-two")
    begun, go, loop = asyncio.Event(), threading.Event(), asyncio.get_running_loop()

    def wait_between_two_texts() -> Footer:
        loop.call_soon_threadsafe(begun.set)
        assert go.wait(IN_TIME_S)
        return footer("@owner", has_inbox=False)

    taking = Taking(world, replace(world.rules, footer=wait_between_two_texts))
    async with world.store.read() as session:
        await world.shelf.refresh(session)
    before = world.shelf.version
    async with another_process(world, store_url) as other:
        texting = asyncio.create_task(taking.text(BOB, CARL))
        await asyncio.wait_for(begun.wait(), IN_TIME_S)
        removing = asyncio.create_task(remove(other, EDITOR, "us-two", confirmed=True))
        # It cannot be committed before the trip is: what the loop takes over meanwhile is what the trip saw.
        await asyncio.wait({removing}, timeout=SOON_S)
        async with world.store.read() as session:
            await world.shelf.refresh(session)
        assert world.shelf.version == before
        assert not removing.done()
        go.set()
        assert [type(said) for said in await texting] == [Accepted, Accepted]
        await asyncio.wait_for(removing, IN_TIME_S)
    assert len(taking.ran) == 1
    assert await taking.text(CARL) == [Refused(REFUSAL)]
