"""A transaction that awaits the store alone runs beside the event loop, and is whole or not at all."""

import asyncio
import sqlite3
import threading
import traceback
from collections.abc import Awaitable, Callable
from contextlib import closing

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.pool import AsyncAdaptedQueuePool

from bot.db.base import table_of
from bot.db.bulk import insert_rows
from bot.db.one_trip import on_the_loop
from bot.db.store import Store
from bot.db.tables import Mark

IN_TIME_S = 20
CANARY = "canary 7401"


async def put(session: AsyncSession, name: str) -> str:
    await session.execute(insert(Mark).values(name=name, value=""))
    return f"put {name}"


async def names(store: Store) -> list[str]:
    async with store.read() as session:
        return sorted(await session.scalars(select(Mark.name).where(Mark.name.like("trip%"))))


async def test_what_is_done_is_kept_and_comes_back(store: Store) -> None:
    async def act(session: AsyncSession) -> str:
        said = await put(session, "trip 1")
        assert list(await session.scalars(select(Mark.name).where(Mark.name == "trip 1"))) == ["trip 1"]
        return said

    assert await store.write_at_once(lambda: act) == "put trip 1"
    assert await names(store) == ["trip 1"]


async def test_the_loop_goes_on_meanwhile(migrated_sqlite: Store) -> None:
    begun, go = asyncio.Event(), threading.Event()
    loop, here = asyncio.get_running_loop(), threading.get_ident()

    async def act(session: AsyncSession) -> bool:
        await put(session, "trip")
        loop.call_soon_threadsafe(begun.set)
        return go.wait(IN_TIME_S) and threading.get_ident() != here

    writing = asyncio.create_task(migrated_sqlite.write_at_once(lambda: act))
    await asyncio.wait_for(begun.wait(), IN_TIME_S)
    assert await names(migrated_sqlite) == []
    go.set()
    assert await writing
    assert await names(migrated_sqlite) == ["trip"]


async def test_what_waits_for_the_loop_is_undone_and_done_from_there(store: Store) -> None:
    ran: list[int] = []
    go = asyncio.Event()

    async def act(session: AsyncSession) -> str:
        ran.append(threading.get_ident())
        await put(session, "trip")
        await on_the_loop()
        await go.wait()
        return "done"

    writing = asyncio.create_task(store.write_at_once(lambda: act))
    go.set()
    assert await asyncio.wait_for(writing, IN_TIME_S) == "done"
    assert ran[-1] == threading.get_ident()
    assert len(ran) == (2 if store.is_sqlite else 1)
    assert await names(store) == ["trip"]


async def sleep(_: Store) -> None:
    await asyncio.sleep(0.001)


async def wait_within_a_time(_: Store) -> None:
    async with asyncio.timeout(IN_TIME_S):
        await asyncio.sleep(0)


async def ask_a_thread(_: Store) -> None:
    await asyncio.to_thread(threading.get_ident)


async def wait_for_a_future(_: Store) -> None:
    future = asyncio.get_event_loop().create_future()
    asyncio.get_event_loop().call_soon(future.set_result, None)
    await future


async def use_another_connection(store: Store) -> None:
    assert await names(store) == []


@pytest.mark.parametrize(
    "wait", [sleep, wait_within_a_time, ask_a_thread, wait_for_a_future, use_another_connection]
)
async def test_whatever_needs_the_loop_is_done_from_there(
    migrated_sqlite: Store, wait: Callable[[Store], Awaitable[None]]
) -> None:
    ran: list[int] = []

    async def act(session: AsyncSession) -> str:
        ran.append(threading.get_ident())
        said = await put(session, "trip")
        await wait(migrated_sqlite)
        return said

    assert await migrated_sqlite.write_at_once(lambda: act) == "put trip"
    assert len(ran) == 2
    assert ran[0] != ran[1] == threading.get_ident()
    assert await names(migrated_sqlite) == ["trip"]


async def test_an_event_that_belongs_to_the_loop_is_waited_for_there(migrated_sqlite: Store) -> None:
    go, again, here = asyncio.Event(), asyncio.Event(), threading.get_ident()
    waiting = asyncio.create_task(go.wait())
    await asyncio.sleep(0)  # now it belongs to this loop

    async def act(session: AsyncSession) -> str:
        said = await put(session, "trip")
        if threading.get_ident() == here:
            again.set()
        await go.wait()
        return said

    writing = asyncio.create_task(migrated_sqlite.write_at_once(lambda: act))
    await asyncio.wait_for(again.wait(), IN_TIME_S)
    assert await names(migrated_sqlite) == []
    go.set()
    assert await asyncio.wait_for(writing, IN_TIME_S) == "put trip"
    assert await waiting
    assert await names(migrated_sqlite) == ["trip"]


