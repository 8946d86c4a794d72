"""Each gateway has its pace and its breaker, and nobody's many texts or refusals delay anybody else's."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event, select

from bot.db import notices
from bot.db.one_trip import TripConnection
from bot.db.tables import Attempt, Lane, OutboxItem
from bot.domain.catalogue_file import Catalogue
from bot.domain.outcome import Outcome, Reply, Step
from bot.domain.states import State
from bot.domain.words import GATEWAY_CLOSED
from bot.services import in_flight, phone
from bot.services.cleaning import clean
from bot.services.delivery import Pace, Ports, Relay
from bot.services.permit import Sendable
from bot.services.shelf import Shelf
from tests.conftest import Size, telling
from tests.db.stores import sqlite_first
from tests.services.test_leases import FragileStore
from tests.services.world import (
    ANN,
    BOB,
    CARL,
    CATALOGUE,
    START,
    TAKEN,
    UNPACED,
    Clock,
    Road,
    World,
    work,
    work_on,
)

ONE, TWO = "one.example.net", "two.example.net"
POLICY = Reply(Step.RCPT, 550, "5.7.1 we know you not")
GREYLISTED = Reply(Step.RCPT, 451, "4.7.1 come again")
NOBODY = Reply(Step.RCPT, 550, "5.1.1 no such subscriber")
QUOTA = Reply(Step.MAIL, 550, "5.4.5 Daily user sending limit exceeded")
MINUTE = timedelta(minutes=1)
SENDER, OTHER_SENDER = 91, 92
RECIPIENTS = range(20, 60)


async def register(world: World, person: int, carrier: str = "us-one") -> None:
    await world.register(person, typed_number=f"206 555 01{person:02}", carrier_slug=carrier)


async def register_many(world: World, people: range, carrier: str = "us-one") -> None:
    for person in people:
        await register(world, person, carrier)


async def flood(world: World, count: int, people: range = RECIPIENTS, sender: int = SENDER) -> None:
    """Have many texts accepted."""
    requests = [
        world.request(sender, people[number % len(people)], f"flood {number}", answer=None)
        for number in range(count)
    ]
    for begin in range(0, count, 500):
        await world.accept(*requests[begin : begin + 500])


def told(road: Road, clock: Clock) -> list[tuple[datetime, str]]:
    """Note when each mail went, as the clock said."""
    gone: list[tuple[datetime, str]] = []

    def answer(mail: Sendable) -> Reply:
        gone.append((clock(), mail.address.partition("@")[2]))
        return TAKEN

    road.answer = answer
    return gone


def most_in_a_minute(times: list[datetime]) -> int:
    return max((sum(begin <= at < begin + MINUTE for at in times) for begin in times), default=0)


async def lane(world: World, domain: str = ONE) -> Lane:
    (row,) = await world.rows(Lane, Lane.domain == domain)
    found: Lane = row
    return found


# --- pace


@pytest.mark.parametrize(("relays", "look_s"), telling([(2, 3), (1, 1), (2, 1)], 1))
@pytest.mark.ci
async def test_no_minute_sees_more_than_the_pace_over_restarts(
    world: World, road: Road, clock: Clock, relays: int, look_s: int
) -> None:
    await register_many(world, RECIPIENTS)
    await flood(world, 200)
    gone = told(road, clock)
    pace = Pace(gateway=60)
    for second in range(0, 150, look_s):
        if second % 30 == 0:
            working = [world.relay(road, owner=second * 10 + n, pace=pace) for n in range(1, relays + 1)]
        for relay in working:
            await work(relay)
        clock.forward(seconds=look_s)
    times = [at for at, _ in gone]
    assert most_in_a_minute(times) <= 61
    assert len(times) >= 120, "the pace is not used up"


@pytest.mark.ci
async def test_rate_zero_is_no_bound(world: World, road: Road) -> None:
    await register_many(world, RECIPIENTS)
    await flood(world, 200)
    await work(world.relay(road, pace=UNPACED), 100)
    assert len(road.taken) == 200


@sqlite_first
async def test_a_gateway_may_have_a_rate_of_its_own(world: World, road: Road, clock: Clock) -> None:
    slow = [replace(c, rate=5) if c.slug == "us-two" else c for c in CATALOGUE.carriers]
    world.shelf = Shelf(Catalogue(tuple(slow)), frozenset())
    await register_many(world, range(20, 30))
    await register_many(world, range(30, 40), "us-two")
    await flood(world, 60, range(20, 40))
    gone = told(road, clock)
    relay = world.relay(road, pace=Pace(gateway=20))
    for _ in range(60):
        await work(relay, 2)
        clock.forward(seconds=1)
    assert 19 <= sum(domain == ONE for _, domain in gone) <= 21
    assert 5 <= sum(domain == TWO for _, domain in gone) <= 6


@sqlite_first
async def test_the_account_has_a_pace_over_all_lanes_and_each_lane_its_turn(
    world: World, road: Road, clock: Clock
) -> None:
    await register_many(world, range(20, 30))
    await register_many(world, range(30, 40), "us-two")
    await flood(world, 200, range(20, 30))
    gone = told(road, clock)
    relay = world.relay(road, connections=1, pace=Pace(gateway=0, account=12))
    for second in range(200):
        await work(relay, 2)
        if second == 65:
            # A lane that comes late to an account that another uses up.
            await flood(world, 20, range(30, 40), OTHER_SENDER)
        clock.forward(seconds=1)
    assert most_in_a_minute([at for at, _ in gone]) <= 13
    late = [domain for at, domain in gone if at > START + 66 * timedelta(seconds=1)]
    assert late.count(TWO) >= len(late) // 3, Counter(late)
    assert len(gone) >= 36


async def test_a_code_in_another_lane_goes_before_chat_where_the_account_is_used_up(
    world: World, road: Road, clock: Clock
) -> None:
    await register_many(world, range(20, 30))
    await flood(world, 50, range(20, 30))
    relay = world.relay(road, connections=1, pace=Pace(gateway=0, account=2))
    await work(relay, 3)
    assert len(road.taken) == 2
    await world.ask_code(CARL, carrier_slug="us-two")
    clock.forward(seconds=61)
    await work(relay, 3)
    assert "is your Textbridge code" in road.taken[2].words


@pytest.mark.ci
@sqlite_first
@pytest.mark.parametrize("jump", telling([{"days": -365}, {"seconds": -20}, {"days": 365}], 2))
async def test_a_clock_that_jumps_neither_stalls_a_lane_nor_floods_it(
    world: World, road: Road, clock: Clock, jump: dict[str, float]
) -> None:
    world.expires = timedelta(days=800)
    await register_many(world, RECIPIENTS)
    await flood(world, 300)
    relay = world.relay(road, pace=Pace(gateway=60))
    await work(relay, 10)
    before = len(road.taken)
    clock.forward(**jump)
    await world.write(clean, clock())
    await work(relay, 10)
    assert len(road.taken) <= before + 60
    for _ in range(100):
        clock.forward(seconds=1)
        await work(relay, 2)
    assert before + 60 <= len(road.taken) <= before + 3 * 60


# --- the breaker


async def refuse_three(world: World, road: Road, reply: Reply = POLICY) -> Relay:
    """Let a gateway refuse three numbers."""
    await register_many(world, range(20, 26))
    road.answer = lambda mail: reply if mail.address.endswith(ONE) else TAKEN
    for person in range(20, 23):
        await world.text(SENDER, person, f"to {person}")
    relay = world.relay(road)
    await work(relay)
    return relay


@pytest.mark.parametrize("reply", [POLICY, GREYLISTED], ids=repr)
async def test_three_numbers_refused_close_the_lane_and_what_waits_is_told_once(
    world: World, road: Road, clock: Clock, reply: Reply
) -> None:
    relay = await refuse_three(world, road, reply)
    assert (await lane(world)).closed_until > clock()
    texts = [await world.text(SENDER, person) for person in (23, 24)]
    await register(world, 30, "us-two")
    elsewhere = await world.text(SENDER, 30)
    tried = len(road.tried)
    await work_on(relay, clock, 5, seconds=1)
    assert [mail.address[-len(TWO) :] for mail in road.tried[tried:]] == [TWO]
    assert (await world.standing(elsewhere))[0] == State.ACCEPTED
    for text in texts:
        assert await world.standing(text) == (State.QUEUED, GATEWAY_CLOSED, 0)
        assert [n.text_id for n in await world.notices(SENDER)].count(text) == 1
    assert len(await world.notices(notices.OPERATOR)) == 1


async def test_one_number_thrice_or_a_refused_person_closes_nothing(world: World, road: Road) -> None:
    await register_many(world, range(20, 26))
    road.answer = lambda mail: POLICY if mail.address.startswith("2065550120") else NOBODY
    relay = world.relay(road)
    for person in (20, 20, 20, 20, 21, 22, 23, 24):
        await world.text(SENDER, person)
        await work(relay)
    assert (await lane(world)).closed_until is None
    assert len(road.tried) == 8


@pytest.mark.parametrize(
    "reply", [Reply(Step.RCPT, None), Reply(Step.BODY, None), Reply(Step.RCPT, 421)], ids=repr
)
async def test_a_stall_of_the_relay_is_no_gateways(world: World, road: Road, reply: Reply) -> None:
    await refuse_three(world, road, reply)
    rows = await world.rows(Lane, Lane.closed_until.is_not(None))
    assert rows == []


async def test_half_open_lets_one_try_and_another_number_each_time(
    world: World, road: Road, clock: Clock
) -> None:
    relay = await refuse_three(world, road)
    for person in (23, 24, 25):
        await world.text(SENDER, person)
    tried: list[str] = []
    for _ in range(3):
        clock.forward(seconds=76)
        before = len(road.tried)
        await work(relay, 4)
        tried += [mail.address for mail in road.tried[before:]]
    assert len(tried) == 3
    assert len(set(tried)) == 3, "one number that is refused for its own sake keeps the lane closed"


@sqlite_first
async def test_after_recovery_all_that_waited_leaves_in_order_within_two_minutes(
    world: World, road: Road, clock: Clock
) -> None:
    relay = await refuse_three(world, road)
    for person in (23, 24):
        await world.text(SENDER, person, "hello " * 60)
        await world.text(SENDER, person, "after that")
    for _ in range(30):
        clock.forward(seconds=20)
        await work(relay)
    road.answer = lambda _: TAKEN
    # A new relay: what is known of the lane is in the store.
    relay = world.relay(road, owner=2)
    for _ in range(40):
        clock.forward(seconds=3)
        await work(relay)
    for person in (23, 24):
        said = [mail.words for mail in road.taken if mail.address.startswith(f"20655501{person}")]
        assert [words.splitlines()[0][-5:] for words in said] == ["(1/3)", "(2/3)", "(3/3)", " club"]
    row = await lane(world)
    assert (row.closed_until, row.closings, row.refused) == (None, 0, "")


@sqlite_first
async def test_a_lone_text_that_was_refused_often_goes_too(world: World, road: Road, clock: Clock) -> None:
    relay = await refuse_three(world, road)
    text = await world.text(SENDER, 23)
    for _ in range(60):
        clock.forward(seconds=30)
        await work(relay)
    assert await world.items(text) == ["waiting"]
    road.answer = lambda _: TAKEN
    for _ in range(24):
        clock.forward(seconds=5)
        await work(relay)
    assert await world.items(text) == ["sent"]


async def test_a_try_that_was_cancelled_is_no_try(world: World, road: Road, clock: Clock) -> None:
    relay = await refuse_three(world, road)
    await work(relay)
    for _ in range(5):
        await world.text(SENDER, 23)
    fine = await world.text(SENDER, 24)
    await world.write(phone.pause, 23, 1, clock())
    road.answer = lambda _: TAKEN
    clock.forward(seconds=76)
    await work(relay, 8)
    assert await world.items(fine) == ["sent"]


async def test_the_lane_stays_closed_over_a_restart(world: World, road: Road, clock: Clock) -> None:
    await refuse_three(world, road)
    await world.text(SENDER, 23)
    tried = len(road.tried)
    await work(world.relay(road, owner=2), 3)
    assert len(road.tried) == tried


@sqlite_first
async def test_a_gateway_that_comes_and_goes_is_told_once_a_day(
    world: World, road: Road, clock: Clock
) -> None:
    await register_many(world, range(20, 30))
    relay = world.relay(road)
    for _ in range(5):
        road.answer = lambda _: GREYLISTED
        for person in range(20, 24):
            await world.text(SENDER, person)
        await work(relay, 2)
        assert (await lane(world)).closed_until is not None
        road.answer = lambda _: TAKEN
        clock.forward(seconds=80)
        await work(relay, 6)
        assert (await lane(world)).closed_until is None
    assert len(await world.notices(notices.OPERATOR)) == 1


async def test_the_accounts_quota_pauses_all_and_blames_no_gateway(
    world: World, road: Road, clock: Clock
) -> None:
    await refuse_three(world, road, QUOTA)
    assert await world.rows(Lane, (Lane.closed_until.is_not(None)) | (Lane.refused != "")) == []
    outcomes = await world.rows(Attempt)
    assert {row.outcome for row in outcomes} == {Outcome.ACCOUNT_LIMIT}


async def test_what_a_lane_learns_waits_for_another_relay_that_holds_it(
    world: World, road: Road, clock: Clock
) -> None:
    if world.store.is_sqlite:
        # There one relay writes at a time; what it learns it learns.
        return
    relay = await refuse_three(world, road)
    await world.text(SENDER, 23)
    clock.forward(seconds=76)
    road.answer = lambda _: TAKEN
    await relay.one_pass()
    while road.sending:
        await asyncio.wait(list(road.sending))
    async with world.store.write() as other:
        await other.execute(select(Lane).where(Lane.domain == ONE).with_for_update())
        passing = asyncio.create_task(relay.one_pass())
        await asyncio.wait({passing}, timeout=0.3)
    await passing
    await work(relay, 2)
    assert (await lane(world)).closed_until is None


# --- nobody delays anybody


@pytest.mark.parametrize("pace", telling([Pace(gateway=60), Pace(gateway=6), UNPACED], 1), ids=str)
async def test_one_senders_many_delay_another_by_a_few_texts(
    world: World, road: Road, clock: Clock, pace: Pace, size: Size
) -> None:
    await register_many(world, range(20, 40))
    await flood(world, size.pick(2_000), range(20, 40))
    relay = world.relay(road, connections=1, pace=pace)
    await work(relay, 2)
    clock.forward(seconds=1)
    before = len(road.taken)
    text = await world.text(OTHER_SENDER, RECIPIENTS[0], "mine")
    while (await world.standing(text))[0] != State.ACCEPTED:
        await work(relay)
        clock.forward(seconds=1)
    # What is let go at once, and one that was before it.
    assert len(road.taken) - before <= 8 * 2


async def test_one_recipients_many_delay_neither_another_nor_another_senders_text_to_them(
    world: World, road: Road, clock: Clock, size: Size
) -> None:
    await register_many(world, range(20, 22))
    await flood(world, size.pick(2_000), range(20, 21))
    relay = world.relay(road, connections=1)
    await work(relay)
    clock.forward(seconds=1)
    before = len(road.taken)
    texts = [await world.text(OTHER_SENDER, 20, "mine"), await world.text(SENDER + 5, 21, "another's")]
    for _ in range(6):
        await work(relay)
    assert {(await world.standing(text))[0] for text in texts} == {State.ACCEPTED}
    assert len(road.taken) - before <= 6 * 16


async def test_a_recipient_whose_mail_stalls_keeps_nobody_of_the_lane_waiting(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_flight, "BEHIND_LASTS_S", -1.0)
    road = StallingRoad("2065550120")
    await register_many(world, range(20, 24))
    # Long ago, so that their turns are before everybody's.
    await flood(world, 500, range(20, 21))
    clock.forward(hours=11)
    texts = [await world.text(OTHER_SENDER, person) for person in (21, 22, 23)]
    relay = world.relay(road, connections=1)
    for _ in range(6):
        await relay.one_pass()
        await road.all_but_stalled()
    assert sorted(mail.address[8:10] for mail in road.taken) == ["21", "22", "23"]
    assert {(await world.items(text))[0] for text in texts} <= {"sent", "leased"}
    road.stalled.set()
    await relay.finish()


class StallingRoad(Road):
    """A mail server that says nothing about one number."""

    def __init__(self, number: str) -> None:
        super().__init__()
        self.number, self.stalled = number, asyncio.Event()
        self.stuck = 0

    async def send(self, mail: Sendable) -> Reply:
        """Answer, save for the one number."""
        if mail.address.startswith(self.number):
            self.stuck += 1
            await self.stalled.wait()
            self.stuck -= 1
        return await super().send(mail)

    async def all_but_stalled(self) -> None:
        """Wait until only the one number's mail is left."""
        while len(self.sending) > self.stuck or any(future.done() for future in self.sending):
            await asyncio.wait(list(self.sending), timeout=0.01, return_when=asyncio.FIRST_COMPLETED)


