"""Mails are put on the road, and a gateway that stalls holds up nobody else's."""

import asyncio
import gc
import statistics
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from bot.config import SmtpConfig
from bot.domain.outcome import Outcome, Reply, Step, decide
from bot.mail.render import Letter, Mail, render
from bot.mail.smtp import Road, Timeouts
from bot.sandbox.smtp import Sink
from bot.sandbox.smtp_script import Step as At
from bot.sandbox.smtp_script import delay, refuse, stall
from tests.conftest import telling
from tests.mail.scripted import LOOPBACK
from tests.mail.sending import put, send

SENDER = "textbridge@example.org"
DEAD = "dead.example.org"
LANES = [f"g{number}.example.org" for number in range(12)]
DOMAINS = frozenset({DEAD, *LANES})
PROMPT_S = 10.0
# An answer takes long enough that what a busy machine adds is small beside it.
ANSWER_S = 0.05
MAILS = 40
MOST_LONGER = 1.10
ROUNDS = 4


def letter(lane: str, number: int = 0) -> Mail:
    address = f"20655501{number % 100:02}@{lane}"
    return render(
        SENDER, Letter(address, f"text {number}", f"{number:016x}", datetime(2026, 11, 22, tzinfo=UTC))
    )


def road_to(sink: Sink, connections: int, **timeouts: float) -> Road:
    account = SmtpConfig(
        host=LOOPBACK, port=sink.port, security="none", sender=SENDER, connections=connections
    )
    return Road(account, lambda: DOMAINS, Timeouts(**timeouts))


async def test_the_word_comes_once_and_putting_never_waits(sink: Sink) -> None:
    road = road_to(sink, 4)
    heard: list[int] = []
    all_heard = asyncio.Event()

    def hear(number: int) -> Callable[[Reply], None]:
        def end(reply: Reply) -> None:
            assert reply == Reply(Step.BODY, 250)
            heard.append(number)
            if len(heard) == 200:
                all_heard.set()

        return end

    for number in range(200):
        road.put(letter(LANES[number % 12], number), LANES[number % 12], hear(number))
    assert heard == []
    await asyncio.wait_for(all_heard.wait(), PROMPT_S)
    await road.close(1, 1)
    assert sorted(heard) == list(range(200))
    assert sink.connections <= 4


async def test_who_hears_the_word_may_put_the_next_mail_or_fail(
    sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    road = road_to(sink, 1)
    second = asyncio.get_running_loop().create_future()

    def end(_: Reply) -> None:
        road.put(letter(LANES[0], 2), LANES[0], second.set_result)
        raise ZeroDivisionError

    road.put(letter(LANES[0], 1), LANES[0], end)
    assert decide(await asyncio.wait_for(second, PROMPT_S)) is Outcome.SENT
    assert sink.connections == 1
    assert "ZeroDivisionError" in caplog.text
    await road.close(1, 1)


async def test_a_closed_road_says_so_at_once(sink: Sink) -> None:
    road = road_to(sink, 1)
    await road.close(0, 0)
    heard: list[Reply] = []
    road.put(letter(LANES[0]), LANES[0], heard.append)
    assert heard == [Reply(Step.STOPPED, None)]


async def test_a_code_overtakes_what_waits(sink: Sink) -> None:
    road = road_to(sink, 1)
    waiting = [put(road, letter(LANES[number % 3], number)) for number in range(60)]
    code = put(road, letter(LANES[5], 99), urgent=True)
    await asyncio.wait_for(asyncio.gather(*waiting, code), PROMPT_S)
    assert [mail.recipient for mail in sink.mails].index(letter(LANES[5], 99).recipient) == 0
    await road.close(1, 1)


async def test_with_one_connection_a_stalling_gateway_gives_it_back(sink: Sink) -> None:
    sink.tell(stall(At.RCPT, match=DEAD))
    road = road_to(sink, 1, command=0.3, slow=0.1)
    dead = [put(road, letter(DEAD, number)) for number in range(3)]
    await asyncio.wait_for(sink.stalled_client(), PROMPT_S)
    others = [put(road, letter(LANES[number % 3], number)) for number in range(30)]
    replies = await asyncio.wait_for(asyncio.gather(*others), PROMPT_S)
    assert {decide(reply) for reply in replies} == {Outcome.SENT}
    assert not dead[-1].done()
    assert {decide(reply) for reply in await asyncio.gather(*dead)} == {Outcome.RETRY}
    await road.close(0, 0)


async def test_one_mail_that_is_stuck_holds_up_its_gateway_no_longer_than_a_while(sink: Sink) -> None:
    sink.tell(stall(At.BODY, match=DEAD, times=1))
    sink.tell(delay(At.BODY, 0.1, match=LANES[0]))
    road = road_to(sink, 4, slow=0.05)
    stuck = put(road, letter(DEAD))
    await asyncio.wait_for(sink.stalled_client(), PROMPT_S)
    await send(road, letter(LANES[0]))  # until the gateway counts as slow
    others = [put(road, letter(DEAD, number)) for number in range(1, 9)]
    replies = await asyncio.wait_for(asyncio.gather(*others), PROMPT_S)
    assert {decide(reply) for reply in replies} == {Outcome.SENT}
    assert not stuck.done()
    await road.close(0, 0)


async def test_a_bug_in_one_mail_ends_that_mail_and_no_other(sink: Sink) -> None:
    road = road_to(sink, 1)
    failed: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: failed.append(context))
    broken = put(road, Mail(letter(LANES[0]).recipient, None))
    others = [put(road, letter(LANES[number % 2], number)) for number in range(1, 9)]
    replies = await asyncio.wait_for(asyncio.gather(*others), PROMPT_S)
    assert {decide(reply) for reply in replies} <= {Outcome.SENT, Outcome.RETRY}
    assert decide(await send(road, letter(LANES[0], 9))) is Outcome.SENT
    assert await broken == Reply(Step.DATA, None)
    await road.close(1, 1)
    gc.collect()
    assert len(failed) == 1