async def test_what_raises_leaves_nothing_and_the_next_one_works(store: Store) -> None:
    async def twice(session: AsyncSession) -> None:
        await put(session, "trip")
        await put(session, "trip")

    async def bug(session: AsyncSession) -> None:
        await put(session, "trip")
        raise ZeroDivisionError

    with pytest.raises(IntegrityError):
        await store.write_at_once(lambda: twice)
    with pytest.raises(ZeroDivisionError):
        await store.write_at_once(lambda: bug)
    assert await names(store) == []
    await store.write_at_once(lambda: lambda session: put(session, "trip"))
    assert await names(store) == ["trip"]


async def test_statements_written_out_are_one_transaction_with_all_others(store: Store) -> None:
    async def act(session: AsyncSession) -> list[str]:
        await insert_rows(session, table_of(Mark), [{"name": "trip 1", "value": ""}])
        await put(session, "trip 2")
        await insert_rows(
            session, table_of(Mark), [{"name": name, "value": ""} for name in ("trip 3", "trip 4")]
        )
        session.add(Mark(name="trip 5", value=""))
        return sorted(await session.scalars(select(Mark.name).where(Mark.name.like("trip%"))))

    assert len(await store.write_at_once(lambda: act)) == 5
    assert await names(store) == [f"trip {number}" for number in range(1, 6)]


async def test_what_is_only_added_is_kept(store: Store) -> None:
    async def act(session: AsyncSession) -> None:
        session.add(Mark(name="trip", value=""))

    await store.write_at_once(lambda: act)
    assert await names(store) == ["trip"]


async def test_a_statement_written_out_that_fails_undoes_all_and_says_no_value(store: Store) -> None:
    async def act(session: AsyncSession) -> None:
        await insert_rows(session, table_of(Mark), [{"name": "trip", "value": CANARY}])
        await insert_rows(session, table_of(Mark), [{"name": "trip", "value": CANARY}])

    with pytest.raises(IntegrityError) as failed:
        await store.write_at_once(lambda: act)
    assert isinstance(failed.value.orig, Exception)
    assert CANARY not in "".join(traceback.format_exception(failed.value))
    assert await names(store) == []
    assert await store.write_at_once(lambda: lambda session: put(session, "trip")) == "put trip"


@pytest.mark.parametrize("times", [1, 5])
async def test_who_is_cancelled_waits_for_the_end_and_spoils_nothing(
    migrated_sqlite: Store, times: int
) -> None:
    begun, go = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    async def act(session: AsyncSession) -> None:
        await put(session, "trip 1")
        loop.call_soon_threadsafe(begun.set)
        go.wait(IN_TIME_S)
        await put(session, "trip 2")

    writing = asyncio.create_task(migrated_sqlite.write_at_once(lambda: act))
    await asyncio.wait_for(begun.wait(), IN_TIME_S)
    behind = asyncio.create_task(
        migrated_sqlite.write_at_once(lambda: lambda session: put(session, "trip 3"))
    )
    for _ in range(times):
        writing.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
    assert not writing.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await writing
    # Nobody took the session away while the thread still worked with it.
    assert await behind == "put trip 3"
    assert await names(migrated_sqlite) == ["trip 1", "trip 2", "trip 3"]
    pool = migrated_sqlite.writer.pool
    assert isinstance(pool, AsyncAdaptedQueuePool)
    assert (pool.checkedout(), pool.checkedin()) == (0, 1)


async def test_a_file_that_another_process_holds_is_waited_for(migrated_sqlite: Store) -> None:
    path = migrated_sqlite.engine.url.database
    assert path is not None
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(
            migrated_sqlite.write_at_once(lambda: lambda session: put(session, "trip 1"))
        )
        assert await names(migrated_sqlite) == []
        assert not writing.done()
        holder.execute("COMMIT")
        assert await asyncio.wait_for(writing, IN_TIME_S) == "put trip 1"
        holder.execute("BEGIN IMMEDIATE")
        migrated_sqlite.hurry()
        with pytest.raises(OperationalError):
            await migrated_sqlite.write_at_once(lambda: lambda session: put(session, "trip 2"))
    assert await migrated_sqlite.write_at_once(lambda: lambda session: put(session, "trip 3")) == "put trip 3"
    assert await names(migrated_sqlite) == ["trip 1", "trip 3"]