# --- order


async def test_a_claim_that_was_lost_goes_before_what_stands_behind_it(world: World, road: Road) -> None:
    await world.register(BOB)
    fragile = FragileStore(world.store)
    relay = World(fragile, world.clock, world.shelf).relay(road, connections=1)
    # What is done once a second is done for this one.
    await work(relay)
    await world.text(ANN, BOB, "hello " * 200)
    count = len(await world.rows(OutboxItem))
    fragile.loses_next_commit = True
    with pytest.raises(Exception, match="closed the connection"):
        await relay.one_pass()
    for _ in range(2 * count):
        await work(relay)
    order = [mail.words.splitlines()[0].rpartition(" ")[2] for mail in road.taken]
    assert order == [f"({number}/{count})" for number in range(1, count + 1)]


@pytest.mark.parametrize("reply", [NOBODY, GREYLISTED], ids=repr)
@pytest.mark.parametrize("at", [1, 2, 3])
async def test_no_part_overtakes_one_that_failed(
    world: World, road: Road, clock: Clock, reply: Reply, at: int
) -> None:
    await world.register(BOB)
    text = await world.text(ANN, BOB, "hello " * 60)
    road.answer = lambda mail: reply if f"({at}/3)" in mail.words else TAKEN
    relay = world.relay(road)
    await work(relay, 3)
    assert len(road.taken) == at - 1
    if reply is NOBODY:
        assert await world.items(text) == ["sent"] * (at - 1) + ["refused"] + ["cancelled"] * (3 - at)
        return
    assert await world.items(text) == ["sent"] * (at - 1) + ["waiting"] * (4 - at)
    road.answer = lambda _: TAKEN
    clock.forward(minutes=15)
    await work(relay, 4)
    assert [f"({n}/3)" in mail.words for n, mail in enumerate(road.taken, 1)] == [True] * 3


