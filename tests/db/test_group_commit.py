"""What is asked at once is written at once, and everybody gets their own answer."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.group_commit import MOST_AT_ONCE, GroupCommit, NotKept
from bot.db.one_trip import on_the_loop
from bot.db.store import Store
from bot.db.tables import Mark

IN_TIME_S = 20


class Book:
    """Keep names as marks, a name once; "wait" waits for `go`, "odd" is a bug."""

    def __init__(self, store: Store) -> None:
        self.store, self.batches, self.committed = store, list[list[str]](), 0
        self.begun, self.go = asyncio.Event(), asyncio.Event()
        self.group: GroupCommit[str, str] = GroupCommit(store, self.keep, self.count)

    def count(self) -> None:
        self.committed += 1

    async def keep(self, session: AsyncSession, names: Sequence[str]) -> list[str]:
        if "wait" in names:
            await on_the_loop()
            self.begun.set()
            await self.go.wait()
        self.batches.append(list(names))
        if "odd" in names:
            raise ZeroDivisionError
        await session.execute(insert(Mark), [{"name": name, "value": ""} for name in names])
        return [f"kept {name}" for name in names]

    async def names(self) -> set[str]:
        async with self.store.read() as session:
            return set(await session.scalars(text("SELECT name FROM marks")))

    async def submit(self, *names: str) -> list[str | BaseException]:
        asked = asyncio.gather(*(self.group.submit(name) for name in names), return_exceptions=True)
        return list(await asyncio.wait_for(asked, IN_TIME_S))

    async def busy(self) -> "asyncio.Task[str]":
        """Have a batch under way until `go`."""
        first = asyncio.create_task(self.group.submit("wait"))
        await asyncio.wait_for(self.begun.wait(), IN_TIME_S)
        return first


@pytest.fixture
async def book(store: Store) -> Book:
    return Book(store)


async def test_each_gets_its_answer_and_who_comes_during_a_commit_goes_together(book: Book) -> None:
    first = await book.busy()
    others = asyncio.gather(*(book.group.submit(f"n{place}") for place in range(20)))
    await asyncio.sleep(0)
    book.go.set()
    assert await asyncio.wait_for(others, IN_TIME_S) == [f"kept n{place}" for place in range(20)]
    assert await first == "kept wait"
    assert book.batches == [["wait"], [f"n{place}" for place in range(20)]]
    assert book.committed == 2
    assert await book.names() == {"wait", *(f"n{place}" for place in range(20))}


async def test_a_batch_is_no_larger_than_it_may_be(book: Book) -> None:
    names = [f"n{place}" for place in range(2 * MOST_AT_ONCE + 1)]
    assert await book.submit(*names) == [f"kept {name}" for name in names]
    assert [len(batch) for batch in book.batches] == [MOST_AT_ONCE, MOST_AT_ONCE, 1]


async def test_what_one_breaks_the_others_do_not_feel(book: Book) -> None:
    await book.submit("a")
    said = await book.submit("b", "a", "c", "odd", "d")
    assert said[0::2] == ["kept b", "kept c", "kept d"]
    assert isinstance(said[1], IntegrityError)
    assert isinstance(said[3], ZeroDivisionError)
    assert await book.names() == {"a", "b", "c", "d"}
    assert await book.submit("e") == ["kept e"]


async def test_an_answer_is_true_only_once_it_is_committed(book: Book) -> None:
    first = await book.busy()
    assert not first.done()
    assert await book.names() == set()
    book.go.set()
    await asyncio.wait_for(first, IN_TIME_S)
    assert await book.names() == {"wait"}


async def test_who_is_cancelled_in_the_queue_asked_for_nothing(book: Book) -> None:
    first = await book.busy()
    left, stays = (asyncio.create_task(book.group.submit(name)) for name in ("left", "stays"))
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.wait({left})
    book.go.set()
    assert await asyncio.wait_for(stays, IN_TIME_S) == "kept stays"
    await first
    assert await book.names() == {"wait", "stays"}


async def test_who_is_cancelled_while_it_is_written_is_kept_like_the_others(book: Book) -> None:
    first = await book.busy()
    first.cancel()
    await asyncio.wait({first})
    assert first.cancelled()
    book.go.set()
    await asyncio.wait_for(book.group.close(), IN_TIME_S)
    assert await book.names() == {"wait"}
    assert book.committed == 1


async def test_closing_waits_for_all_and_leaves_no_task(book: Book) -> None:
    first = await book.busy()
    second = asyncio.create_task(book.group.submit("second"))
    await asyncio.sleep(0)
    closing = asyncio.create_task(book.group.close())
    book.go.set()
    await asyncio.wait_for(closing, IN_TIME_S)
    assert (await first, await second) == ("kept wait", "kept second")
    await book.group.close()
    assert [task.get_name() for task in asyncio.all_tasks() if task.get_name() == "group commit"] == []


async def test_the_queue_is_bounded_in_time(book: Book) -> None:
    book.store.hurry()
    first = await book.busy()
    assert [type(said) for said in await book.submit("late", "later")] == [NotKept, NotKept]
    book.go.set()
    assert await asyncio.wait_for(first, IN_TIME_S) == "kept wait"
    await book.group.close()
    assert await book.names() == {"wait"}


@pytest.mark.parametrize("shared_store", ["sqlite"], indirect=True)
async def test_a_locked_file_fails_all_that_wait_with_one_try(book: Book, store_url: str) -> None:
    book.store.hurry()
    with closing(sqlite3.connect(store_url.partition("///")[2], isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        said = await book.submit(*(f"n{place}" for place in range(2 * MOST_AT_ONCE)))
        assert {type(one) for one in said} == {NotKept}
        assert book.batches == []
        await book.group.close()
        other.execute("ROLLBACK")
    assert await book.submit("after") == ["kept after"]


async def test_a_full_disk_fails_all_at_once_and_heals(migrated_sqlite: Store) -> None:
    book = Book(migrated_sqlite)
    await book.submit("before")

    async def limit(pages: str) -> None:
        async with book.store.write() as session:
            await session.execute(text(f"PRAGMA max_page_count = {pages}"))

    async with book.store.read() as session:
        pages = await session.scalar(text("PRAGMA page_count"))
    await limit(str(pages))
    said = await book.submit(*(f"{place}{'x' * 9000}" for place in range(MOST_AT_ONCE)))
    assert {type(one) for one in said} == {NotKept}
    assert len(book.batches) == 2
    await limit("1073741823")
    assert await book.submit("after") == ["kept after"]
    assert await book.names() == {"before", "after"}


@pytest.mark.peer
@pytest.mark.parametrize("shared_store", ["postgresql"], indirect=True)
async def test_of_two_that_wait_for_each_other_all_get_through(store: Store) -> None:
    holds = (asyncio.Event(), asyncio.Event())
    tries: list[int] = []

    async def lock_both(session: AsyncSession, asked: Sequence[int]) -> list[int]:
        tries.append(len(asked))
        first = asked[0] % 2
        await session.execute(text("SET LOCAL deadlock_timeout = '50ms'"))
        for turn, key in enumerate((first, 1 - first)):
            await session.execute(text("SELECT pg_advisory_xact_lock(8, :key)"), {"key": key})
            holds[first].set()
            if turn == 0:
                await holds[1 - first].wait()
        return [-one for one in asked]

    groups = [GroupCommit(store, lock_both) for _ in range(2)]
    asked = [groups[one % 2].submit(one) for one in range(6)]
    assert await asyncio.wait_for(asyncio.gather(*asked), IN_TIME_S) == [-one for one in range(6)]
    assert sorted(tries) == [1, 1, 1, 3, 3]
