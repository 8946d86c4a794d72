"""At most one mail of a queue is on the road, the next goes when that was taken, nothing is forgotten."""

import asyncio
from collections.abc import Callable

import pytest

from bot.db.leases import Leased
from bot.domain.outcome import Reply, Step
from bot.domain.picking import MOST_OF_ONE_QUEUE
from bot.services import in_flight
from bot.services.in_flight import BEGIN_AT_ONCE, InFlight
from bot.services.permit import Sendable
from tests.services.world import BROKE, TAKEN

BOB, CARL = 12, 13
LATER = Reply(Step.RCPT, 451, "4.7.1 later")
NOT_BEGUN = Reply(Step.STOPPED, None)


class Server:
    """The road: keeps what it is given until the test ends it."""

    def __init__(self) -> None:
        self.given: list[str] = []
        self.awaited = (0, asyncio.Event())
        self.ends: dict[str, Callable[[Reply], None]] = {}
        self.urgent: dict[str, bool] = {}

    def put(
        self, mail: Sendable, lane: str, urgent: bool, until: float, end: Callable[[Reply], None]
    ) -> None:
        if mail.words == "unfit":
            raise ValueError("no mail can be made of it")
        self.given.append(mail.mail_id)
        self.ends[mail.mail_id], self.urgent[mail.mail_id] = end, urgent
        many, there = self.awaited
        if len(self.given) == many:
            there.set()

    async def has_all(self, many: int) -> None:
        self.awaited = (many, asyncio.Event())
        await self.awaited[1].wait()

    def end(self, mail_id: int, reply: Reply = TAKEN) -> None:
        self.ends.pop(str(mail_id))(reply)


def leased(item_id: int, queue: int, domain: str = "one.example.net", code: int | None = None) -> Leased:
    return Leased(item_id, queue, 1, domain, item_id, 7, code, 1, 1, 11, 700, str(item_id), 0, 0, 0, b"")


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def flight(server: Server) -> InFlight:
    return InFlight(server.put, asyncio.Event())


def begin(flight: InFlight, *items: Leased, words: str = "hello") -> None:
    for item in items:
        flight.begin_all([(item, Sendable("2065550102@one.example.net", words, item.mail_id, 7))])


def ends(flight: InFlight) -> list[tuple[int, Reply]]:
    return [(item.id, reply) for item, reply, _ in flight.results()]


async def test_the_next_of_a_queue_goes_when_the_one_before_was_taken(
    flight: InFlight, server: Server
) -> None:
    begin(flight, leased(1, BOB), leased(2, BOB), leased(3, CARL), leased(4, BOB))
    assert server.given == ["1", "3"]
    server.end(1)
    assert server.given == ["1", "3", "2"]
    server.end(3)
    server.end(2)
    server.end(4)
    assert ends(flight) == [(1, TAKEN), (3, TAKEN), (2, TAKEN), (4, TAKEN)]


@pytest.mark.parametrize("reply", [LATER, BROKE, Reply(Step.RCPT, 550, "5.1.1"), NOT_BEGUN], ids=repr)
async def test_nothing_follows_one_that_was_not_taken_until_that_is_recorded(
    flight: InFlight, server: Server, reply: Reply
) -> None:
    begin(flight, leased(1, BOB), leased(2, BOB))
    server.end(1, reply)
    # A claim that was committed while the first one failed.
    begin(flight, leased(3, BOB), leased(4, CARL))
    assert server.given == ["1", "4"]
    assert ends(flight) == [(2, NOT_BEGUN), (1, reply), (3, NOT_BEGUN)]
    flight.recorded(flight.results())
    begin(flight, leased(5, BOB))
    assert server.given == ["1", "4", "5"]


async def test_what_is_recorded_in_two_steps_is_stuck_until_the_second(
    flight: InFlight, server: Server
) -> None:
    begin(flight, leased(1, BOB), leased(2, BOB))
    server.end(1, LATER)
    first, second = flight.results()
    flight.recorded([first])
    begin(flight, leased(3, BOB))
    assert server.given == ["1"]
    flight.recorded([second])
    flight.recorded(flight.results())
    begin(flight, leased(3, BOB))
    assert server.given == ["1", "3"]