async def test_a_part_claimed_while_the_one_before_it_fails_does_not_go(world: World, road: Road) -> None:
    """The refusal comes in while the claim of the third part is being committed."""
    await world.register(BOB)
    text = await world.text(ANN, BOB, "hello " * 60)
    road.answer = lambda _: NOBODY
    road.open.clear()
    relay = world.relay(road, connections=1)
    await relay.one_pass()

    during = await on_commit(world, road.open.set)
    await relay.one_pass()
    assert during == [True]
    await relay.finish()
    await work(relay, 2)
    assert len(road.tried) == 1
    assert await world.items(text) == ["refused", "cancelled", "cancelled"]


async def test_a_permission_that_changes_while_a_claim_is_committed_counts(world: World, road: Road) -> None:
    await world.register(BOB)
    text = await world.text(ANN, BOB)
    waiting: list[Callable[[Reply], None]] = []

    def put(mail: Sendable, lane: str, urgent: bool, until: float, end: Callable[[Reply], None]) -> None:
        waiting.append(end)

    def recall() -> None:
        while waiting:
            waiting.pop()(Reply(Step.STOPPED, None))

    ports = Ports(put, recall, road.probe, world.clock, lambda: 0.5)
    relay = Relay(world.store, world.shelf, ports, 1, 4, UNPACED)
    during = await on_commit(world, relay.recall)
    await relay.one_pass()
    assert during == [True]
    await world.write(phone.block, BOB, ANN, world.clock())
    await relay.one_pass()
    assert waiting == []
    assert await world.items(text) == ["cancelled"]


async def on_commit(world: World, act: Callable[[], None]) -> list[bool]:
    """Do something once, as the next transaction is committed."""
    done: list[bool] = []

    def committing(_: object) -> None:
        if not done:
            done.append(True)
            act()

    if not world.store.is_sqlite:
        event.listen(world.store.writer.sync_engine, "commit", committing, once=True)
        return done
    # A trip to SQLite's thread passes SQLAlchemy by.
    async with world.store.writer.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert isinstance(driver, TripConnection)
        await driver.set_trace_callback(lambda words: committing(words) if words == "COMMIT" else None)
    return done
