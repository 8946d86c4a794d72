"""With PIPELINING several mails are under way on one connection, and each reply still finds its mail."""

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.config import SmtpConfig
from bot.domain.outcome import Outcome, Step, decide
from bot.mail.render import Letter, Mail, render
from bot.mail.smtp import Road
from bot.sandbox.smtp import Sink
from bot.sandbox.smtp_script import Step as At
from bot.sandbox.smtp_script import drop, refuse
from tests.mail.scripted import LOOPBACK, How, ScriptedServer
from tests.mail.scripted import At as ScriptedAt
from tests.mail.sending import put, send

SENDER = "textbridge@example.org"
DOMAINS = frozenset({"vtext.com", "gone.example", "full.example", "late.example"})
PROMPT_S = 10.0


def letter(number: int, domain: str = "vtext.com") -> Mail:
    address = f"20655501{number:02}@{domain}"
    return render(
        SENDER, Letter(address, f"text {number}", f"{number:016x}", datetime(2026, 11, 22, tzinfo=UTC))
    )


def road_to(port: int, *, connections: int = 1, pipelining: bool = True) -> Road:
    account = SmtpConfig(
        host=LOOPBACK,
        port=port,
        security="none",
        sender=SENDER,
        connections=connections,
        pipelining=pipelining,
    )
    return Road(account, lambda: DOMAINS)


async def test_many_mails_over_one_connection_each_arrive_once(sink: Sink) -> None:
    road = road_to(sink.port)
    replies = await asyncio.gather(*(send(road, letter(number)) for number in range(60)))
    assert {decide(reply) for reply in replies} == {Outcome.SENT}
    assert [mail.recipient for mail in sink.mails] == [letter(number).recipient for number in range(60)]
    assert sink.connections == 1
    await road.close(1, 1)


async def test_a_refused_body_is_its_own_and_the_riding_mail_goes(sink: Sink) -> None:
    wanted = [letter(number) for number in range(5)]
    for number in (1, 3):
        sink.tell(refuse(At.BODY, "552 5.2.0 AUP#POL", match=wanted[number].recipient))
    road = road_to(sink.port)
    replies = await asyncio.gather(*(send(road, mail) for mail in wanted))
    assert [decide(reply) for reply in replies] == [
        Outcome.SENT,
        Outcome.REFUSED_CONTENT,
        Outcome.SENT,
        Outcome.REFUSED_CONTENT,
        Outcome.SENT,
    ]
    assert [mail.recipient for mail in sink.mails] == [wanted[number].recipient for number in (0, 2, 4)]
    assert sink.connections == 1
    await road.close(1, 1)


async def test_a_line_that_breaks_after_the_dot_leaves_the_riding_mail_surely_not_taken(sink: Sink) -> None:
    wanted = [letter(0), letter(1), letter(2)]
    sink.tell(drop(At.BODY, match=wanted[0].recipient, times=1))
    road = road_to(sink.port)
    replies = await asyncio.gather(*(send(road, mail) for mail in wanted))
    assert (replies[0].step, decide(replies[0])) == (Step.BODY, Outcome.AMBIGUOUS)
    assert [decide(reply) for reply in replies[1:]] == [Outcome.SENT, Outcome.SENT]
    assert [mail.recipient for mail in sink.mails] == [wanted[1].recipient, wanted[2].recipient]
    await road.close(1, 1)


@pytest.mark.parametrize("domains", [("vtext.com", "vtext.com"), ("vtext.com", "gone.example")])
async def test_only_mail_of_the_same_gateway_rides(domains: tuple[str, str]) -> None:
    async with ScriptedServer() as server:
        server.usual[ScriptedAt.EHLO] = "250-mail.example.org\r\n250 PIPELINING"
        server.fail(ScriptedAt.BODY, How.SILENCE)
        road = road_to(server.port)
        first, second = (put(road, letter(number, domain)) for number, domain in enumerate(domains))
        async with asyncio.timeout(PROMPT_S):
            await server.reached.wait()
            await road.close(0, 0)
            assert decide(await first) is Outcome.AMBIGUOUS
            assert decide(await second) is Outcome.STOPPED
            (talk,) = server.talks
            await talk.closed.wait()
        rode = [f"RCPT TO:<{letter(1, domains[1]).recipient}>".encode() in talk.rest]
        assert rode == [domains[0] == domains[1]]


