"""A road that another process works on: the same words on every mail, and none unheard where it dies."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain.outcome import Outcome, Reply, Step, decide
from bot.mail import road_child
from bot.mail.door import Timeouts
from bot.mail.own_road import OwnRoad
from bot.mail.render import Letter
from tests.mail.scripted import At, How, ScriptedServer
from tests.mail.test_death import (
    BOB,
    CAROL,
    DOMAINS,
    HASTY,
    PATIENT,
    PROMPT_S,
    SENDER,
    SLOWEST_CELL_S,
    STEPS,
    account,
    cells,
)

AT = datetime(2026, 11, 22, 15, 40, tzinfo=UTC)
# What these processes are, in place of ours.
WORDY = "import socket, sys; socket.socket(fileno=int(sys.argv[1])).sendall(b'\\0\\0\\0\\4null')"
GONE = "pass"


def letter(recipient: str = BOB, words: str = "dinner at 7") -> Letter:
    return Letter(recipient, words, "0123456789abcdef", AT)


def post(
    road: OwnRoad, mail: Letter, *, urgent: bool = False, until: float = float("inf")
) -> "asyncio.Future[Reply]":
    done: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
    road.post(mail, mail.recipient.rpartition("@")[2], done.set_result, urgent=urgent, until=until)
    return done


@asynccontextmanager
async def road_to(
    server: ScriptedServer, timeouts: Timeouts = PATIENT, **changes: object
) -> AsyncIterator[OwnRoad]:
    road = OwnRoad(account(server, **changes), lambda: DOMAINS, timeouts)
    try:
        async with asyncio.timeout(SLOWEST_CELL_S):
            yield road
    finally:
        await road.close(PROMPT_S, PROMPT_S)
        await none_left()


async def none_left() -> None:
    """Wait until no sending process is there: one that was just beginning ends by itself."""
    async with asyncio.timeout(SLOWEST_CELL_S):
        while children():  # noqa: ASYNC110 - no event tells of the end of what is not ours to wait for
            await asyncio.sleep(0)


def children(of: int | None = None) -> list[int]:
    """List the processes that work on a road for a process; for this one where none is named."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command, state = (folder / "cmdline").read_bytes(), (folder / "stat").read_text()
            except OSError:
                continue
            if b"road_process" in command and int(state.rpartition(")")[2].split()[1]) == (of or os.getpid()):
                found.append(int(folder.name))
    return found


def only(found: Iterable[int]) -> int:
    (one,) = found
    return one


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as scripted:
        scripted.usual[At.EHLO] = scripted.usual[At.EHLO].replace("250 AUTH", "250-PIPELINING\r\n250 AUTH")
        yield scripted


# --- the words on mails


async def test_mails_go_out_as_they_were_written(server: ScriptedServer) -> None:
    async with road_to(server, connections=2) as road:
        replies = await asyncio.gather(*(post(road, letter(words=f"né {n}\n.")) for n in range(50)))
        assert {(reply.step, reply.code) for reply in replies} == {(Step.BODY, 250)}
        assert len(server.taken) == 50
        assert sum(b"n=C3=A9 7\r\n=2E\r\n" in body for _, body in server.taken) == 1
        assert all(b"Message-ID: <0123456789abcdef@example.org>" in body for _, body in server.taken)
        assert len(server.talks) <= 2


@pytest.mark.ci
@pytest.mark.fault
@pytest.mark.parametrize("how", list(How))
@pytest.mark.parametrize("at", list(STEPS))
async def test_each_death_of_the_server_has_the_same_outcome(
    server: ScriptedServer, at: At, how: How
) -> None:
    hasty = how in (How.SILENCE, How.DRIBBLE)
    changes = {"security": "starttls"} if at is At.STARTTLS else {}
    async with road_to(server, HASTY if hasty else PATIENT, **changes) as road:
        assert await road.probe() is None if at not in (At.GREETING, At.EHLO, At.STARTTLS, At.AUTH) else True
        server.fail(at, how)
        reply, wanted = await post(road, letter()), cells()[at, how]
        assert (reply.step, reply.code, decide(reply)) == (wanted.step, wanted.code, wanted.outcome)


async def test_a_refusal_comes_through_with_its_words(server: ScriptedServer) -> None:
    async with road_to(server) as road:
        server.fail(At.RCPT, "550 5.1.1 nobody here\r\n", once=True)
        reply = await post(road, letter())
        assert (reply.step, reply.code, decide(reply)) == (Step.RCPT, 550, Outcome.REFUSED_PERSON)
        assert "nobody here" in reply.text
        assert decide(await post(road, letter())) is Outcome.SENT


async def test_a_probe_says_what_it_found(server: ScriptedServer) -> None:
    async with road_to(server) as road:
        assert await road.probe() is None
    server.fail(At.AUTH, How.NO)
    async with road_to(server) as road:
        found = await road.probe()
        assert found is not None
        assert (found.step, found.code) == (Step.LOGIN, 554)


async def test_a_domain_that_left_the_list_gets_no_mail(server: ScriptedServer) -> None:
    domains = [DOMAINS]
    road = OwnRoad(account(server), lambda: domains[0], PATIENT)
    assert decide(await post(road, letter())) is Outcome.SENT
    domains[0] = frozenset({"tmomail.net"})
    assert (await post(road, letter())).step is Step.CHECK
    await road.close(PROMPT_S, PROMPT_S)
    assert server.recipients == [BOB]