async def test_a_recall_gives_back_what_has_not_begun_and_leaves_what_has(
    flight: InFlight, server: Server
) -> None:
    begin(flight, leased(1, BOB), leased(2, BOB), leased(3, CARL))
    flight.recall()
    assert ends(flight) == [(2, NOT_BEGUN)]
    server.end(1)
    server.end(3)
    assert server.given == ["1", "3"]
    assert ends(flight) == [(2, NOT_BEGUN), (1, TAKEN), (3, TAKEN)]


async def test_what_is_held_is_known_until_it_is_recorded(flight: InFlight, server: Server) -> None:
    begin(flight, leased(1, BOB), leased(2, BOB), leased(3, CARL, "two.example.net"))
    assert set(flight.ids) == {1, 2, 3}
    assert flight.in_queues() == {BOB: 2, CARL: 1}
    assert [flight.in_lane(f"{name}.example.net") for name in ("one", "two", "three")] == [2, 1, 0]
    server.end(1, LATER)
    assert set(flight.ids) == {1, 2, 3}
    assert flight.in_queues() == {CARL: 1}
    assert [flight.in_lane(f"{name}.example.net") for name in ("one", "two")] == [0, 1]
    flight.recorded(flight.results())
    assert set(flight.ids) == {3}


async def test_who_waits_behind_one_that_stalls_is_given_back_and_nothing_more_is_asked_for(
    flight: InFlight, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(flight, leased(1, BOB), leased(2, BOB))
    flight.let_go()
    assert ends(flight) == []
    monkeypatch.setattr(in_flight, "BEHIND_LASTS_S", -1.0)
    begin(flight, leased(3, CARL), leased(4, CARL))
    flight.let_go()
    assert ends(flight) == [(4, NOT_BEGUN)]
    assert flight.in_queues()[CARL] == MOST_OF_ONE_QUEUE
    assert flight.in_lane("one.example.net") == 3
    server.end(3)
    assert CARL not in flight.in_queues()


async def test_one_that_waited_too_long_behind_another_is_asked_about_again(
    flight: InFlight, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_flight, "BEHIND_LASTS_S", -1.0)
    begin(flight, leased(1, BOB), leased(2, BOB))
    server.end(1)
    assert server.given == ["1"]
    assert ends(flight) == [(2, NOT_BEGUN), (1, TAKEN)]


async def test_a_mail_that_cannot_be_put_on_the_road_ends_alone(flight: InFlight, server: Server) -> None:
    begin(flight, leased(1, BOB), words="unfit")
    begin(flight, leased(2, CARL))
    assert ends(flight) == [(1, Reply(Step.MAIL, None))]
    assert server.given == ["2"]
    begin(flight, leased(3, CARL), words="unfit")
    server.end(2)
    assert ends(flight)[1:] == [(3, Reply(Step.MAIL, None)), (2, TAKEN)]


async def test_codes_are_urgent(flight: InFlight, server: Server) -> None:
    begin(flight, leased(1, -BOB, code=5), leased(2, BOB))
    assert server.urgent == {"1": True, "2": False}


async def test_the_end_is_when_nothing_is_on_the_road(flight: InFlight, server: Server) -> None:
    await asyncio.wait_for(flight.ended(), 1)
    begin(flight, leased(1, BOB), leased(2, BOB))
    waiting = asyncio.create_task(flight.ended())
    server.end(1)
    assert not waiting.done()
    server.end(2, BROKE)
    await asyncio.wait_for(waiting, 1)


def mails(count: int) -> list[tuple[Leased, Sendable]]:
    items = [leased(place, place) for place in range(1, count + 1)]
    return [(item, Sendable("2065550102@one.example.net", "hello", item.mail_id, 7)) for item in items]


async def test_of_many_the_first_begin_at_once_and_the_others_meanwhile(
    flight: InFlight, server: Server
) -> None:
    many = mails(3 * BEGIN_AT_ONCE)
    flight.begin_all(many)
    assert len(server.given) == BEGIN_AT_ONCE
    assert set(flight.ids) == {item.id for item, _ in many}
    await asyncio.wait_for(server.has_all(len(many)), 10)
    assert server.given == [mail.mail_id for _, mail in many]


async def test_a_recall_gives_back_those_whose_turn_has_not_come(flight: InFlight, server: Server) -> None:
    flight.begin_all(mails(2 * BEGIN_AT_ONCE))
    flight.recall()
    flight.begin_rest()
    assert len(server.given) == BEGIN_AT_ONCE
    assert ends(flight) == [(place, NOT_BEGUN) for place in range(BEGIN_AT_ONCE + 1, 2 * BEGIN_AT_ONCE + 1)]