async def test_without_pipelining_each_command_waits_for_its_reply(sink: Sink) -> None:
    road = road_to(sink.port, pipelining=False)
    replies = await asyncio.gather(*(send(road, letter(number)) for number in range(5)))
    assert {decide(reply) for reply in replies} == {Outcome.SENT}
    await road.close(1, 1)


async def test_a_server_that_wants_a_body_for_nobody_gets_none() -> None:
    async with ScriptedServer() as server:
        server.usual[ScriptedAt.EHLO] = "250-mail.example.org\r\n250 PIPELINING"
        server.wants_a_body_anyway = True
        server.fail(ScriptedAt.RCPT, "550 5.1.1 nobody", once=True)
        road = road_to(server.port)
        replies = await asyncio.gather(send(road, letter(0)), send(road, letter(1)))
        assert [decide(reply) for reply in replies] == [Outcome.REFUSED_PERSON, Outcome.SENT]
        assert [len(talk.bodies) for talk in server.talks] == [0, 1]
        assert server.talks[0].after_354 == b""
        await road.close(1, 1)


async def test_a_server_that_takes_fewer_connections_holds_nothing_up() -> None:
    async with ScriptedServer() as server:
        server.usual[ScriptedAt.EHLO] = "250-mail.example.org\r\n250 PIPELINING"
        road = road_to(server.port, connections=4)
        assert decide(await send(road, letter(0))) is Outcome.SENT
        server.fail(ScriptedAt.GREETING, How.GONE)
        async with asyncio.timeout(PROMPT_S):
            replies = await asyncio.gather(*(send(road, letter(number)) for number in range(1, 13)))
        assert {decide(reply) for reply in replies} == {Outcome.SENT}
        assert await road.probe() is None
        await road.close(1, 1)


FATES = [Outcome.SENT, Outcome.REFUSED_PERSON, Outcome.REFUSED_CONTENT, Outcome.RETRY]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fates=st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(sorted(DOMAINS)[:2])), min_size=1, max_size=25
    ),
    connections=st.integers(1, 3),
    pipelining=st.booleans(),
)
async def test_every_reply_finds_its_mail(
    sink: Sink, fates: list[tuple[int, str]], connections: int, pipelining: bool
) -> None:
    sink.release()
    sink.mails.clear()
    # The tens of a number say what becomes of it, so that mails of every fate follow each other in a lane.
    wanted = [letter(fate * 10 + number % 10, domain) for number, (fate, domain) in enumerate(fates)]
    for recipient in {mail.recipient for mail in wanted}:
        match FATES[int(recipient[8])]:
            case Outcome.REFUSED_PERSON:
                sink.tell(refuse(At.RCPT, "550 5.1.1 nobody", match=recipient))
            case Outcome.REFUSED_CONTENT:
                sink.tell(refuse(At.BODY, "552 5.2.0 AUP#POL", match=recipient))
            case Outcome.RETRY:
                sink.tell(refuse(At.RCPT, "451 4.3.0 later", match=recipient))
    road = road_to(sink.port, connections=connections, pipelining=pipelining)
    replies = await asyncio.gather(*(send(road, mail) for mail in wanted))
    assert [decide(reply) for reply in replies] == [FATES[fate] for fate, _ in fates]
    taken = sorted(mail.recipient for mail in sink.mails)
    assert taken == sorted(mail.recipient for mail in wanted if mail.recipient[8] == "0")
    await road.close(1, 1)


async def test_closing_ends_a_probe_of_a_kept_connection() -> None:
    async with ScriptedServer() as server:
        road = road_to(server.port)
        assert decide(await send(road, letter(0))) is Outcome.SENT
        server.fail(ScriptedAt.NOOP, How.SILENCE)
        probing = asyncio.create_task(road.probe())
        async with asyncio.timeout(PROMPT_S):
            await server.reached.wait()
            await road.close(1, 1)
            stopped = await probing
        assert stopped is not None
        assert decide(stopped) is Outcome.STOPPED
