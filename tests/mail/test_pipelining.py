"""With PIPELINING several mails are under way on one connection, and each reply still finds its mail."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.config import SmtpConfig
from bot.domain.outcome import Outcome, Step, decide
from bot.mail.render import Mail, render
from bot.mail.smtp import Road
from bot.sandbox.smtp import Sink
from bot.sandbox.smtp_script import Step as At
from bot.sandbox.smtp_script import drop, refuse
from tests.mail.scripted import LOOPBACK, How, ScriptedServer
from tests.mail.scripted import At as ScriptedAt

SENDER = "textbridge@example.org"
DOMAINS = frozenset({"vtext.com", "gone.example", "full.example", "late.example"})
PROMPT_S = 10.0


def letter(number: int, domain: str = "vtext.com") -> Mail:
    address = f"20655501{number:02}@{domain}"
    return render(SENDER, address, f"text {number}", f"{number:016x}", datetime(2026, 11, 22, tzinfo=UTC))


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


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    carriers = Sink(lambda: datetime(2026, 11, 22, tzinfo=UTC))
    await carriers.start()
    yield carriers
    await carriers.stop()


async def test_many_mails_over_one_connection_each_arrive_once(sink: Sink) -> None:
    road = road_to(sink.port)
    replies = await asyncio.gather(*(road.send(letter(number)) for number in range(60)))
    assert {decide(reply) for reply in replies} == {Outcome.SENT}
    assert [mail.recipient for mail in sink.mails] == [letter(number).recipient for number in range(60)]
    assert sink.connections == 1
    await road.close(1, 1)


async def test_a_refused_body_is_its_own_and_the_riding_mail_goes(sink: Sink) -> None:
    sink.tell(refuse(At.BODY, "552 5.2.0 AUP#POL", match="full.example"))
    road = road_to(sink.port)
    wanted = [letter(0), letter(1, "full.example"), letter(2), letter(3, "full.example"), letter(4)]
    replies = await asyncio.gather(*(road.send(mail) for mail in wanted))
    assert [decide(reply) for reply in replies] == [
        Outcome.SENT,
        Outcome.REFUSED_CONTENT,
        Outcome.SENT,
        Outcome.REFUSED_CONTENT,
        Outcome.SENT,
    ]
    assert [mail.recipient for mail in sink.mails] == [
        wanted[0].recipient,
        wanted[2].recipient,
        wanted[4].recipient,
    ]
    await road.close(1, 1)


async def test_a_line_that_breaks_after_the_dot_leaves_the_riding_mail_surely_not_taken(sink: Sink) -> None:
    sink.tell(drop(At.BODY, match="late.example", times=1))
    road = road_to(sink.port)
    wanted = [letter(0, "late.example"), letter(1), letter(2)]
    replies = await asyncio.gather(*(road.send(mail) for mail in wanted))
    assert (replies[0].step, decide(replies[0])) == (Step.BODY, Outcome.AMBIGUOUS)
    assert [decide(reply) for reply in replies[1:]] == [Outcome.SENT, Outcome.SENT]
    assert [mail.recipient for mail in sink.mails] == [wanted[1].recipient, wanted[2].recipient]
    await road.close(1, 1)


async def test_without_pipelining_each_command_waits_for_its_reply(sink: Sink) -> None:
    road = road_to(sink.port, pipelining=False)
    replies = await asyncio.gather(*(road.send(letter(number)) for number in range(5)))
    assert {decide(reply) for reply in replies} == {Outcome.SENT}
    await road.close(1, 1)


async def test_a_server_that_wants_a_body_for_nobody_gets_none() -> None:
    async with ScriptedServer() as server:
        server.usual[ScriptedAt.EHLO] = "250-mail.example.org\r\n250 PIPELINING"
        server.wants_a_body_anyway = True
        server.fail(ScriptedAt.RCPT, "550 5.1.1 nobody", once=True)
        road = road_to(server.port)
        replies = await asyncio.gather(road.send(letter(0)), road.send(letter(1)))
        assert [decide(reply) for reply in replies] == [Outcome.REFUSED_PERSON, Outcome.SENT]
        assert [len(talk.bodies) for talk in server.talks] == [0, 1]
        assert server.talks[0].after_354 == b""
        await road.close(1, 1)


async def test_a_server_that_takes_fewer_connections_holds_nothing_up() -> None:
    async with ScriptedServer() as server:
        server.usual[ScriptedAt.EHLO] = "250-mail.example.org\r\n250 PIPELINING"
        road = road_to(server.port, connections=4)
        assert decide(await road.send(letter(0))) is Outcome.SENT
        server.fail(ScriptedAt.GREETING, How.GONE)
        async with asyncio.timeout(PROMPT_S):
            replies = await asyncio.gather(*(road.send(letter(number)) for number in range(1, 13)))
        assert {decide(reply) for reply in replies} == {Outcome.SENT}
        assert await road.probe() is None
        await road.close(1, 1)


FATES = {
    "vtext.com": Outcome.SENT,
    "gone.example": Outcome.REFUSED_PERSON,
    "full.example": Outcome.REFUSED_CONTENT,
    "late.example": Outcome.RETRY,
}


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fates=st.lists(st.sampled_from(sorted(FATES)), min_size=1, max_size=25),
    connections=st.integers(1, 3),
    pipelining=st.booleans(),
)
async def test_every_reply_finds_its_mail(
    sink: Sink, fates: list[str], connections: int, pipelining: bool
) -> None:
    sink.release()
    sink.mails.clear()
    sink.tell(refuse(At.RCPT, "550 5.1.1 nobody", match="gone.example"))
    sink.tell(refuse(At.BODY, "552 5.2.0 AUP#POL", match="full.example"))
    sink.tell(refuse(At.RCPT, "451 4.3.0 later", match="late.example"))
    road = road_to(sink.port, connections=connections, pipelining=pipelining)
    wanted = [letter(number, fate) for number, fate in enumerate(fates)]
    replies = await asyncio.gather(*(road.send(mail) for mail in wanted))
    assert [decide(reply) for reply in replies] == [FATES[fate] for fate in fates]
    taken = sorted(mail.recipient for mail in sink.mails)
    assert taken == sorted(
        mail.recipient for mail, fate in zip(wanted, fates, strict=True) if fate == "vtext.com"
    )
    await road.close(1, 1)


async def test_closing_ends_a_probe_of_a_kept_connection() -> None:
    async with ScriptedServer() as server:
        road = road_to(server.port)
        assert decide(await road.send(letter(0))) is Outcome.SENT
        server.fail(ScriptedAt.NOOP, How.SILENCE)
        probing = asyncio.create_task(road.probe())
        async with asyncio.timeout(PROMPT_S):
            await server.reached.wait()
            await road.close(1, 1)
            stopped = await probing
        assert stopped is not None
        assert decide(stopped) is Outcome.STOPPED
