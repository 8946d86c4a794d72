"""Simulated hours of refusals, outages, quotas and wrong clocks: nothing storms, is lost or sticks."""

import asyncio
import gc
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.db.tables import OutboxItem, Registration, TextRow
from bot.domain.outcome import Reply, Step
from bot.domain.states import State
from bot.services.cleaning import KEEP_TEXTS, clean
from bot.services.delivery import Pace
from tests.conftest import Size, telling
from tests.db.stores import Shared, empty_tables
from tests.faults.simulated import TimedRoad, all_final, crowd, live, states, stuck, tries_by_outcome
from tests.services.world import ANN, BOB, BROKE, CARL, TAKEN, Clock, World

pytestmark = pytest.mark.fault


@pytest.fixture
def shared_store(shared_sqlite: Shared) -> Shared:
    """Run on SQLite only: the rules are the same, and simulated days are long."""
    empty_tables(shared_sqlite.url, keep="wrapped_keys")
    return shared_sqlite


LATER = Reply(Step.RCPT, 451, "4.2.1 mailbox busy")
CROSS = Reply(Step.RCPT, 451, "4.7.1 greylisted, come again")
NO_CONNECTION = Reply(Step.CONNECT, None)
QUOTA = Reply(Step.MAIL, 550, "5.4.5 Daily user sending limit exceeded")
NOBODY = Reply(Step.RCPT, 550, "5.1.1 no such subscriber")
RATE = 60
# Backing off from 5 s to 10 min, a text is tried so often in an hour at most.
MOST_TRIES_AN_HOUR = 14


@pytest.mark.parametrize("reply", telling([CROSS, LATER], 1))
async def test_refused_for_six_hours_then_taken_goes_once_and_is_explained_once(
    world: World, clock: Clock, reply: Reply
) -> None:
    road, begun = TimedRoad(clock), clock.at
    for person in (BOB, CARL):
        await world.register(person)
    texts = [await world.text(ANN, BOB), await world.text(99, CARL)]
    road.answer = lambda _: reply if clock.at - begun < timedelta(hours=6) else TAKEN
    await live(world.relay(road), clock, begun + timedelta(hours=6), idle_s=240)
    assert [(await world.standing(text))[0] for text in texts] == [State.QUEUED] * 2
    assert len(road.tried) <= 2 * 6 * MOST_TRIES_AN_HOUR
    await live(world.relay(road), clock, begun + timedelta(hours=6, minutes=13), idle_s=30)
    assert [(await world.standing(text))[0] for text in texts] == [State.ACCEPTED] * 2
    assert len(road.taken) == 2
    assert [len(await world.notices(sender)) for sender in (ANN, 99)] == [1, 1]


@pytest.mark.parametrize("reply", telling([CROSS, LATER], 1))
@pytest.mark.ci
async def test_refused_for_ever_expires_and_its_sender_is_told_once(
    world: World, clock: Clock, reply: Reply
) -> None:
    road, begun = TimedRoad(clock), clock.at
    await world.register(BOB)
    text = await world.text(ANN, BOB)
    road.answer = lambda _: reply
    relay = world.relay(road)
    await live(relay, clock, begun + world.expires - timedelta(minutes=1), idle_s=240)
    assert (await world.standing(text))[0] == State.QUEUED
    assert len(await world.notices(ANN)) == 1
    await live(relay, clock, begun + timedelta(hours=14), idle_s=240)
    assert (await world.standing(text))[0] == State.EXPIRED
    # Why it waits, and then that it ended: once each.
    assert len(await world.notices(ANN)) == 2
    assert road.taken == []
    assert max(road.tried_at) <= begun + world.expires
    assert await stuck(world) == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("down", telling([CROSS, NO_CONNECTION, LATER], 1))
