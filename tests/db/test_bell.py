"""A bell wakes another process on PostgreSQL once what it is about is committed; SQLite needs none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from sqlalchemy import text

from bot.db.bell import Bell, Listener, ring
from bot.db.store import Store, open_store
from tests.db.stores import KEY, Shared

SOON_S = 10.0


@pytest.fixture
async def far(shared_postgresql: Shared) -> AsyncIterator[Store]:
    """Give a store as another process has it."""
    store = await open_store(shared_postgresql.url, [KEY])
    yield store
    await store.close()


@pytest.fixture
async def near(shared_postgresql: Shared) -> AsyncIterator[Store]:
    store = Store(shared_postgresql.engine, shared_postgresql.vault)
    yield store
    await store.close()


@asynccontextmanager
async def listening(store: Store, wakes: dict[Bell, asyncio.Event]) -> AsyncIterator["asyncio.Task[float]"]:
    """Listen, from when whatever was rung before has been heard."""
    stop = asyncio.Event()
    task = asyncio.create_task(Listener(store, wakes).listen(stop))
    for wake in wakes.values():
        await asyncio.wait_for(wake.wait(), SOON_S)
        wake.clear()
    yield task
    stop.set()
    await asyncio.wait({task}, timeout=SOON_S)


def events() -> dict[Bell, asyncio.Event]:
    return {bell: asyncio.Event() for bell in Bell}


@pytest.mark.peer
async def test_each_bell_wakes_who_listens_for_it_each_time(near: Store, far: Store) -> None:
    wakes = events()
    async with listening(near, wakes):
        for bell in (*Bell, *Bell, *Bell):
            async with far.write() as session:
                await ring(session, bell)
            await asyncio.wait_for(wakes[bell].wait(), SOON_S)
            assert [other for other in Bell if wakes[other].is_set()] == [bell]
            wakes[bell].clear()


@pytest.mark.peer
async def test_bells_that_ring_together_are_all_heard(near: Store, far: Store) -> None:
    wakes = events()
    async with listening(near, wakes):
        for _ in range(20):
            async with far.write() as session:
                await ring(session, *Bell)
            await asyncio.wait_for(asyncio.gather(*(wake.wait() for wake in wakes.values())), SOON_S)
            for wake in wakes.values():
                wake.clear()


@pytest.mark.peer
async def test_a_bell_rings_only_once_its_transaction_is_committed(near: Store, far: Store) -> None:
    wakes = events()
    async with listening(near, wakes):
        with suppress(LookupError):
            async with far.write() as session:
                await ring(session, Bell.OUTBOX)
                raise LookupError
        async with far.write() as session:
            await ring(session, Bell.NOTICES)
        # What one connection rings is heard in order.
        await asyncio.wait_for(wakes[Bell.NOTICES].wait(), SOON_S)
        assert not wakes[Bell.OUTBOX].is_set()


@pytest.mark.peer
async def test_a_cut_line_is_raised_and_the_next_begins_by_waking_all(near: Store, far: Store) -> None:
    wakes = events()
    async with listening(near, wakes) as task:
        async with far.write() as session:
            cut = (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN textbridge%'"
            )
            assert (await session.scalars(text(cut))).all() == [True]
        await asyncio.wait({task}, timeout=SOON_S)
        assert task.done()
        assert task.exception() is not None
    async with listening(near, events()):
        pass  # it waits until every event was set


@pytest.mark.peer
async def test_who_stops_listening_leaves_no_listening_connection_behind(near: Store, far: Store) -> None:
    async with listening(near, events()):
        pass
    query = text("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN textbridge%'")
    # The server hears of the end a moment after us; each look asks it anew.
    async with asyncio.timeout(SOON_S):
        while True:
            async with far.read() as session:
                if await session.scalar(query) == 0:
                    break


async def test_on_sqlite_a_bell_is_nothing(migrated_sqlite: Store) -> None:
    async with migrated_sqlite.write() as session:
        await ring(session, *Bell)
        assert await session.scalar(text("SELECT 1")) == 1
