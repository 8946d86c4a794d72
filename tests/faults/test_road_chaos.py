"""A sending process is killed, recalled, failed by its server at any moment: each word on a mail is true."""

import asyncio
import os
import random
import signal
from collections import Counter
from pathlib import Path

import pytest

from bot.domain.outcome import Outcome, decide
from bot.mail.door import Timeouts
from bot.mail.own_road import OwnRoad
from tests.conftest import Size
from tests.mail.scripted import At, How, ScriptedServer, Talk
from tests.mail.test_death import DOMAINS, STEPS, account
from tests.mail.test_own_road import children, letter, none_left, post

pytestmark = [pytest.mark.fault, pytest.mark.ci]
HASTY = Timeouts(connect=2, command=1, final_dot=1, login_again=0)
# What the server says of a body it has thought about is what it did with it.
FAILING = [step for step in STEPS if step is not At.BODY]
ACTS, LONGEST_STORY_S = 60, 120


async def turns(count: int) -> None:
    """Let everything else have so many turns."""
    for _ in range(count):
        await asyncio.sleep(0)


class Thoughtful(ScriptedServer):
    """Keeps a mail for a while before it says so."""

    async def _say(
        self, at: At, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, talk: Talk | None = None
    ) -> bool:
        await turns(300 if at is At.BODY else 0)
        return await super()._say(at, reader, writer, talk)


async def story(seed: int) -> Counter[Outcome]:
    """Live through one story and look what the server has of each mail."""
    rng, loop = random.Random(seed), asyncio.get_running_loop()
    async with Thoughtful() as server:
        if seed % 2:
            server.usual[At.EHLO] = server.usual[At.EHLO].replace("250 AUTH", "250-PIPELINING\r\n250 AUTH")
        road, mails, probes = OwnRoad(account(server, connections=3), lambda: DOMAINS, HASTY), {}, []
        await road.probe()  # one that dies before it ever worked is not begun again
        for number in range(ACTS):
            match rng.choices(["post", "recall", "probe", "kill", "fail"], [70, 5, 5, 15, 5])[0]:
                case "post":
                    until = loop.time() + rng.choice([0.01, 2, 9])
                    mails[number] = post(road, letter(words=f"n{number}."), until=until)
                case "recall":
                    road.recall()
                case "probe":
                    probes.append(asyncio.create_task(road.probe()))
                case "kill":
                    await road.probe()
                    mails[number] = post(road, letter(words=f"n{number}."))
                    await turns(rng.choice([1, 100, 300, 600, 1000]))
                    for child in children():
                        os.kill(child, signal.SIGKILL)
                case "fail":
                    server.fail(rng.choice(FAILING), rng.choice(list(How)), once=True)
            await turns(rng.choice([0, 1, 50, 1000]))
        await asyncio.gather(*probes)
        await road.close(1, 1.5)
        await none_left()
        found = Counter[Outcome]()
        for number, mail in mails.items():
            outcome = decide(mail.result())  # which raises where no word was said
            found[outcome] += 1
            copies = sum(f"n{number}.".encode() in body for _, body in server.taken)
            wanted = {Outcome.SENT: {1}, Outcome.AMBIGUOUS: {0, 1}}.get(outcome, {0})
            assert copies in wanted, (seed, number, outcome, copies)
        return found


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_every_word_on_a_mail_is_true(size: Size) -> None:
    found, open_before = Counter[Outcome](), descriptors()
    for seed in range(size.pick(20, 300)):
        async with asyncio.timeout(LONGEST_STORY_S):
            found += await story(seed)
    print(dict(found))
    assert found[Outcome.SENT] > found.total() / 3
    assert found[Outcome.RELAY_AWAY]
    assert descriptors() <= open_before + 2
