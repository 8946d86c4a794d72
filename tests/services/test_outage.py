"""While the mail server is away texts wait, everybody who must know is told once, and nothing storms."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy.exc import OperationalError

from bot.db.tables import OutboxItem, Registration
from bot.domain.outcome import Reply, Step
from bot.domain.states import State
from tests.db.stores import sqlite_first
from tests.services.test_leases import FragileStore
from tests.services.world import ANN, BOB, CARL, TAKEN, Clock, Road, World, work, work_on

OPERATOR = 0
NO_CONNECTION = Reply(Step.CONNECT, None)
NO_LOGIN = Reply(Step.LOGIN, 535, "5.7.8 Bad credentials")
LOGIN_LATER = Reply(Step.LOGIN, 454, "4.7.0 Too many login attempts")
NOT_LOGGED_IN = Reply(Step.MAIL, 530, "5.7.0 Authentication required")
QUOTA = Reply(Step.MAIL, 550, "5.4.5 Daily user sending limit exceeded")


def away(road: Road, reply: Reply) -> None:
    road.answer, road.probe_answer = (lambda _: reply), reply


def back(road: Road) -> None:
    road.answer, road.probe_answer = (lambda _: TAKEN), None


async def two_texts(world: World) -> list[int]:
    for person in (BOB, CARL):
        await world.register(person)
    return [await world.text(ANN, BOB), await world.text(99, CARL)]


async def test_texts_wait_and_senders_and_operator_hear_of_it_once(
    world: World, road: Road, clock: Clock
) -> None:
    texts = await two_texts(world)
    away(road, NO_CONNECTION)
    relay = world.relay(road)
    await work_on(relay, clock, 40, seconds=15)
    assert [await world.standing(text) for text in texts] == [(State.QUEUED, "relay_away", 0)] * 2
    assert [len(await world.notices(person)) for person in (ANN, 99, OPERATOR)] == [1, 1, 1]
    (told,) = await world.notices(OPERATOR)
    assert "SMTP_HOST" in told.words
    back(road)
    clock.forward(minutes=2)
    await work(relay, 2)
    assert [await world.standing(text) for text in texts] == [(State.ACCEPTED, "", 1)] * 2


async def test_a_text_that_comes_during_an_outage_is_explained_too(
    world: World, road: Road, clock: Clock
) -> None:
    await two_texts(world)
    away(road, NO_CONNECTION)
    relay = world.relay(road)
    await work(relay)
    tried = len(road.tried)
    late = await world.text(50, BOB)
    await work(relay)
    assert await world.standing(late) == (State.QUEUED, "relay_away", 0)
    assert len(await world.notices(50)) == 1
    assert len(road.tried) == tried


@sqlite_first
@pytest.mark.ci
async def test_probes_come_ever_more_slowly(world: World, road: Road, clock: Clock) -> None:
    await two_texts(world)
    away(road, NO_CONNECTION)
    relay = world.relay(road)
    at: list[float] = []
    begun = clock.at
    for _ in range(300):
        before = road.probes
        await relay.one_pass()
        await relay.finish()
        if road.probes > before:
            at.append((clock.at - begun).total_seconds())
        clock.forward(seconds=1)
    gaps = [later - earlier for earlier, later in pairwise(at)]
    assert gaps[:5] == [2, 4, 8, 16, 32]
    assert set(gaps[5:]) == {60}


@sqlite_first
@pytest.mark.ci
async def test_a_refused_login_is_tried_a_few_times_an_hour(world: World, road: Road, clock: Clock) -> None:
    await two_texts(world)
    away(road, NO_LOGIN)
    relay = world.relay(road)
    await work_on(relay, clock, 240, seconds=15)
    assert 4 <= road.probes <= 7
    assert len(road.tried) == 2
    (told,) = await world.notices(OPERATOR)
    assert "SMTP_PASSWORD" in told.words
    back(road)
    clock.forward(hours=1)
    await work(relay, 2)
    assert len(road.taken) == 2


async def test_a_short_break_does_not_reach_the_operator(world: World, road: Road, clock: Clock) -> None:
    texts = await two_texts(world)
    away(road, NO_CONNECTION)
    relay = world.relay(road)
    await work(relay)
    back(road)
    clock.forward(seconds=5)
    await work(relay, 2)
    assert [(await world.standing(text))[0] for text in texts] == [State.ACCEPTED] * 2
    assert await world.notices(OPERATOR) == []


@sqlite_first
async def test_the_operator_hears_of_the_same_trouble_once_a_day(
    world: World, road: Road, clock: Clock
) -> None:
    await two_texts(world)
    relay = world.relay(road)
    told = []
    for hours in (0, 1, 23):
        clock.forward(hours=hours)
        away(road, NO_CONNECTION)
        text = await world.text(ANN, BOB)
        await work_on(relay, clock, 60, seconds=2)
        back(road)
        clock.forward(minutes=2)
        await work(relay, 3)
        assert (await world.standing(text))[0] == State.ACCEPTED
        told.append(len(await world.notices(OPERATOR)))
    assert told == [1, 1, 2]


@sqlite_first
async def test_a_server_that_lets_us_in_and_refuses_each_mail_is_still_away(
    world: World, road: Road, clock: Clock
) -> None:
    texts = await two_texts(world)
    away(road, NOT_LOGGED_IN)
    road.probe_answer = None
    relay = world.relay(road)
    await work_on(relay, clock, 240, seconds=30)
    assert 4 <= road.probes <= 9
    assert len(road.tried) == 2 * (1 + road.probes)
    (told,) = await world.notices(OPERATOR)
    assert "SMTP_PASSWORD" in told.words
    assert [len(await world.notices(person)) for person in (ANN, 99)] == [1, 1]
    back(road)
    clock.forward(hours=1)
    await work(relay, 2)
    assert [(await world.standing(text))[0] for text in texts] == [State.ACCEPTED] * 2
    away(road, NOT_LOGGED_IN)
    await world.text(ANN, BOB)
    await work(relay)
    await relay.one_pass()
    back(road)
    clock.forward(minutes=2)
    await work(relay, 2)
    assert len(road.taken) == 3  # a mail that was taken ended it: the waits began anew


async def test_a_login_that_is_put_off_is_not_a_wrong_password(
    world: World, road: Road, clock: Clock
) -> None:
    await two_texts(world)
    away(road, LOGIN_LATER)
    relay = world.relay(road)
    await work_on(relay, clock, 40, seconds=15)
    (told,) = await world.notices(OPERATOR)
    assert "SMTP_PASSWORD" not in told.words
    back(road)
    clock.forward(minutes=2)
    await work(relay, 2)
    assert len(road.taken) == 2


async def test_an_outage_whose_transaction_failed_is_told_all_the_same(world: World, road: Road) -> None:
    await two_texts(world)
    away(road, NO_LOGIN)
    fragile = FragileStore(world.store)
    relay = replace(world, store=fragile).relay(road)
    await relay.one_pass()
    await relay._flight.ended()
    fragile.fails_next_commit = True
    with pytest.raises(OperationalError):
        await relay.one_pass()
    await work(relay)
    assert [len(await world.notices(person)) for person in (OPERATOR, ANN, 99)] == [1, 1, 1]


class SilentRoad(Road):
    """A mail server that lets a probe wait."""

    answered = asyncio.Event()

    async def probe(self) -> Reply | None:
        """Say nothing until told."""
        self.probes += 1
        await self.answered.wait()
        return None


async def test_a_probe_that_hangs_holds_nothing_up(world: World, clock: Clock) -> None:
    texts = await two_texts(world)
    road = SilentRoad()
    road.answered = asyncio.Event()
    away(road, NO_CONNECTION)
    relay = world.relay(road)
    await work(relay)
    clock.forward(hours=11)
    late = await world.text(50, BOB)
    async with asyncio.timeout(10):
        for _ in range(3):
            await relay.one_pass()
        clock.forward(hours=1)
        await relay.one_pass()
    assert road.probes == 1
    assert [(await world.standing(text))[0] for text in texts] == [State.EXPIRED] * 2
    back(road)
    relay.wake.clear()
    road.answered.set()
    await asyncio.wait_for(relay.wake.wait(), 10)
    await work(relay, 2)
    assert (await world.standing(late))[0] == State.ACCEPTED


async def test_the_accounts_limit_pauses_everything_and_blames_nobody(
    world: World, road: Road, clock: Clock
) -> None:
    texts = await two_texts(world)
    road.answer = lambda _: QUOTA
    relay = world.relay(road, connections=1)
    await work(relay)
    tried = len(road.tried)
    late = await world.text(50, BOB)
    await work_on(relay, clock, 29, minutes=1)
    assert len(road.tried) == tried
    assert [await world.standing(text) for text in (*texts, late)] == [(State.QUEUED, "limited", 0)] * 3
    assert [len(await world.notices(person)) for person in (ANN, 99, 50)] == [1, 1, 1]
    assert {row.state for row in await world.rows(Registration)} == {"active"}
    road.answer = lambda _: TAKEN
    clock.forward(minutes=2)
    await work(relay, 4)
    assert {(await world.standing(text))[0] for text in (*texts, late)} == {State.ACCEPTED}


@sqlite_first
async def test_an_accounts_limit_that_lasts_all_day_is_told_once_a_day(
    world: World, road: Road, clock: Clock
) -> None:
    world.expires = timedelta(days=3)
    await two_texts(world)
    road.answer = lambda _: QUOTA
    relay = world.relay(road)
    for _ in range(20):
        await work(relay, 2)
        clock.forward(hours=1)
    (told,) = await world.notices(OPERATOR)
    assert "limit" in told.words
    clock.forward(hours=5)
    await work(relay, 2)
    assert len(await world.notices(OPERATOR)) == 2
    assert len(await world.notices(ANN)) == 1


async def test_codes_and_due_times_survive_an_outage(world: World, road: Road, clock: Clock) -> None:
    await world.ask_code(ANN)
    away(road, NO_CONNECTION)
    relay = world.relay(road)
    await work(relay)
    (row,) = await world.rows(OutboxItem)
    assert (row.state, row.attempts, row.words_sealed is not None) == ("waiting", 0, True)
    back(road)
    clock.forward(minutes=1)
    await work(relay, 2)
    assert len(road.taken) == 1


@pytest.mark.parametrize("hours", [-24, -365 * 24, 24])
async def test_a_clock_that_jumps_does_not_close_the_road_for_long(
    world: World, road: Road, clock: Clock, hours: int
) -> None:
    await two_texts(world)
    away(road, NO_LOGIN)
    relay = world.relay(road)
    await work_on(relay, clock, 10, minutes=10)
    back(road)
    clock.forward(hours=hours)
    probes = road.probes
    await work(relay)
    assert road.probes == probes + 1
