"""Limits hold whoever counts at once, and over a restart."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.db import limits, verifications
from bot.db.store import Store, open_store
from tests.conftest import Size
from tests.db.stores import KEY
from tests.db.test_store import claim

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
AT_ONCE, MOST = 50, 5


async def use(store: Store, key: str, now: datetime = NOW) -> bool:
    async with store.write() as session:
        return await limits.use(session, key, MOST, HOUR, now) is None


async def use_exact(store: Store, key: str, now: datetime = NOW) -> bool:
    async with store.write() as session:
        return await limits.use_exact(session, key, ((MOST, HOUR),), now) is None


async def take_try(store: Store, _key: str, now: datetime = NOW) -> bool:
    async with store.write() as session:
        return await verifications.take_try(session, 1, MOST, now) is not None


COUNTERS = pytest.mark.parametrize("count", [use, use_exact, take_try])
Count = Callable[..., asyncio.Future[bool]]


async def wait_for_a_code(store: Store) -> None:
    async with store.write() as session:
        await verifications.start(session, claim(1), "123456", NOW + HOUR)


@COUNTERS
async def test_of_fifty_at_once_five_get_through(store: Store, count: Count) -> None:
    await wait_for_a_code(store)
    got = await asyncio.gather(*(count(store, "k") for _ in range(AT_ONCE)))
    assert got.count(True) == MOST


@COUNTERS
async def test_of_fifty_in_two_processes_five_get_through(store: Store, store_url: str, count: Count) -> None:
    await wait_for_a_code(store)
    other = await open_store(store_url, [KEY])
    try:
        got = await asyncio.gather(*(count((store, other)[i % 2], "k") for i in range(AT_ONCE)))
    finally:
        await other.close()
    assert got.count(True) == MOST


@COUNTERS
async def test_a_restart_resets_nothing(store: Store, store_url: str, count: Count) -> None:
    await wait_for_a_code(store)
    assert [await count(store, "k") for _ in range(MOST + 1)] == [True] * MOST + [False]
    again = await open_store(store_url, [KEY])
    try:
        assert not await count(again, "k")
    finally:
        await again.close()


@pytest.mark.parametrize("count", [use, use_exact])
async def test_a_window_ends(store: Store, count: Count) -> None:
    for _ in range(MOST):
        assert await count(store, "k")
    just_before = NOW + HOUR - timedelta(milliseconds=1)
    assert not await count(store, "k", just_before)
    assert await count(store, "k", NOW + HOUR)


@pytest.mark.parametrize("count", [use, use_exact])
async def test_keys_count_apart(store: Store, count: Count) -> None:
    assert [await count(store, "a") for _ in range(MOST + 1)] == [True] * MOST + [False]
    assert await count(store, "b")


async def test_a_limit_of_nothing_lets_nothing_through(store: Store) -> None:
    async with store.write() as session:
        assert await limits.use(session, "k", 0, HOUR, NOW) == NOW + HOUR


async def test_old_counters_are_forgotten_and_live_ones_kept(store: Store) -> None:
    for key, at in (("old", NOW), ("live", NOW + 2 * HOUR)):
        for _ in range(MOST):
            assert await use(store, key, at)
            assert await use_exact(store, key, at)
    later = NOW + 2 * HOUR
    async with store.write() as session:
        await limits.forget_old(session, later, HOUR)
    assert await use(store, "old", NOW)
    assert await use_exact(store, "old", NOW)
    assert not await use(store, "live", later)
    assert not await use_exact(store, "live", later)


class FixedWindow:
    """What limits.use must do: the first use opens a window that only its end closes."""

    def __init__(self) -> None:
        self.opened: datetime | None = None
        self.used = 0

    def use(self, most: int, per: timedelta, now: datetime) -> datetime | None:
        if self.opened is None or now >= self.opened + per:
            self.opened, self.used = now, 0
        if self.used >= most:
            return self.opened + per
        self.used += 1
        return None


class SlidingLog:
    """What limits.use_exact must do: no window of any rate ever holds more than it may."""

    def __init__(self) -> None:
        self.times: list[datetime] = []

    def use(self, rates: tuple[tuple[int, timedelta], ...], now: datetime) -> datetime | None:
        waits = []
        for most, per in rates:
            recent = [time for time in self.times if time > now - per]
            if len(recent) >= most:
                waits.append(sorted(recent)[-most] + per)
        if not waits:
            self.times.append(now)
        return max(waits, default=None)


STEPS = st.lists(st.integers(0, 40), max_size=25)
MANY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
_examples = iter(range(10**9))


@MANY
@given(steps=STEPS, most=st.integers(1, 4))
async def test_use_is_a_fixed_window_from_the_first_use(store: Store, steps: list[int], most: int) -> None:
    key, model, now, per = f"model{next(_examples)}", FixedWindow(), NOW, timedelta(seconds=60)
    async with store.write() as session:
        for step in steps:
            now += timedelta(seconds=step)
            assert await limits.use(session, key, most, per, now) == model.use(most, per, now)


@MANY
@given(steps=STEPS, most=st.integers(1, 4), more=st.integers(1, 6))
async def test_use_exact_is_a_sliding_log_of_every_rate(
    store: Store, steps: list[int], most: int, more: int
) -> None:
    key, model, now = f"model{next(_examples)}", SlidingLog(), NOW
    rates = ((most, timedelta(seconds=30)), (most + more, timedelta(seconds=200)))
    async with store.write() as session:
        for step in steps:
            now += timedelta(seconds=step)
            assert await limits.use_exact(session, key, rates, now) == model.use(rates, now)


async def test_an_exact_limit_that_a_clean_up_meets_does_not_break(store: Store, size: Size) -> None:
    """The row of an old key is deleted while it is counted again."""
    later = NOW + 2 * HOUR

    async def forget() -> bool:
        async with store.write() as session:
            await limits.forget_old(session, later, HOUR)
        return True

    for turn in range(size.pick(100)):
        assert await use_exact(store, f"k{turn}", NOW)
        got = await asyncio.gather(use_exact(store, f"k{turn}", later), forget(), forget())
        assert got == [True, True, True]


@pytest.mark.parametrize("count", [use, use_exact])
async def test_a_clock_that_ran_ahead_refuses_nobody_once_it_is_right(store: Store, count: Count) -> None:
    ahead = NOW + timedelta(days=365)
    assert [await count(store, "k", ahead) for _ in range(MOST + 1)] == [True] * MOST + [False]
    assert [await count(store, "k") for _ in range(MOST + 1)] == [True] * MOST + [False]


@pytest.mark.parametrize("count", [use, use_exact])
async def test_a_process_whose_clock_is_a_little_behind_counts_on(store: Store, count: Count) -> None:
    assert [await count(store, "k") for _ in range(MOST)] == [True] * MOST
    assert not await count(store, "k", NOW - timedelta(minutes=1))