@pytest.mark.ci
async def test_after_ten_minutes_of_outage_there_is_no_herd(
    world: World, clock: Clock, size: Size, down: Reply
) -> None:
    road, begun, rng = TimedRoad(clock), clock.at, random.Random(5)
    people = await crowd(world, size.pick(200))
    for number in range(size.pick(1000)):
        await world.text(ANN + 5000 + number % 50, people[number % len(people)])
    road.answer, road.probe_answer = lambda _: down, down if down is NO_CONNECTION else None
    relay = world.relay(road, jitter=0.5, pace=Pace(gateway=RATE))
    relay._ports = type(relay._ports)(road.put, lambda: None, road.probe, clock, rng.random)
    await live(relay, clock, begun + timedelta(minutes=10), idle_s=5)
    assert road.most_a_minute(begun) <= 2 * RATE
    assert road.taken == []
    code = await world.ask_code(ANN)
    assert code
    back_at = clock.at
    road.answer, road.probe_answer = (lambda _: TAKEN), None

    async def done() -> bool:
        return await all_final(world)

    await live(relay, clock, back_at + timedelta(minutes=45), done=done)
    assert set(await states(world)) == {State.ACCEPTED}
    assert road.most_a_minute(back_at) <= 2 * RATE
    assert len(road.taken) == size.pick(1000) + 1
    same_lane = [mail for mail in road.taken if mail.address.endswith("@one.example.net")]
    codes = [place for place, mail in enumerate(same_lane) if "is your Textbridge code" in mail.words]
    # One more may go before it where the gateway's breaker tries with what was next.
    assert len(codes) == 1
    assert codes[0] <= 2
    assert road.taken_at[0][0] - back_at <= timedelta(minutes=2)
    assert await stuck(world) == []


async def test_a_daily_quota_pauses_all_keeps_all_and_blames_nobody(world: World, clock: Clock) -> None:
    road, begun = TimedRoad(clock), clock.at
    people = await crowd(world, 20)
    for number in range(60):
        await world.text(ANN + number % 7, people[number % 20])
    road.answer = lambda _: TAKEN if len(road.taken) < 30 or clock.at > begun + timedelta(hours=5) else QUOTA
    relay = world.relay(road)
    await live(relay, clock, begun + timedelta(hours=5), idle_s=180)
    assert len(road.taken) == 30
    # What was on the wire when the quota came, and one batch after each pause of half an hour.
    assert len(road.tried) <= 30 + 11 * 40
    assert {row.state for row in await world.rows(Registration)} == {"active"}
    assert len(await world.notices(0)) == 1
    await live(relay, clock, begun + timedelta(hours=6), idle_s=60)
    assert await states(world) == {State.ACCEPTED: 60}
    assert len(road.taken) == 60


YEAR, HOURS = timedelta(days=365), timedelta(hours=2)
JUMPS = [
    *((-YEAR, "away"), (HOURS, "refusing"), (YEAR, "fair"), (-HOURS, "fair"), (-HOURS, "away")),
    *((-YEAR, "refusing"), (-YEAR, "fair"), (YEAR, "away"), (YEAR, "refusing"), (HOURS, "fair")),
    *((HOURS, "away"), (-HOURS, "refusing")),
]


@pytest.mark.parametrize(("jump", "weather"), telling(JUMPS, 2), ids=str)
@pytest.mark.ci
async def test_a_clock_that_jumps_under_load_starts_no_storm_and_sticks_nowhere(
    world: World, clock: Clock, jump: timedelta, weather: str
) -> None:
    road = TimedRoad(clock)
    people = await crowd(world, 6)
    before = [await world.text(ANN, person) for person in people]
    if weather != "fair":
        reply = CROSS if weather == "refusing" else NO_CONNECTION
        road.answer, road.probe_answer = (lambda _: reply), reply if weather == "away" else None
    relay = world.relay(road, pace=Pace(gateway=RATE))
    await live(relay, clock, clock.at + timedelta(minutes=4), idle_s=5)
    clock.at += jump
    jumped_at = clock.at
    await world.write(clean, clock())  # as the bot does every few minutes
    after = [await world.text(ANN, person) for person in people]
    await live(relay, clock, clock.at + timedelta(seconds=30))
    assert road.tried_between(jumped_at, jumped_at + timedelta(seconds=31)) <= RATE
    road.answer, road.probe_answer = (lambda _: TAKEN), None
    await live(relay, clock, clock.at + timedelta(minutes=15), idle_s=10)
    # What the rule gives a text is twelve hours; only a year ahead is past them.
    early = {State.ACCEPTED, State.EXPIRED} if jump > world.expires else {State.ACCEPTED}
    left = {row.state for row in await world.rows(TextRow, TextRow.id.in_(before))}
    assert left <= early
    assert left or jump > KEEP_TEXTS
    assert {(await world.standing(text))[0] for text in after} == {State.ACCEPTED}
    assert len(road.taken) == len({mail.mail_id for mail in road.taken})
    assert await stuck(world) == []


