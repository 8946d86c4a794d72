"""Whatever a mail server does at whatever step, there is one right reading of it, and nothing hangs."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from bot.config import SmtpConfig
from bot.domain.outcome import Outcome, Reply, Step, decide
from bot.mail.render import Letter, Mail, render
from bot.mail.smtp import Road, Timeouts
from tests.mail.scripted import LOOPBACK, At, How, ScriptedServer
from tests.mail.sending import put, send

SENDER, BOB, CAROL = "textbridge@example.org", "2065550100@vtext.com", "2065550101@vtext.com"
DOMAINS = frozenset({"vtext.com"})
PATIENT = Timeouts(connect=10, command=10, final_dot=10)
# Long enough for a server that answers, on a busy machine; short enough to wait out one that does not.
HASTY = Timeouts(connect=0.6, command=0.6, final_dot=0.6)
# The same where a mail has to come through first.
LESS_HASTY = Timeouts(connect=10, command=1, final_dot=10)
SLOWEST_CELL_S = 15.0
PROMPT_S = 5.0


def letter(recipient: str = BOB, words: str = "dinner at 7") -> Mail:
    at = datetime(2026, 11, 22, 15, 40, tzinfo=UTC)
    return render(SENDER, Letter(recipient, words, "0123456789abcdef", at))


def account(server: ScriptedServer, **changes: object) -> SmtpConfig:
    settings: dict[str, object] = {
        "host": LOOPBACK,
        "port": server.port,
        "security": "none",
        "username": "bridge",
        "password": "secret",
        "sender": SENDER,
        "connections": 1,
    }
    return SmtpConfig(**(settings | changes))


@pytest.fixture(params=["a step at a time", "pipelining"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as scripted:
        if request.param == "pipelining":
            scripted.usual[At.EHLO] = scripted.usual[At.EHLO].replace(
                "250 AUTH", "250-PIPELINING\r\n250 AUTH"
            )
        yield scripted


@dataclass(frozen=True, slots=True)
class Cell:
    step: Step
    code: int | None
    outcome: Outcome


CODES = {How.GONE: 421, How.LATER: 451, How.NO: 554, How.GARBAGE: -1}
# What each death at each step means for the mail, with PIPELINING and without. Before the final dot it was
# surely not taken; after the dot only a word that can be read says so.
MATRIX = """
            close      rst        421    4xx    5xx              garbage    silence    dribble
