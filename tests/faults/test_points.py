"""Kill the bot with -9 at each named point of a text's way: twice it goes only from the final dot on."""

import asyncio
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from bot.app import CATALOGUE
from bot.db.store import open_store
from bot.domain.catalogue_file import parse_catalogue
from bot.domain.states import FINAL, State
from bot.sandbox.sandbox import Sandbox
from bot.sandbox.smtp import Sink
from bot.sandbox.smtp_script import Step
from bot.sandbox.smtp_talk import Conversation, Dropped, Mail
from bot.sandbox.world import utc_now
from bot.services import texting
from bot.services.shelf import Shelf
from tests.conftest import Size
from tests.db.stores import sqlite_url
from tests.faults.load import HANDED, Ledger, message_id
from tests.faults.people import write_phones
from tests.faults.points import Point
from tests.faults.process import BotProcess, Runner

pytestmark = [pytest.mark.fault, pytest.mark.slow]

BOB = "2065550101"
KILLED = -signal.SIGKILL
DRAIN_S = 20.0
# At each point of the way: how many more mails the gateway may have when the bot dies there.
ADDS_A_COPY: dict[Point | Step, int] = {
    Point.CLAIMED: 0,
    Step.MAIL: 0,
    Step.RCPT: 0,
    Step.DATA: 0,
    Step.BODY: 1,
    Point.TOLD: 1,
    Point.RECORDING: 1,
}


class DeadlyTalk(Conversation):
    """A conversation in which the client dies at the step that the carriers name."""

    async def answer(self, step: Step, usual: str) -> bool:
        carriers = cast("DeadlyCarriers", self.sink)
        if step is not carriers.deadly:
            return await super().answer(step, usual)
        # Stopped first, so that it can do nothing about the answer that it is dying on.
        os.kill(carriers.client, signal.SIGSTOP)
        if carriers.last is not None and step is Step.BODY:
            self.sink.take(carriers.last)
        else:
            await self.say(usual)
        carriers.deadly = None
        os.kill(carriers.client, signal.SIGKILL)
        raise Dropped


class DeadlyCarriers(Sink):
    """Carriers whose answers can be the last that a bot hears."""

    conversation_class = DeadlyTalk
    deadly: Step | None = None
    client = 0
    last: Mail | None = None

    def received(self, conversation: Conversation, wire: bytes) -> Mail:
        self.last = super().received(conversation, wire)
        return self.last


class DeadlySandbox(Sandbox):
    sink_class = DeadlyCarriers
    carriers: DeadlyCarriers


class Way:
    """A store with a phone, and bots that die on the way of its texts."""

    def __init__(self, sandbox: DeadlySandbox, runner: Runner, folder: Path) -> None:
        self.sandbox, self.runner, self.output = sandbox, runner, folder / "bot.log"
        self.path = folder / "store.db"
        self.ledger = Ledger(sqlite_url(self.path))
        self.shelf = Shelf(parse_catalogue(CATALOGUE.read_text("utf-8")), frozenset())
        discord = sandbox.discord
        self.ann, self.bob = discord.person("ann"), discord.person("bob")
        self.guild = discord.guild("Home", discord.person("founder"), self.ann, self.bob)
        self.texts = 0

    def bot(self, point: Point | None = None, **changes: str) -> AbstractAsyncContextManager[BotProcess]:
        calm = {"GATEWAY_RATE": "0", "LOG_LEVEL": "warning"}
        settings = {**self.sandbox.environment(self.ledger.url), **calm, **changes}
        return self.runner.run(settings, self.output, dies_at=point or "")

    async def write(self) -> int:
        """Have a text accepted without a bot; returns its id."""
        self.texts += 1
        request = texting.Request(
            interaction_id=self.texts,
            sender_id=self.ann.id,
            sender_handle=self.ann.username,
            recipient_id=self.bob.id,
            recipient_is_member=True,
            recipient_is_bot=False,
            guild_id=self.guild.id,
            guild_name=self.guild.name,
            words=f"text {self.texts}",
            answer=None,
        )
        store = await open_store(self.ledger.url, [self.sandbox.secret_key])
        rules = texting.Rules(None, timedelta(hours=12), self.shelf)
        async with store.write() as session:
            (answer,) = await texting.accept(session, [request], rules, utc_now())
        await store.close()
        assert isinstance(answer, texting.Accepted), answer
        return self.texts

    async def die(self, at: Point | Step, **changes: str) -> None:
        """Run a bot until it dies there."""
        carriers = self.sandbox.carriers
        async with self.bot(at if isinstance(at, Point) else None, **changes) as bot:
            carriers.client, carriers.deadly = bot.pid, at if isinstance(at, Step) else None
            assert await bot.exit_code() == KILLED, f"{at}: {bot.said}"

    async def send_the_rest(self, **changes: str) -> None:
        async with self.bot(**changes) as bot:
            await self.all_final()
            bot.send(signal.SIGTERM)
            assert await bot.exit_code() == 0

    async def all_final(self) -> None:
        deadline = time.monotonic() + DRAIN_S
        while not set((texts := self.ledger.texts()).values()) <= FINAL:
            assert time.monotonic() < deadline, Counter(texts.values())
            await asyncio.sleep(0.05)  # a store has no event to wait on

    def copies(self, text: int) -> int:
        mail_id = self.ledger.mail_ids()[text]
        return sum(message_id(mail.content) == mail_id for mail in self.sandbox.carriers.mails)