async def test_a_code_outlives_no_jump_that_its_ten_minutes_do_not(world: World, clock: Clock) -> None:
    road = TimedRoad(clock)
    await world.ask_code(ANN)
    clock.forward(minutes=9)
    await live(world.relay(road), clock, clock.at + timedelta(seconds=2))
    assert len(road.taken) == 1
    await world.ask_code(BOB)
    clock.forward(hours=2)
    await live(world.relay(road), clock, clock.at + timedelta(seconds=2))
    assert len(road.taken) == 1
    assert await stuck(world) == []


def resident_kib() -> int:
    status = Path("/proc/self/status").read_text("utf-8")
    return int(status.partition("VmRSS:")[2].split()[0])


@pytest.mark.timeout(3600)
@pytest.mark.ci
async def test_a_day_with_one_percent_of_faults_leaves_nothing_behind(
    world: World, clock: Clock, size: Size, record_property: Any
) -> None:
    total = size.pick(10_000, 100_000)
    road, begun, rng, faults = TimedRoad(clock), clock.at, random.Random(20), [0]
    people, tasks = await crowd(world, 20), set(asyncio.all_tasks())
    trouble = [BROKE, LATER, CROSS, NO_CONNECTION, NOBODY, Reply(Step.DATA, None), Reply(Step.MAIL, 421)]

    def answer(_: object) -> Reply:
        if rng.random() < 0.01:
            faults[0] += 1
            return rng.choice(trouble)
        return TAKEN

    road.answer = answer
    relay = world.relay(road)
    written, sizes = 0, list[int]()

    async def write() -> None:
        nonlocal written
        due = int(total * ((clock.at - begun) / timedelta(hours=24)))
        while written < min(due, total):
            batch = [
                world.request(2000 + written % 30, people[(written + each) % len(people)], f"text {written}")
                for each in range(min(20, total - written))
            ]
            await world.accept(*batch)
            written += len(batch)
            if written * 10 // total > len(sizes):
                road.tried.clear(), road.taken.clear(), road.tried_at.clear(), road.taken_at.clear()
                gc.collect()
                sizes.append(resident_kib())

    await live(relay, clock, begun + timedelta(hours=24, minutes=20), idle_s=600, meanwhile=write)
    await live(relay, clock, begun + timedelta(hours=37), idle_s=60, done=lambda: all_final(world))
    assert written == total
    found = await states(world)
    assert set(found) <= {State.ACCEPTED, State.FAILED}
    assert found[State.FAILED] <= faults[0]
    assert await stuck(world) == []
    assert not await world.rows(OutboxItem, OutboxItem.words_sealed.is_not(None))
    assert relay._flight.ids == {}.keys()
    await asyncio.sleep(0)
    assert set(asyncio.all_tasks()) == tasks
    early, late = sizes[len(sizes) // 4], sizes[-1]
    assert late <= early * 1.10
    tries = await tries_by_outcome(world)
    figures = {"texts": total, "faults": faults[0], "tries logged": tries.total(), **found}
    record_property("figures", figures | {"RSS KiB": f"{early} to {late}"})