greeting    away       away       away   away   away             away       away       away
ehlo        away       away       away   away   away             away       away       away
starttls    away       away       away   away   away             away       away       away
auth        away       away       away   away   away             away       away       away
mail        retry      retry      retry  retry  refused_sender   retry      retry      retry
rcpt        retry      retry      retry  retry  refused_person   retry      retry      retry
data        retry      retry      retry  retry  refused_content  retry      retry      retry
body        ambiguous  ambiguous  retry  retry  refused_content  ambiguous  ambiguous  ambiguous
quit        sent       sent       sent   sent   sent             sent       sent       sent
"""
COLUMNS = (
    *(How.CLOSE, How.RST, How.GONE, How.LATER),
    *(How.NO, How.GARBAGE, How.SILENCE, How.DRIBBLE),
)
STEPS = {
    At.GREETING: Step.CONNECT,
    At.EHLO: Step.CONNECT,
    At.STARTTLS: Step.CONNECT,
    At.AUTH: Step.LOGIN,
    At.MAIL: Step.MAIL,
    At.RCPT: Step.RCPT,
    At.DATA: Step.DATA,
    At.BODY: Step.BODY,
    At.QUIT: Step.BODY,
}


def cells() -> dict[tuple[At, How], Cell]:
    """Read the matrix."""
    found = {}
    for line in MATRIX.split("\n")[2:-1]:
        name, *words = line.split()
        for how, word in zip(COLUMNS, words, strict=True):
            outcome = Outcome.RELAY_AWAY if word == "away" else Outcome(word)
            code = 250 if outcome is Outcome.SENT else CODES.get(how)
            found[At(name), how] = Cell(STEPS[At(name)], code, outcome)
    return found


def test_the_matrix_has_a_cell_for_every_death_at_every_step() -> None:
    assert cells().keys() == {(at, how) for at in STEPS for how in How}


@pytest.mark.fault
@pytest.mark.parametrize("how", list(How))
@pytest.mark.parametrize("at", list(STEPS))
async def test_each_death_has_one_outcome_and_frees_its_slot(
    server: ScriptedServer, at: At, how: How
) -> None:
    security = "starttls" if at is At.STARTTLS else "none"
    hasty = how in (How.SILENCE, How.DRIBBLE)
    road = Road(account(server, security=security), lambda: DOMAINS, HASTY if hasty else PATIENT)
    server.fail(at, how)
    async with asyncio.timeout(SLOWEST_CELL_S):
        reply = await send(road, letter())
        wanted = cells()[at, how]
        assert (reply.step, reply.code, decide(reply)) == (wanted.step, wanted.code, wanted.outcome)
        assert at is At.QUIT or server.reached.is_set()
        assert len([talk for talk in server.talks if talk.bodies]) == (1 if at in (At.BODY, At.QUIT) else 0)
        if at is At.QUIT:
            await road.close(PROMPT_S, PROMPT_S)
            assert server.reached.is_set()
            return
        assert server.taken == []
        server.behave()
        if at in (At.STARTTLS, At.AUTH):
            road = Road(account(server), lambda: DOMAINS, PATIENT)  # as the next probe does
        assert decide(await send(road, letter(CAROL))) is Outcome.SENT
        assert server.recipients == [CAROL]
        await road.close(PROMPT_S, PROMPT_S)


@pytest.mark.parametrize("how", [How.CLOSE, How.RST, How.GONE, How.SILENCE])
async def test_a_kept_connection_that_died_is_replaced_and_the_mail_goes_once(
    server: ScriptedServer, how: How
) -> None:
    road = Road(account(server), lambda: DOMAINS, LESS_HASTY if how is How.SILENCE else PATIENT)
    assert decide(await send(road, letter(CAROL))) is Outcome.SENT
    server.fail(At.MAIL, how, once=True)
    assert decide(await send(road, letter())) is Outcome.SENT
    assert server.recipients == [CAROL, BOB]
    assert len(server.talks) == 2
    await road.close(PROMPT_S, PROMPT_S)


async def test_a_kept_connection_with_an_unasked_reply_on_it_is_not_trusted(server: ScriptedServer) -> None:
    road = Road(account(server), lambda: DOMAINS, PATIENT)
    server.fail(At.BODY, "250 2.0.0 taken\r\n250 2.1.0 ok", once=True)
    assert decide(await send(road, letter(CAROL))) is Outcome.SENT
    assert decide(await send(road, letter())) is Outcome.SENT
    assert [len(talk.bodies) for talk in server.talks] == [1, 1]
    await road.close(PROMPT_S, PROMPT_S)


async def test_a_fresh_connection_that_dies_is_not_tried_twice(server: ScriptedServer) -> None:
    road = Road(account(server), lambda: DOMAINS, PATIENT)
    server.fail(At.MAIL, How.CLOSE)
    assert await send(road, letter()) == Reply(Step.MAIL, None)
    assert len(server.talks) == 1


@pytest.mark.parametrize("at", [At.RCPT, At.DATA])
async def test_after_a_refusal_the_envelope_is_cleared_before_the_next_mail(
    server: ScriptedServer, at: At
) -> None:
    road = Road(account(server), lambda: DOMAINS, PATIENT)
    server.fail(at, "550 5.1.1 nobody", once=True)
    assert decide(await send(road, letter())) is Outcome.REFUSED_PERSON
    assert decide(await send(road, letter(CAROL))) is Outcome.SENT
    (talk,) = server.talks
    verbs = talk.verbs()
    assert verbs[: verbs.index("RSET")].count("MAIL") == 1
    assert verbs[verbs.index("RSET") + 1 :] == ["MAIL", "RCPT", "DATA"]
    await road.close(PROMPT_S, PROMPT_S)


@pytest.mark.parametrize("how", [How.CLOSE, How.NO, How.SILENCE])
async def test_where_the_envelope_cannot_be_cleared_the_connection_goes(
    server: ScriptedServer, how: How
) -> None:
    road = Road(account(server), lambda: DOMAINS, LESS_HASTY)
    server.fail(At.RCPT, "550 5.1.1 nobody")
    server.failing[At.RSET] = how
    assert decide(await send(road, letter())) is Outcome.REFUSED_PERSON
    server.behave()
    assert decide(await send(road, letter(CAROL))) is Outcome.SENT
    assert len(server.talks) == 2
    await road.close(PROMPT_S, PROMPT_S)


@pytest.mark.parametrize(
    ("at", "odd"),
    [
        (At.MAIL, "354 go ahead"),
        (At.RCPT, "354 go ahead"),
        (At.RCPT, "334 VXNlcm5hbWU6"),
        (At.DATA, "250 ok"),
        (At.DATA, "220 hello again"),
    ],
)
async def test_an_answer_out_of_step_ends_the_connection_and_blames_nobody(
    server: ScriptedServer, at: At, odd: str
) -> None:
    road = Road(account(server), lambda: DOMAINS, PATIENT)
    server.fail(at, odd)
    assert decide(await send(road, letter())) is Outcome.RETRY
    server.behave()
    assert decide(await send(road, letter(CAROL))) is Outcome.SENT
    assert len(server.talks) == 2
    assert server.recipients == [CAROL]
    await road.close(PROMPT_S, PROMPT_S)


async def test_an_answer_out_of_step_to_the_final_dot_proves_nothing(server: ScriptedServer) -> None:
    road = Road(account(server), lambda: DOMAINS, PATIENT)
    server.fail(At.BODY, "354 go ahead")
    assert decide(await send(road, letter())) is Outcome.AMBIGUOUS


@pytest.mark.parametrize("at", [At.MAIL, At.RCPT, At.DATA, At.BODY])
async def test_a_cancelled_connection_closes_writes_no_more_and_says_how_far_it_came(
    server: ScriptedServer, at: At
) -> None:
    road = Road(account(server), lambda: DOMAINS, PATIENT)
    server.fail(at, How.SILENCE)
    sending = put(road, letter())
    async with asyncio.timeout(PROMPT_S):
        await server.reached.wait()
        (worker,) = [task for task in asyncio.all_tasks() if task.get_name() == "smtp connection"]
        worker.cancel()
        reply = await sending
        assert decide(reply) is (Outcome.AMBIGUOUS if at is At.BODY else Outcome.RETRY)
        (talk,) = server.talks
        await talk.closed.wait()
        assert "QUIT" not in talk.verbs()
        assert talk.after_354 in (b"", *talk.bodies)
        server.behave()
        assert decide(await send(road, letter(CAROL))) is Outcome.SENT
    await road.close(PROMPT_S, PROMPT_S)


@pytest.mark.parametrize("at", [At.GREETING, At.EHLO, At.AUTH, At.MAIL, At.RCPT, At.DATA, At.RSET])
async def test_closing_cuts_what_is_before_the_final_dot(server: ScriptedServer, at: At) -> None:
    road = Road(account(server), lambda: DOMAINS, PATIENT)
    if at is At.RSET:
        server.fail(At.RCPT, "550 5.1.1 nobody")
        server.failing[At.RSET] = How.SILENCE
    else:
        server.fail(at, How.SILENCE)
    sending = asyncio.create_task(send(road, letter()))
    await asyncio.wait_for(server.reached.wait(), PROMPT_S)
    clock = asyncio.get_running_loop().time
    began = clock()
    await asyncio.wait_for(road.close(before_dot=0.3, after_dot=60), PROMPT_S)
    reply = await asyncio.wait_for(sending, PROMPT_S)
    assert clock() - began < 2
    # Nobody is to blame for our stopping; what the server had said before still counts.
    assert decide(reply) is (Outcome.REFUSED_PERSON if at is At.RSET else Outcome.STOPPED)
    (talk,) = server.talks
    await asyncio.wait_for(talk.closed.wait(), PROMPT_S)
    assert talk.bodies == []
    assert talk.after_354 == b""


async def test_closing_waits_for_the_reply_to_the_final_dot(server: ScriptedServer) -> None:
    road = Road(account(server), lambda: DOMAINS, PATIENT)
    server.fail(At.BODY, How.SILENCE)
    sending = asyncio.create_task(send(road, letter()))
    await asyncio.wait_for(server.reached.wait(), PROMPT_S)
    clock = asyncio.get_running_loop().time
    began = clock()
    await asyncio.wait_for(road.close(before_dot=0.05, after_dot=0.6), PROMPT_S)
    assert clock() - began >= 0.6
    assert decide(await sending) is Outcome.AMBIGUOUS


async def test_a_closed_road_begins_nothing(server: ScriptedServer) -> None:
    road = Road(account(server), lambda: DOMAINS, PATIENT)
    await road.close(0, 0)
    assert decide(await send(road, letter())) is Outcome.STOPPED
    assert await road.probe() == Reply(Step.STOPPED, None)
    assert server.talks == []


async def test_closing_says_goodbye_to_every_kept_connection_at_once(server: ScriptedServer) -> None:
    domains = [f"g{number}.example.org" for number in range(20)]
    road = Road(account(server, connections=20), lambda: domains, PATIENT)
    async with asyncio.timeout(SLOWEST_CELL_S):
        while len([talk for talk in server.talks if talk.bodies]) < 10:
            replies = await asyncio.gather(*(send(road, letter(f"2065550100@{each}")) for each in domains))
            assert {decide(reply) for reply in replies} == {Outcome.SENT}
    assert len(server.talks) <= 20
    server.fail(At.QUIT, How.SILENCE)
    clock = asyncio.get_running_loop().time
    began = clock()
    await road.close(PROMPT_S, PROMPT_S)
    assert clock() - began < 1.5
    for talk in server.talks:
        await asyncio.wait_for(talk.closed.wait(), PROMPT_S)
        assert not talk.bodies or talk.verbs()[-1] == "QUIT"


async def test_a_probe_says_why_it_failed_and_keeps_what_it_opened(server: ScriptedServer) -> None:
    road = Road(account(server), lambda: DOMAINS, PATIENT)
    server.fail(At.GREETING, How.NO)
    assert await road.probe() == Reply(Step.CONNECT, 554, "5.3.0 no")
    server.behave()
    assert await road.probe() is None
    assert decide(await send(road, letter())) is Outcome.SENT
    assert len(server.talks) == 2
    await road.close(PROMPT_S, PROMPT_S)


async def test_an_idle_connection_is_not_used_for_ever(server: ScriptedServer) -> None:
    road = Road(account(server), lambda: DOMAINS, Timeouts(idle=0.0))
    for _ in range(2):
        assert decide(await send(road, letter())) is Outcome.SENT
    assert len(server.talks) == 2
    await road.close(PROMPT_S, PROMPT_S)


async def test_a_server_that_is_not_there_is_away() -> None:
    async with ScriptedServer() as gone:
        config = account(gone)
    road = Road(config, lambda: DOMAINS, PATIENT)
    reply = await send(road, letter())
    assert (reply.step, reply.code, decide(reply)) == (Step.CONNECT, None, Outcome.RELAY_AWAY)
