"""A lane keeps its pace whatever the clock does; its breaker opens for many numbers and closes by itself."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.lanes import (
    CLOCKS_DIFFER,
    FIRST_WAIT,
    LONGEST_WAIT,
    NUMBERS_THAT_CLOSE,
    Lane,
    Verdict,
    goes,
    learn,
    may_go,
    opens_at,
    returned,
    verdict,
)
from bot.domain.outcome import Outcome, Reply, Step, decide

SECOND, MS = timedelta(seconds=1), timedelta(milliseconds=1)
START = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE, YEAR = timedelta(minutes=1), timedelta(days=365)
RATES = st.one_of(st.integers(1, 200), st.integers(1, 100_000))
JITTERS = st.floats(0, 1, exclude_max=True)
STEPS = st.lists(st.tuples(st.integers(0, 90_000_000), st.integers(1, 500)), min_size=1, max_size=60)


def at_once(rate: int) -> float:
    """Return how many texts a second is worth, one at least."""
    return max(rate / 60, 1)


def send(lane: Lane, rate: int, now: datetime, wanted: int) -> tuple[Lane, int]:
    """Let as many go as may."""
    free = may_go(lane, rate, now)
    count = wanted if free is None else min(wanted, free)
    return goes(lane, count, rate, now, 0.5), count


def closed_at(now: datetime) -> Lane:
    lane = Lane("one.example.net")
    for queue in range(NUMBERS_THAT_CLOSE):
        lane = learn(lane, Verdict.REFUSED, queue, now, 0.5)
    assert lane.closed
    return lane


@given(rate=RATES, steps=STEPS)
def test_no_minute_sees_more_than_the_rate_and_a_seconds_worth(
    rate: int, steps: list[tuple[int, int]]
) -> None:
    lane, now, gone = Lane("one.example.net"), START, []
    for after_us, wanted in steps:
        now += timedelta(microseconds=after_us)
        # As after a restart: all that is known is what the store keeps.
        lane, count = send(Lane(lane.domain, lane.recent), rate, now, wanted)
        gone.append((now, count))
    for begin, _ in gone:
        in_a_minute = sum(count for at, count in gone if begin <= at < begin + MINUTE)
        assert in_a_minute <= rate + at_once(rate)


@given(rate=RATES)
def test_who_always_has_texts_gets_the_whole_rate(rate: int) -> None:
    lane, now, gone = Lane("one.example.net"), START, 0
    while now < START + 10 * MINUTE:
        lane, count = send(lane, rate, now, 10_000)
        gone += count
        after = opens_at(lane, rate, now)
        assert after > now or count == 10_000
        now = after
    # They are counted by the second: a minute is one second longer.
    assert gone >= rate * (10 - 1) * 60 / 61


@given(rate=RATES, steps=STEPS)
def test_from_opens_at_on_a_text_may_go_and_not_before(rate: int, steps: list[tuple[int, int]]) -> None:
    lane, now = Lane("one.example.net"), START
    for after_us, wanted in steps:
        now += timedelta(microseconds=after_us)
        lane, _ = send(lane, rate, now, wanted)
        opens = opens_at(lane, rate, now)
        assert may_go(lane, rate, opens)
        if opens > now:
            assert may_go(lane, rate, opens - timedelta(microseconds=1)) == 0


@given(count=st.integers(0, 10**9))
def test_rate_zero_is_no_bound(count: int) -> None:
    lane = goes(Lane("one.example.net"), count, 0, START, 0.5)
    assert may_go(lane, 0, START) is None
    assert opens_at(lane, 0, START) == START


@given(rate=RATES, wanted=st.integers(1, 100_000), jump=st.sampled_from([-YEAR, -MINUTE, MINUTE, YEAR]))
def test_a_clock_that_jumps_neither_stalls_a_lane_nor_releases_a_flood(
    rate: int, wanted: int, jump: timedelta
) -> None:
    lane, before = send(Lane("one.example.net"), rate, START, wanted)
    now = START + jump
    opens = opens_at(lane, rate, now)
    assert opens <= now + MINUTE + CLOCKS_DIFFER + SECOND, "the lane stands still until the clock is back"
    assert may_go(lane, rate, opens)
    for _ in range(5):
        lane, count = send(lane, rate, now, 100_000)
        before += count
    assert before <= 2 * rate


@given(
    rate=RATES,
    behind=st.integers(0, int(CLOCKS_DIFFER / MS)),
    rounds=st.integers(1, 50),
    each=st.integers(1, 500),
)
def test_two_clocks_that_differ_do_not_double_the_pace(
    rate: int, behind: int, rounds: int, each: int
) -> None:
    lane, gone = Lane("one.example.net"), 0
    for number in range(rounds):
        now = START + number * MS
        for clock in (now, now - behind * MS):
            lane, count = send(lane, rate, clock, each)
            gone += count
    assert gone <= rate


@given(rate=RATES, went=st.integers(0, 200), back=st.integers(0, 250), later=st.integers(0, 90))
def test_what_did_not_go_after_all_may_go_again(rate: int, went: int, back: int, later: int) -> None:
    lane, count = send(Lane("one.example.net"), rate, START, went)
    now = START + later * SECOND
    before = may_go(lane, rate, now)
    after = may_go(returned(lane, back), rate, now)
    assert before is not None
    assert after is not None
    assert before <= after == min(before + min(back, count), rate)


def test_three_numbers_close_a_lane_one_number_never_does() -> None:
    lane = Lane("one.example.net")
    for _ in range(50):
        lane = learn(lane, Verdict.REFUSED, 7, START, 0.5)
    assert not lane.closed
    lane = learn(lane, Verdict.REFUSED, 8, START, 0.5)
    assert not lane.closed
    lane = learn(lane, Verdict.REFUSED, 9, START, 0.5)
    assert lane.closed
    assert may_go(lane, 0, START) == 0


def test_a_text_that_is_taken_forgets_the_refusals_before() -> None:
    lane = Lane("one.example.net")
    for queue in range(20):
        lane = learn(lane, Verdict.REFUSED, queue, START, 0.5)
        lane = learn(lane, Verdict.REFUSED, queue + 100, START, 0.5)
        lane = learn(lane, Verdict.TOOK, queue, START, 0.5)
    assert lane == Lane("one.example.net")


@given(jitter=JITTERS, probes=st.integers(0, 30), rate=st.sampled_from([0, 1, 60, 6000]))
def test_a_closed_lane_lets_one_text_try_at_a_time_within_75_seconds(
    jitter: float, probes: int, rate: int
) -> None:
    lane, now = closed_at(START), START
    for _ in range(probes):
        opens = opens_at(lane, rate, now)
        assert now < opens <= now + LONGEST_WAIT * 1.25
        assert may_go(lane, rate, opens - timedelta(microseconds=1)) == 0
        now = opens
        assert may_go(lane, rate, now) == 1
        lane = goes(lane, 1, rate, now, jitter)
        assert may_go(lane, rate, now) == 0
        lane = learn(lane, Verdict.REFUSED, 1, now, jitter)
    opened = learn(lane, Verdict.TOOK, 1, now, jitter)
    assert not opened.closed
    assert (opened.closings, opened.refused) == (0, ())


def test_the_first_wait_is_short_and_jitter_spreads_it() -> None:
    waits = [closed_until - START for closed_until in map(_closed_until, (0.0, 0.999))]
    assert waits[0] < FIRST_WAIT < waits[1]


def _closed_until(jitter: float) -> datetime:
    lane = Lane("one.example.net", refused=(1, 2))
    until = learn(lane, Verdict.REFUSED, 3, START, jitter).closed_until
    assert until is not None
    return until


@pytest.mark.parametrize("jump", [-YEAR, YEAR])
def test_a_clock_that_jumps_leaves_no_lane_closed(jump: timedelta) -> None:
    now = START + jump
    lane = closed_at(START)
    assert may_go(lane, 60, now) == 1
    lane = goes(lane, 1, 60, now, 0.5)
    assert may_go(lane, 60, now) == 0
    assert opens_at(lane, 60, now) <= now + LONGEST_WAIT * 1.25


REPLIES = [
    (Reply(Step.BODY, 250, "2.0.0 Ok"), Verdict.TOOK),
    (Reply(Step.RCPT, 550, "5.7.1 policy"), Verdict.REFUSED),
    (Reply(Step.RCPT, 550, "relaying denied"), Verdict.REFUSED),
    (Reply(Step.RCPT, 450, "4.4.1 no answer from host"), Verdict.REFUSED),
    (Reply(Step.RCPT, 451, "4.7.1 try later"), Verdict.REFUSED),
    (Reply(Step.DATA, 554, "permanent failure for one or more recipients"), Verdict.REFUSED),
    (Reply(Step.RCPT, 550, "5.1.1 no such subscriber"), Verdict.NOTHING),
    (Reply(Step.RCPT, 550, "5.2.1 mailbox disabled"), Verdict.NOTHING),
    (Reply(Step.RCPT, 450, "4.1.1 mailbox busy"), Verdict.NOTHING),
    (Reply(Step.BODY, 452, "4.2.2 mailbox full"), Verdict.NOTHING),
    (Reply(Step.BODY, 552, "5.2.0 AUP#POL"), Verdict.NOTHING),
    (Reply(Step.BODY, 554, "5.7.1 rejected"), Verdict.NOTHING),
    # What our own mail server says or fails to say is about itself.
    (Reply(Step.RCPT, 421, "4.3.2 closing"), Verdict.NOTHING),
    (Reply(Step.RCPT, None), Verdict.NOTHING),
    (Reply(Step.DATA, None), Verdict.NOTHING),
    (Reply(Step.BODY, None), Verdict.NOTHING),
    (Reply(Step.MAIL, 550, "5.7.1 not you"), Verdict.NOTHING),
    (Reply(Step.MAIL, 451, "4.3.0 busy"), Verdict.NOTHING),
    (Reply(Step.CONNECT, None), Verdict.NOTHING),
    (Reply(Step.LOGIN, 535, "5.7.8"), Verdict.NOTHING),
    (Reply(Step.BODY, 550, "5.4.5 Daily user sending limit exceeded"), Verdict.NOTHING),
    (Reply(Step.CHECK, None), Verdict.NOTHING),
    (Reply(Step.STOPPED, None), Verdict.NOTHING),
    (Reply(Step.LOST, None), Verdict.NOTHING),
]


@pytest.mark.parametrize(("reply", "says"), REPLIES, ids=[repr(reply) for reply, _ in REPLIES])
def test_what_an_attempt_says_of_the_gateway(reply: Reply, says: Verdict) -> None:
    assert verdict(reply, decide(reply)) is says


def test_every_kind_of_outcome_is_in_the_table() -> None:
    assert {decide(reply) for reply, _ in REPLIES} == set(Outcome)
