"""Members who text without pause, a store that is read beside the bot, and bots that live and die on it."""

import asyncio
import random
import signal
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from bot.db.migrate import migrate
from bot.domain.states import FINAL, Item, State
from bot.sandbox.answer import Answer
from bot.sandbox.sandbox import Sandbox
from bot.sandbox.smtp import Sink
from bot.sandbox.smtp_script import Step, delay
from bot.sandbox.smtp_talk import Conversation, Mail
from bot.sandbox.watch import SandboxError
from tests.faults.people import write_phones
from tests.faults.process import BotProcess, Runner, plainly

TEXTS_A_SECOND = 20
TAKES_S = 0.05
KILLS_THAT_PROVE = 20  # with fewer, chance may leave none with a mail on the wire
FIRST_SEND_S = 5.0
RECIPIENTS = 30
LONGEST_LIFE_S = 0.6
TIMED_LIVES = 5  # one life in so many lasts until its first mail is taken, to see how long that takes
DRAIN_S = 40.0
HANDED = "Handed to"
BEGAN = "On its way"


class NumberedTalk(Conversation):
    """A conversation that knows how many connections there were before it."""

    def __init__(self, sink: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(sink, reader, writer)
        self.number = sink.connections


class NumberedCarriers(Sink):
    """Carriers that know the newest connection over which a whole mail came."""

    conversation_class = NumberedTalk
    newest_used = 0

    def received(self, conversation: Conversation, wire: bytes) -> Mail:
        assert isinstance(conversation, NumberedTalk)
        self.newest_used = max(self.newest_used, conversation.number)
        self.watch.changed()
        return super().received(conversation, wire)


class LoadedSandbox(Sandbox):
    sink_class = NumberedCarriers
    carriers: NumberedCarriers


class Load:
    """Members who write texts without pause, each text with words of its own."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.answers: list[Answer] = []
        self.words: dict[int, str] = {}  # by interaction
        self.number = 0
        discord = sandbox.discord
        self.senders = [discord.person(f"sender{number}") for number in range(10)]
        self.recipients = {
            f"20655501{number:02}": discord.person(f"recipient{number}") for number in range(RECIPIENTS)
        }
        self.guild = discord.guild(
            "Home", discord.person("founder"), *self.senders, *self.recipients.values()
        )

    async def write(self, stop: asyncio.Event) -> None:
        """Write at an even rate until told to stop; while no bot is there, nothing can be written."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not stop.is_set():
            await self._write_one()
            due = max(due + 1 / TEXTS_A_SECOND, loop.time())
            try:
                await asyncio.wait_for(stop.wait(), due - loop.time())
            except TimeoutError:
                continue

    async def _write_one(self) -> None:
        self.number += 1
        sender = self.senders[self.number % len(self.senders)]
        target = list(self.recipients.values())[self.number % RECIPIENTS]
        words = f"text {self.number} of the kill test"
        try:
            answer = await sender.slash(self.guild, "text", user=target, message=words, wait=False)
        except SandboxError:  # no command is registered before the first start
            return
        self.answers.append(answer)
        self.words[answer.interaction.id] = words


@dataclass(slots=True)
class Ledger:
    """What the store says, read beside the bot."""

    url: str

    def rows(self, query: str) -> Sequence[Any]:
        engine = create_engine(self.url.replace("+aiosqlite", ""))
        try:
            with engine.connect() as connection:
                return connection.execute(text(query)).all()
        finally:
            engine.dispose()

    def leases(self) -> set[tuple[int, int]]:
        rows = self.rows(f"SELECT id, lease_owner FROM outbox WHERE state = '{Item.LEASED}'")
        return {(row_id, owner) for row_id, owner in rows}

    def ambiguous(self) -> Counter[str]:
        rows = self.rows("SELECT mail_id FROM attempts WHERE outcome = 'ambiguous'")
        return Counter(mail_id for (mail_id,) in rows)

    def texts(self) -> dict[int, str]:
        return dict(self.rows("SELECT id, state FROM texts"))

    def mail_ids(self) -> dict[int, str]:
        query = "SELECT text_id, mail_id FROM outbox WHERE text_id IS NOT NULL"
        return dict(self.rows(query))

    def assert_sound(self) -> None:
        if self.url.startswith("sqlite"):
            assert self.rows("PRAGMA integrity_check") == [("ok",)]


@dataclass(slots=True)
class Scene:
    """The world, the store and what the bots of one test print."""

    sandbox: LoadedSandbox
    load: Load
    ledger: Ledger
    runner: Runner
    output: Path
    rng: random.Random
    kills: int = 0
    starts_s: list[float] = field(default_factory=list)

    @property
    def kills_that_left_one(self) -> int:
        """Count the kills that left a lease, which the next bot must log as an ambiguous attempt."""
        return self.output.read_text("utf-8").count("outbox: took over ")

    def bot(self, *, plain: bool = False, **changes: str) -> AbstractAsyncContextManager[BotProcess]:
        calm = {"LOG_LEVEL": "warning", "GATEWAY_RATE": "0"}
        settings = {**self.sandbox.environment(self.ledger.url), **calm, **changes}
        return plainly(settings, self.output) if plain else self.runner.run(settings, self.output)

    async def live_and_die(self, *, plain: bool) -> None:
        """Start the bot and kill it at a random moment: one time in five while it still starts."""
        connections = self.sandbox.carriers.connections
        async with self.bot(plain=plain) as bot:
            if self.kills % TIMED_LIVES == TIMED_LIVES - 1:
                await self.first_mail(connections)
            elif plain or self.rng.random() < 0.8:
                await self.sandbox.discord.ready(20)
            await self.random_moment(bot)
        await self._until_logged_out()

    async def random_moment(self, bot: BotProcess) -> None:
        """Let it come, and kill the bot."""
        await asyncio.sleep(self.rng.uniform(0, LONGEST_LIFE_S))  # the random moment itself
        assert bot.running, bot.said
        await bot.kill()
        self.kills += 1

    async def first_mail(self, connections: int) -> None:
        """Time a start to its first mail, on a connection made after the first so many."""
        carriers, began = self.sandbox.carriers, time.monotonic()
        await carriers.watch.until(
            lambda: True if carriers.newest_used > connections else None, FIRST_SEND_S * 2, "a first mail"
        )
        self.starts_s.append(time.monotonic() - began)

    async def live_and_stop(self, within_s: float) -> None:
        """Start the bot and stop it at a random moment as a supervisor does."""
        async with self.bot() as bot:
            await self.sandbox.discord.ready(20)
            await asyncio.sleep(self.rng.uniform(0.3, LONGEST_LIFE_S))  # the random moment itself
            bot.send(signal.SIGTERM)
            if self.rng.random() < 0.3:  # supervisors and people do it twice
                bot.send(signal.SIGTERM)
            assert await bot.exit_code(within_s) == 0
        assert self.ledger.leases() == set()
        await self._until_logged_out()

    async def until_mails(self, number: int) -> None:
        """Wait until the carriers took so many."""
        carriers = self.sandbox.carriers
        await carriers.watch.until(lambda: True if len(carriers.mails) >= number else None, DRAIN_S, "mails")

    async def _until_logged_out(self) -> None:
        gateway = self.sandbox.discord.gateway
        watch = self.sandbox.discord.world.watch
        await watch.until(lambda: None if gateway.lines else True, 5, "the dead bot's line to close")

    async def settle(self) -> None:
        """Let a last bot send what is left, until every kept text has reached its end and was told."""
        async with self.bot() as bot:
            kept = await self._all_final()
            for answer in self.load.answers:
                if answer.interaction.id in kept:
                    await answer.settled(_is_final, DRAIN_S)
            bot.send(signal.SIGTERM)
            assert await bot.exit_code() == 0

    async def _all_final(self) -> set[int]:
        deadline = time.monotonic() + DRAIN_S
        while not set((texts := self.ledger.texts()).values()) <= FINAL:
            assert time.monotonic() < deadline, Counter(texts.values())
            await asyncio.sleep(0.2)  # a store has no event to wait on
        return set(texts)


@asynccontextmanager
async def under_load(
    store_url: str, runner: Runner, output: Path, takes_s: float = TAKES_S
) -> AsyncIterator[Scene]:
    """Run the world with people who text; at the end they fall silent and a last bot sends what is left."""
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    async with LoadedSandbox() as sandbox:
        load, stop = Load(sandbox), asyncio.Event()
        await migrate(store_url)
        await write_phones(store_url, sandbox.secret_key, load.guild, load.recipients)
        sandbox.carriers.tell(delay(Step.BODY, takes_s))
        scene = Scene(sandbox, load, Ledger(store_url), runner, output, random.Random(seed))
        writing = asyncio.create_task(load.write(stop))
        try:
            yield scene
        finally:
            stop.set()
            await writing
        # However much is left, one bot gets it through in time.
        sandbox.carriers.tell(delay(Step.BODY, min(takes_s, TAKES_S)))
        await scene.settle()


def _is_final(answer: Answer) -> bool:
    return HANDED in answer.content


def message_id(content: bytes) -> str:
    (line,) = [line for line in content.split(b"\r\n") if line.startswith(b"Message-ID: <")]
    return line.removeprefix(b"Message-ID: <").partition(b"@")[0].decode()


def kill_figures(scene: Scene, began: float) -> dict[str, float]:
    """Judge a scene with kills in it, and the time from restart to first send."""
    if scene.kills >= KILLS_THAT_PROVE:
        assert scene.kills_that_left_one * 5 >= scene.kills, "too few kills hit a mail on the wire"
    # The longest is a figure: it is the machine's as much as the bot's.
    assert statistics.median(scene.starts_s) < FIRST_SEND_S
    return {
        "kills": scene.kills,
        "that left an ambiguous attempt": scene.kills_that_left_one,
        **judge(scene),
        "restart to first send, p50 s": round(statistics.median(scene.starts_s), 2),
        "restart to first send, max s": round(max(scene.starts_s), 2),
        "seconds": round(time.monotonic() - began),
    }


def judge(scene: Scene, *, trouble: bool = False) -> dict[str, int]:
    """Hold what phones got against what senders were told and what the store logged; returns figures.

    Where the store was in trouble, the loop has logged the passes that failed.
    """
    load, ledger = scene.load, scene.ledger
    texts, mail_ids, ambiguous = ledger.texts(), ledger.mail_ids(), ledger.ambiguous()
    mails = scene.sandbox.carriers.mails
    copies = Counter(message_id(mail.content) for mail in mails)
    words = {message_id(mail.content): mail.content.rpartition(b"\r\n\r\n")[2] for mail in mails}
    promised = {each.interaction.id for each in load.answers if any(BEGAN in it for it in each.history)}
    assert promised <= set(texts), "a sender was told `on its way` of a text that is not kept"
    assert set(texts) <= set(load.words)
    lost = [each for each in texts if not copies[mail_ids[each]]]
    assert lost == []
    assert set(texts.values()) == {State.ACCEPTED}
    for each in texts:
        assert load.words[each].encode() in words[mail_ids[each]]
    twice = {mail_id: number for mail_id, number in copies.items() if number > 1}
    for mail_id, number in twice.items():
        assert number <= 1 + ambiguous[mail_id], f"{mail_id} went {number} times, {ambiguous[mail_id]} logged"
    ledger.assert_sound()
    said = scene.output.read_text("utf-8")
    assert trouble or "Traceback" not in said, said
    assert " CRITICAL " not in said, said
    return {
        "accepted": len(texts),
        "promised": len(promised),
        "lost": len(lost),
        "sent twice or more": len(twice),
        "most copies": max(copies.values()),
        "ambiguous attempts": ambiguous.total(),
    }