async def test_one_that_cannot_be_made_does_not_stop_the_others(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with road_to(server) as road:
        poisoned, fine = post(road, letter("206555010\u0661@vtext.com")), post(road, letter(CAROL))
        assert await poisoned == Reply(Step.MAIL, None)
        assert decide(await fine) is Outcome.SENT
    assert ("bot.mail.road_process", "smtp: a mail could not be made (UnicodeEncodeError)") in {
        (one.name, one.getMessage()) for one in caplog.records
    }
    assert server.recipients == [CAROL]


# --- what has not begun comes back


async def test_what_waits_comes_back_when_it_is_recalled_or_its_time_is_over(server: ScriptedServer) -> None:
    async with road_to(server) as road:
        server.fail(At.BODY, How.SILENCE)
        first = post(road, letter())
        await server.reached.wait()
        late = post(road, letter(CAROL), until=asyncio.get_running_loop().time() - 1)
        behind = post(road, letter(CAROL))
        road.recall()
        assert await behind == await late == Reply(Step.STOPPED, None)
        assert not first.done()
        await road.close(0.1, 0.2)
        # Past its final dot, and cut off: nobody can say.
        assert await first == Reply(Step.BODY, None)
        assert await post(road, letter()) == Reply(Step.STOPPED, None)
        assert await road.probe() == Reply(Step.STOPPED, None)


async def test_a_close_before_the_process_is_up_gives_everything_back(server: ScriptedServer) -> None:
    async with road_to(server) as road:
        waiting = [post(road, letter()) for _ in range(3)]
        probe = asyncio.create_task(road.probe())
        await asyncio.sleep(0)
        await road.close(PROMPT_S, PROMPT_S)
        stopped = Reply(Step.STOPPED, None)
        assert [await each for each in waiting] == [stopped] * 3
        assert await probe == stopped
        assert server.talks == []


# --- the process dies


@pytest.mark.fault
async def test_where_the_process_dies_only_what_was_past_its_envelope_is_unsure(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with road_to(server, connections=1) as road:
        server.fail(At.BODY, How.SILENCE)
        begun, behind = post(road, letter()), [post(road, letter(CAROL)) for _ in range(5)]
        await server.reached.wait()
        os.kill(only(children()), signal.SIGKILL)
        assert await begun == Reply(Step.BODY, None)
        for each in behind:
            reply = await each
            assert (reply.step, decide(reply)) == (Step.CONNECT, Outcome.RELAY_AWAY)
        assert "the process that sends ended (exit code -9), with 6 mails" in caplog.text
        server.behave()
        assert await road.probe() is None
        assert decide(await post(road, letter(CAROL))) is Outcome.SENT
        assert server.recipients == [CAROL]


@pytest.mark.fault
@pytest.mark.parametrize("step", [At.MAIL, At.RCPT, At.DATA])
async def test_where_the_process_dies_before_a_body_nothing_is_unsure(
    server: ScriptedServer, step: At
) -> None:
    async with road_to(server) as road:
        server.fail(step, How.SILENCE)
        mail = post(road, letter())
        await server.reached.wait()
        os.kill(only(children()), signal.SIGKILL)
        assert (await mail).step is Step.CONNECT


@pytest.mark.ci
@pytest.mark.fault
async def test_a_process_that_says_nothing_more_is_ended(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(road_child, "SILENCE_S", 1.5)
    async with road_to(server) as road:
        assert await road.probe() is None
        os.kill(only(children()), signal.SIGSTOP)
        assert (await post(road, letter())).step is Step.CONNECT
        assert "says nothing more" in caplog.text


@pytest.mark.fault
@pytest.mark.parametrize("program", [GONE, WORDY, None])
async def test_where_no_process_comes_up_mails_go_out_from_this_one(
    server: ScriptedServer,
    program: str | None,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if program is None:
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
    road = OwnRoad(account(server), lambda: DOMAINS, PATIENT, ("-c", program or ""))
    async with asyncio.timeout(SLOWEST_CELL_S):
        # Surely not taken, so the relay asks again at once.
        assert await post(road, letter()) == Reply(Step.STOPPED, None)
        assert await road.probe() is None
        assert decide(await post(road, letter(CAROL))) is Outcome.SENT
        server.fail(At.BODY, How.SILENCE)
        held = post(road, letter())
        await server.reached.wait()
        behind = post(road, letter())
        road.recall()
        assert await behind == Reply(Step.STOPPED, None)
        await road.close(0.1, 0.2)
        assert await held == Reply(Step.BODY, None)
        assert await post(road, letter()) == Reply(Step.STOPPED, None)
    assert caplog.text.count("mails go out from this one") == 1
    assert server.recipients == [CAROL]


# --- what it shows


async def test_its_log_is_ours_and_its_command_line_says_nothing(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server.fail(At.GREETING, How.CLOSE)
    async with road_to(server, username="bridge", password="hunter2") as road:
        assert decide(await post(road, letter())) is Outcome.RELAY_AWAY
        command = (Path("/proc") / str(only(children())) / "cmdline").read_bytes()
    assert ("bot.mail.door", logging.INFO) in {(one.name, one.levelno) for one in caplog.records}
    assert b"hunter2" not in command
    assert SENDER.encode() not in command
