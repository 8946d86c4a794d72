"""A lease names its owner: what a dead relay held is taken up again, what a living one holds is not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.role_lock import AlreadyRunning, RelayLock
from bot.db.store import Act, Store, open_store
from bot.db.tables import OutboxItem
from bot.domain.outcome import MOST_AMBIGUOUS, Outcome, Reply, Step
from bot.domain.states import State
from bot.domain.words import CODE_UNSURE
from bot.services import delivery
from bot.services.delivery import Relay
from tests.db.stores import KEY
from tests.services.world import ANN, BOB, CARL, TAKEN, Clock, Road, World, work

NOBODY = Reply(Step.RCPT, 550, "5.1.1 no such subscriber")


T = TypeVar("T")


class FragileStore:
    """A store whose disk fills up when told: the edge that the operating system is."""

    def __init__(self, real: Store) -> None:
        self._real = real
        self.full = False
        self.full_for = 0
        self.loses_next_commit = False
        self.fails_next_commit = False

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        self.full_for -= 1
        if self.full or self.full_for >= 0:
            raise OperationalError("INSERT", {}, Exception("database or disk is full"))
        async with self._real.write() as session:
            yield session
            if self.fails_next_commit:
                self.fails_next_commit = False
                raise OperationalError("COMMIT", {}, Exception("disk I/O error"))
        if self.loses_next_commit:
            self.loses_next_commit = False
            raise OperationalError("COMMIT", {}, Exception("server closed the connection"))

    async def write_at_once(self, prepare: Callable[[], Act[T]]) -> T:
        async with self.write() as session:
            return await prepare()(session)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


async def stall(world: World, road: Road, owner: int) -> Relay:
    """Let a relay claim what waits and hang with it on the wire."""
    road.open.clear()
    relay = world.relay(road, owner=owner)
    await relay.one_pass()
    await asyncio.wait_for(road.begun.wait(), 10)
    return relay


async def test_leases_of_a_dead_relay_are_taken_over_and_logged_as_ambiguous(
    world: World, road: Road, clock: Clock
) -> None:
    await world.register(BOB)
    text = await world.text(ANN, BOB)
    cut_off = Road()
    dead = await stall(world, cut_off, owner=1)
    clock.forward(seconds=1)
    await work(world.relay(road, owner=2))
    assert await world.attempts() == [(Outcome.AMBIGUOUS, Step.LOST, None)]
    assert await world.standing(text) == (State.ACCEPTED, "", 1)
    (row,) = await world.rows(OutboxItem)
    assert (row.attempts, row.ambiguous, row.lost) == (1, 0, 1)
    assert [mail.mail_id for mail in road.taken] == [row.mail_id]
    cut_off.cut()
    await dead.finish()


async def test_a_text_that_crash_after_crash_hits_is_never_given_up(
    world: World, road: Road, clock: Clock
) -> None:
    await world.register(BOB)
    text = await world.text(ANN, BOB)
    crashes = MOST_AMBIGUOUS + 2
    dead = []
    for owner in range(1, crashes + 1):
        cut_off = Road()
        dead.append((await stall(world, cut_off, owner=owner), cut_off))
        clock.forward(seconds=1)
    await work(world.relay(road, owner=crashes + 1))
    assert await world.attempts() == [(Outcome.AMBIGUOUS, Step.LOST, None)] * crashes
    assert await world.standing(text) == (State.ACCEPTED, "", 1)
    assert len(road.taken) == 1
    for relay, cut_off in dead:
        cut_off.cut()
        await relay.finish()


async def crash(world: World, clock: Clock, owners: range) -> None:
    for owner in owners:
        cut_off = Road()
        await stall(world, cut_off, owner=owner)
        cut_off.cut()
        clock.forward(seconds=1)


async def test_crashes_bring_the_end_of_a_text_no_nearer(world: World, road: Road, clock: Clock) -> None:
    await world.register(BOB)
    text = await world.text(ANN, BOB)
    await crash(world, clock, range(1, 4))
    road.answer = lambda _: Reply(Step.BODY, None)
    relay = world.relay(road, owner=9)
    for tries in range(1, MOST_AMBIGUOUS):
        await work(relay)
        assert (len(road.tried), await world.items(text)) == (tries, ["waiting"])
        clock.forward(minutes=15)
    await work(relay)
    assert await world.standing(text) == (State.FAILED, "unsure", 0)


async def test_a_refusal_after_a_crash_says_no_more_than_is_known(
    world: World, road: Road, clock: Clock
) -> None:
    await world.register(BOB)
    text = await world.text(ANN, BOB)
    await crash(world, clock, range(1, 2))
    road.answer = lambda _: NOBODY
    await work(world.relay(road, owner=9))
    assert await world.standing(text) == (State.FAILED, "unsure", 0)


async def test_a_code_of_a_dead_relay_is_not_sent_again(world: World, road: Road) -> None:
    await world.ask_code(ANN)
    first = Road()
    dead = await stall(world, first, owner=1)
    await work(world.relay(road, owner=2), 2)
    assert road.tried == []
    assert [notice.words for notice in await world.notices(ANN)] == [CODE_UNSURE]
    first.open.set()
    await dead.finish()


@pytest.mark.parametrize("late", [TAKEN, NOBODY, Reply(Step.RCPT, 451), Reply(Step.BODY, None)], ids=repr)
async def test_a_result_counts_only_where_the_lease_is_still_ours(
    world: World, road: Road, late: Reply
) -> None:
    await world.register(BOB)
    text = await world.text(ANN, BOB, "hello " * 60)
    slow = Road(answer=lambda _: late)
    first = await stall(world, slow, owner=1)
    second = world.relay(road, owner=2)
    await work(second)
    assert await world.items(text) == ["sent", "sent", "sent"]
    slow.open.set()
    await first.finish()
    assert await world.items(text) == ["sent", "sent", "sent"]
    assert await world.standing(text) == (State.ACCEPTED, "", 3)
    assert [row[0] for row in await world.attempts()].count(Outcome.AMBIGUOUS) >= 1


async def test_a_late_verdict_on_a_code_that_is_no_longer_ours_is_not_told_twice(
    world: World, road: Road
) -> None:
    await world.ask_code(ANN)
    slow = Road(answer=lambda _: NOBODY)
    first = await stall(world, slow, owner=1)
    await work(world.relay(road, owner=2))
    slow.open.set()
    await first.finish()
    assert [notice.words for notice in await world.notices(ANN)] == [CODE_UNSURE]


ONLY_SQLITE = pytest.mark.parametrize("shared_store", ["sqlite"], indirect=True)
ONLY_POSTGRESQL = pytest.mark.parametrize("shared_store", ["postgresql"], indirect=True)


@ONLY_SQLITE
async def test_one_relay_at_a_time_works_on_a_sqlite_file(world: World) -> None:
    lock = RelayLock()
    await lock.take(world.store, 1)
    with pytest.raises(AlreadyRunning):
        await RelayLock().take(world.store, 2)
    await lock.release()
    await lock.take(world.store, 2)
    await lock.release()


@pytest.mark.peer
@ONLY_POSTGRESQL
async def test_a_living_relay_keeps_its_leases(world: World, road: Road, clock: Clock) -> None:
    await world.register(BOB)
    await world.text(ANN, BOB)
    slow, lock = Road(), RelayLock()
    await lock.take(world.store, 1)
    first, second = await stall(world, slow, owner=1), world.relay(road, owner=2)
    for _ in range(3):
        await work(second)
        clock.forward(seconds=10)
    assert road.tried == []
    assert await lock.held()
    await lock.release()
    await work(second)
    assert len(road.taken) == 1
    slow.open.set()
    await first.finish()


@pytest.mark.peer
@ONLY_POSTGRESQL
async def test_two_relays_never_send_the_same_mail(world: World, store_url: str) -> None:
    people = range(100, 120)
    for person in people:
        await world.register(person, typed_number=f"206 555 0{person}")
        await world.text(ANN, person)
    other = await open_store(store_url, [KEY])
    worlds, roads, locks = (world, replace(world, store=other)), (Road(), Road()), (RelayLock(), RelayLock())
    try:
        for number, (its, lock) in enumerate(zip(worlds, locks, strict=True), 1):
            await lock.take(its.store, number)
        relays = [its.relay(road, owner) for owner, its, road in zip((1, 2), worlds, roads, strict=True)]
        await asyncio.gather(*(work(relay, 12) for relay in relays))
        sent = [mail.mail_id for road in roads for mail in road.taken]
        assert len(sent) == len(set(sent)) == len(people)
        assert await world.attempts() == []
    finally:
        for lock in locks:
            await lock.release()
        await other.close()


async def test_results_wait_in_memory_while_the_store_takes_nothing(world: World, road: Road) -> None:
    fragile = FragileStore(world.store)
    await world.register(BOB)
    text = await world.text(ANN, BOB, "hello " * 60)
    await world.register(CARL)
    relay = replace(world, store=fragile).relay(road)
    road.open.clear()
    await relay.one_pass()
    await road.begun.wait()
    fragile.full = True
    road.open.set()
    await relay._flight.ended()
    later = await world.text(ANN, CARL)
    for _ in range(3):
        with pytest.raises(OperationalError):
            await relay.one_pass()
    assert len(road.tried) == 3
    assert await world.items(text) == ["leased", "leased", "leased"]
    fragile.full = False
    await work(relay, 4)
    assert (await world.standing(text))[0] == (await world.standing(later))[0] == State.ACCEPTED
    assert len(road.tried) == 4
    assert await world.attempts() == []


async def test_a_stop_gives_up_recording_in_time_and_says_what_is_left_out(
    world: World, road: Road, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(delivery, "RECORD_WITHIN_S", 0.2)
    fragile = FragileStore(world.store)
    await world.register(BOB)
    text = await world.text(ANN, BOB)
    relay = replace(world, store=fragile).relay(road)
    await relay.one_pass()
    fragile.full = True
    await asyncio.wait_for(relay.finish(), 5)
    (row,) = await world.rows(OutboxItem)
    assert f"outbox {row.id}: sent at body 250 2.0.0 could not be recorded" in caplog.messages
    assert await world.items(text) == ["leased"]


async def test_a_stop_records_as_soon_as_the_store_takes_it(world: World, road: Road) -> None:
    fragile = FragileStore(world.store)
    await world.register(BOB)
    text = await world.text(ANN, BOB)
    relay = replace(world, store=fragile).relay(road)
    await relay.one_pass()
    fragile.full_for = 2
    await asyncio.wait_for(relay.finish(), 5)
    assert (await world.standing(text))[0] == State.ACCEPTED


async def test_a_claim_whose_commit_was_cut_is_found_again(world: World, road: Road, clock: Clock) -> None:
    """The commit held, its reply was lost: nothing is on the wire, and nobody else may take the lease."""
    fragile = FragileStore(world.store)
    await world.register(BOB)
    relay = replace(world, store=fragile).relay(road)
    await work(relay)
    text = await world.text(ANN, BOB)
    fragile.loses_next_commit = True
    with pytest.raises(OperationalError):
        await relay.one_pass()
    assert await world.items(text) == ["leased"]
    clock.forward(seconds=2)
    await work(relay, 2)
    assert await world.standing(text) == (State.ACCEPTED, "", 1)
    assert await world.attempts() == []