@pytest.fixture
async def way(runner: Runner, migrated_file: Path, tmp_path: Path) -> AsyncIterator[Way]:
    async with DeadlySandbox() as sandbox:
        found = Way(sandbox, runner, tmp_path)
        shutil.copyfile(migrated_file, found.path)
        await write_phones(found.ledger.url, sandbox.secret_key, found.guild, {BOB: found.bob})
        yield found
        found.ledger.assert_sound()
    assert "Traceback" not in found.output.read_text("utf-8")


@pytest.mark.timeout(600)
async def test_a_text_goes_again_only_where_the_bot_died_after_its_final_dot(
    way: Way, size: Size, record_property: Any
) -> None:
    relay, kills = {"TEXTBRIDGE_ROLES": "relay"}, 0
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    texts = size.pick(20, plain=1)
    for number in range(texts):
        text, copies, walk = await way.write(), 0, list(ADDS_A_COPY)
        rng.shuffle(walk)
        relay["SMTP_PIPELINING"] = "auto" if number % 2 else "off"
        for at in walk:
            await way.die(at, **relay)
            copies += ADDS_A_COPY[at]
            assert way.copies(text) == copies, at
        mail_id = way.ledger.mail_ids()[text]
        await way.die(Point.RECORDED, **relay)
        assert (way.copies(text), way.ledger.texts()[text]) == (copies + 1, State.ACCEPTED)
        assert way.ledger.ambiguous()[mail_id] == len(walk)
        kills += len(walk) + 1
    text = await way.write()
    await way.send_the_rest(**relay)
    assert way.copies(text) == 1
    assert len(way.sandbox.carriers.mails) == 1 + texts * (1 + sum(ADDS_A_COPY.values()))
    figures = {"kills at named points": kills, "texts": way.texts, "mails": len(way.sandbox.carriers.mails)}
    record_property("figures", figures)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("point", [Point.ACCEPTING, Point.ACCEPTED])
async def test_a_text_is_kept_from_the_commit_on_and_not_before(way: Way, point: Point, size: Size) -> None:
    for _ in range(size.pick(20) if size.name != "tenth" else 1):
        way.sandbox.carriers.mails.clear()
        kept_before = len(way.ledger.texts())
        async with way.bot(point) as bot:
            await way.sandbox.discord.ready(20)
            answer = await way.ann.slash(way.guild, "text", user=way.bob, message="dinner", wait=False)
            assert await bot.exit_code() == KILLED
        async with way.bot() as bot:
            await way.sandbox.discord.ready(20)
            if point is Point.ACCEPTED:
                await answer.settled(lambda shown: HANDED in shown.content, DRAIN_S)
            await way.all_final()
            bot.send(signal.SIGTERM)
            assert await bot.exit_code() == 0
        kept = point is Point.ACCEPTED
        assert len(way.ledger.texts()) == kept_before + kept
        assert len(way.sandbox.carriers.mails) == kept
        assert way.ledger.ambiguous() == Counter()
        assert not any("On its way" in shown for shown in answer.history) or kept
