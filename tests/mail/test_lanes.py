"""Whose mail goes next: urgent ones, then the gateways in turn, and none of them ever has all connections."""

import itertools
import logging
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.outcome import Reply, Step
from bot.mail.lanes import TURN_MAILS, Job, Lanes, share
from bot.mail.render import Mail

SLOW_S = 3.0


def job(lane: str, *, urgent: bool = False) -> Job:
    return Job(Mail("2065550100@vtext.com", b""), lane, lambda reply: None, urgent)


def with_waiting(lanes: Lanes, *names: str) -> list[Job]:
    jobs = [job(name) for name in names]
    for each in jobs:
        lanes.put(each)
    return jobs


def taken(lanes: Lanes, now: float = 0.0) -> Job:
    chosen = lanes.take(now)
    assert chosen is not None
    lanes.begun(chosen, now)
    return chosen


def answer(lanes: Lanes, chosen: Job, now: float = 0.0, *, answered: bool = True) -> None:
    lanes.ended(chosen, now, answered=answered)
    lanes.leave(chosen.lane)


@pytest.mark.parametrize(("connections", "most"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (8, 6), (20, 15)])
def test_a_lane_may_have_all_connections_but_a_quarter(connections: int, most: int) -> None:
    assert share(connections) == most


def test_lanes_go_in_turn() -> None:
    lanes = Lanes(20, SLOW_S)
    with_waiting(lanes, "a", "a", "a", "b", "b", "c")
    went = []
    for _ in range(6):
        went.append(taken(lanes))
        answer(lanes, went[-1])
    assert [each.lane for each in went] == ["a", "b", "c", "a", "b", "a"]
    assert lanes.take(0) is None


def test_a_code_overtakes_all_chat() -> None:
    lanes = Lanes(20, SLOW_S)
    with_waiting(lanes, "a", "b", "b")
    code = job("b", urgent=True)
    lanes.put(code)
    assert lanes.take(0) is code


def test_a_code_ends_the_turn_of_another_lane() -> None:
    lanes = Lanes(1, SLOW_S)
    with_waiting(lanes, "a", "a")
    first = taken(lanes)
    code = job("b", urgent=True)
    lanes.put(code)
    assert lanes.ride(first, 0) is None
    answer(lanes, first)
    assert lanes.take(0) is code


def test_a_lane_rides_on_until_its_turn_ends_for_others_only() -> None:
    lanes = Lanes(1, SLOW_S)
    backlog = with_waiting(lanes, *["a"] * 100)
    current = taken(lanes)
    for expected in backlog[1:40]:
        lanes.ended(current, 0, answered=True)
        ridden = lanes.ride(current, 0)
        assert ridden is expected
        current = ridden
        lanes.begun(current, 0)
    with_waiting(lanes, "b")
    rode = 0
    while (ridden := lanes.ride(current, 0)) is not None:
        rode, current = rode + 1, ridden
    assert rode < TURN_MAILS
    lanes.leave("a")
    assert taken(lanes).lane == "b"


def test_only_the_same_lane_rides() -> None:
    lanes = Lanes(4, SLOW_S)
    with_waiting(lanes, "a", "b")
    first = taken(lanes)
    assert first.lane == "a"
    assert lanes.ride(first, 0) is None


def test_a_lane_that_answers_gets_its_share_and_no_more() -> None:
    lanes = Lanes(20, SLOW_S)
    with_waiting(lanes, *["a"] * 200)
    under_way = [taken(lanes), taken(lanes)]
    assert not lanes.could_go(0)
    for _ in range(20):
        lanes.ended(under_way[0], 0, answered=True)
        ridden = lanes.ride(under_way[0], 0)
        assert ridden is not None
        lanes.begun(ridden, 0)
        under_way[0] = ridden
        while lanes.could_go(0):
            under_way.append(taken(lanes))
    assert len(under_way) == 15


def test_a_lane_that_stalls_gets_one_connection_until_it_answers_promptly() -> None:
    lanes = Lanes(4, SLOW_S)
    with_waiting(lanes, *["dead"] * 20)
    stuck = [taken(lanes), taken(lanes)]
    assert not lanes.could_go(0)
    for each in stuck:
        answer(lanes, each, 30.0, answered=False)
    probe = taken(lanes, 60.0)
    assert not lanes.could_go(60.0)
    answer(lanes, probe, 64.0)  # an answer, but no prompt one
    probe = taken(lanes, 64.0)
    assert not lanes.could_go(64.0)
    answer(lanes, probe, 64.5)
    again = [taken(lanes, 64.5), taken(lanes, 64.5)]
    for each in again:
        answer(lanes, each, 64.6)
    for _ in range(3):
        taken(lanes, 64.7)
    assert not lanes.could_go(64.7)


def test_a_broken_line_is_no_answer() -> None:
    lanes = Lanes(4, SLOW_S)
    with_waiting(lanes, *["a"] * 9)
    for _ in range(3):
        answer(lanes, taken(lanes), answered=False)
    taken(lanes)
    taken(lanes)
    assert not lanes.could_go(0)


@pytest.mark.parametrize("connections", [1, 2])
def test_with_few_connections_a_slow_lane_rests_as_long_as_it_stalled_while_others_wait(
    connections: int,
) -> None:
    lanes = Lanes(connections, SLOW_S)
    with_waiting(lanes, *["dead"] * 5)
    stuck = taken(lanes)
    with_waiting(lanes, *["b"] * 3)
    answer(lanes, stuck, 30.0, answered=False)
    for now in (30.0, 40.0, 50.0):
        chosen = taken(lanes, now)
        assert chosen.lane == "b"
        answer(lanes, chosen, now)
    assert taken(lanes, 50.0).lane == "dead"  # nobody else waits