async def test_a_gateway_that_recovers_gets_its_share_again(sink: Sink) -> None:
    sink.tell(stall(At.RCPT, match=DEAD, times=2))
    road = road_to(sink, 4, command=0.3, slow=0.1)
    stuck = [put(road, letter(DEAD, number)) for number in range(2)]
    assert {decide(reply) for reply in await asyncio.gather(*stuck)} == {Outcome.RETRY}
    sink.tell(delay(At.BODY, 0.01, match=DEAD))
    replies = await asyncio.gather(*(send(road, letter(DEAD, number)) for number in range(20)))
    assert {decide(reply) for reply in replies} == {Outcome.SENT}
    await road.close(0, 0)


async def p95_of_others(sink: Sink, connections: int, *, at: At | None, dies_later: bool = False) -> float:
    """Send over many lanes, as many mails at a time as a quarter of the connections, beside a backlog."""
    sink.release()
    for lane in (*LANES, DEAD):
        sink.tell(delay(At.BODY, ANSWER_S, match=lane))
    if at is not None and not dies_later:
        sink.tell(stall(at, match=DEAD))
    road = road_to(sink, connections)
    backlog = [put(road, letter(DEAD, number)) for number in range(400)]
    if dies_later:
        await backlog[100]
        if at is not None:
            sink.tell(stall(at, match=DEAD))
    clock, took = asyncio.get_running_loop().time, []

    async def one_after_another(first: int) -> None:
        for number in range(first, MAILS, connections // 4):
            began = clock()
            assert decide(await send(road, letter(LANES[number % len(LANES)], number))) is Outcome.SENT
            took.append(clock() - began)

    await asyncio.gather(*(one_after_another(first) for first in range(connections // 4)))
    if at is not None:
        assert not all(each.done() for each in backlog)
    await road.close(0, 0)
    await asyncio.gather(*backlog)
    return statistics.quantiles(took, n=20)[-1]


@pytest.mark.fault
@pytest.mark.parametrize(
    ("at", "dies_later"), telling([(At.RCPT, True), (At.BODY, False), (At.BODY, True)], 1)
)
@pytest.mark.parametrize("connections", telling([20, 4], 1))
async def test_a_dead_gateway_leaves_the_p95_of_the_others_as_it_was(
    sink: Sink, connections: int, at: At, dies_later: bool
) -> None:
    # What else the machine does only ever adds time: the least of some rounds is the road's own.
    alone: list[float] = []
    beside: list[float] = []
    for _ in range(ROUNDS):
        alone.append(await p95_of_others(sink, connections, at=None, dies_later=dies_later))
        beside.append(await p95_of_others(sink, connections, at=at, dies_later=dies_later))
        if min(beside) < MOST_LONGER * min(alone):
            return
    pytest.fail(f"p95 of the others went from {min(alone):.4f} s to {min(beside):.4f} s")


async def test_refusals_at_one_gateway_leave_the_others_their_mail(sink: Sink) -> None:
    sink.tell(refuse(At.RCPT, "550 5.1.1 nobody", match=DEAD))
    road = road_to(sink, 4)
    refused = [put(road, letter(DEAD, number)) for number in range(50)]
    others = [put(road, letter(LANES[number % 12], number)) for number in range(50)]
    assert {decide(reply) for reply in await asyncio.gather(*refused)} == {Outcome.REFUSED_PERSON}
    assert {decide(reply) for reply in await asyncio.gather(*others)} == {Outcome.SENT}
    await road.close(1, 1)