def test_a_slow_lane_that_rested_has_its_turn() -> None:
    lanes = Lanes(1, SLOW_S)
    with_waiting(lanes, *["dead"] * 5)
    stuck = taken(lanes)
    with_waiting(lanes, *["b"] * 3)
    answer(lanes, stuck, 30.0, answered=False)
    went = []
    for _ in range(2):
        went.append(taken(lanes, 61.0))
        answer(lanes, went[-1], 61.0)
    assert {each.lane for each in went} == {"dead", "b"}


def test_one_mail_that_is_stuck_for_long_does_not_hold_up_its_lane() -> None:
    lanes = Lanes(4, SLOW_S)
    with_waiting(lanes, *["a"] * 9)
    taken(lanes)
    chosen = taken(lanes)
    answer(lanes, chosen, 31.0, answered=False)
    assert taken(lanes, 31.0).lane == "a"
    assert not lanes.could_go(31.0)


def test_a_mail_given_back_is_the_next_of_its_lane() -> None:
    lanes = Lanes(4, SLOW_S)
    with_waiting(lanes, "a", "a")
    first = taken(lanes)
    lanes.ended(first, 0, answered=False)
    lanes.give_back(first)
    lanes.leave("a")
    assert lanes.take(0) is first


def test_what_waits_can_be_taken_out_at_once() -> None:
    lanes = Lanes(4, SLOW_S)
    jobs = with_waiting(lanes, "a", "b", "a")
    first = taken(lanes)
    assert set(lanes.drain()) == set(jobs) - {first}
    assert (lanes.waiting, lanes.take(0), lanes.ride(first, 0)) == (0, None, None)
    answer(lanes, first)
    with_waiting(lanes, "a")
    assert taken(lanes).lane == "a"


def test_the_word_on_a_mail_is_said_once_and_a_bug_of_the_asker_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: list[Reply] = []

    def take_it(reply: Reply) -> None:
        heard.append(reply)
        raise ZeroDivisionError

    asked = Job(Mail("2065550100@vtext.com", b""), "vtext.com", take_it)
    with caplog.at_level(logging.ERROR):
        asked.end(Reply(Step.RCPT, 550, "2065550100"))
        asked.end(Reply(Step.BODY, 250))
    assert [reply.step for reply in heard] == [Step.RCPT]
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "ZeroDivisionError" in caplog.text
    assert "2065550100" not in caplog.text


NAMES = "abcde"
PUT = st.tuples(st.sampled_from(NAMES), st.booleans())


@given(
    connections=st.integers(1, 9),
    puts=st.lists(PUT, min_size=1, max_size=120),
    lasting=st.lists(st.sampled_from([0.01, 0.5, 2.9, 3.1, 40.0]), min_size=1, max_size=40),
    answered=st.lists(st.booleans(), min_size=1, max_size=20),
    pipelining=st.booleans(),
)
def test_each_mail_goes_once_within_every_bound(
    connections: int,
    puts: list[tuple[str, bool]],
    lasting: list[float],
    answered: list[bool],
    pipelining: bool,
) -> None:
    """Play connections that take `lasting` seconds a mail, all mails waiting from the start."""
    lanes, took, words = Lanes(connections, SLOW_S), itertools.cycle(lasting), itertools.cycle(answered)
    jobs = [job(name, urgent=urgent) for name, urgent in puts]
    for each in jobs:
        lanes.put(each)
    busy: list[tuple[float, Job]] = []
    went: list[Job] = []
    now = 0.0

    def begin(chosen: Job) -> None:
        lanes.begun(chosen, now)
        went.append(chosen)
        busy.append((now + next(took), chosen))

    while True:
        while len(busy) < connections and (chosen := lanes.take(now)) is not None:
            assert went or chosen.urgent == any(urgent for _, urgent in puts)
            begin(chosen)
        at_work = Counter(each.lane for _, each in busy)
        assert max(at_work.values(), default=0) <= share(connections)
        if not busy:
            break
        # Where a place is free, nothing waits but mail of lanes that are already served.
        if len(busy) < connections:
            assert {each.lane for each in jobs if each not in went} <= set(at_work)
        busy.sort(key=lambda each: each[0])
        now, done = busy.pop(0)
        lanes.ended(done, now, answered=next(words))
        following = lanes.ride(done, now) if pipelining else None
        if following is None:
            lanes.leave(done.lane)
        else:
            assert following.lane == done.lane
            begin(following)
    assert lanes.waiting == 0
    assert sorted(map(id, went)) == sorted(map(id, jobs))
    for name, urgent in itertools.product(NAMES, (True, False)):
        like = [each for each in jobs if (each.lane, each.urgent) == (name, urgent)]
        assert [each for each in went if (each.lane, each.urgent) == (name, urgent)] == like


@given(backlog=st.integers(50, 300), others=st.integers(1, 4), connections=st.integers(1, 4))
def test_a_backlog_delays_no_other_lane_by_more_than_a_turn_of_each(
    backlog: int, others: int, connections: int
) -> None:
    lanes = Lanes(connections, SLOW_S)
    with_waiting(lanes, *["backlog"] * backlog)
    busy = [taken(lanes) for _ in range(connections) if lanes.could_go(0)]
    late = set(with_waiting(lanes, *[f"late{number}" for number in range(others)]))
    sent = 0
    while late:
        assert sent <= connections * TURN_MAILS
        done = busy.pop(0)
        lanes.ended(done, 0, answered=True)
        sent += done.lane == "backlog"
        following = lanes.ride(done, 0)
        if following is None:
            lanes.leave(done.lane)
        else:
            lanes.begun(following, 0)
            busy.append(following)
        while len(busy) < connections and lanes.could_go(0):
            busy.append(taken(lanes))
        late -= set(busy)
