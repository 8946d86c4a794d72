"""A small town for tests: the pretend world, the real bot in it, a guild, and people with phones."""

import asyncio
import contextlib
import logging
import random
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from bot import app
from bot.db.store import Store, open_store
from bot.sandbox.answer import Answer
from bot.sandbox.member import Person
from bot.sandbox.phones import Phone
from bot.sandbox.watch import Watch
from bot.sandbox.world import MANAGE_GUILD, Guild, Post, utc_now
from bot.services.domain_check import LookUp
from tests.standin.standin import Standin

LONGEST_CHARS = 2000
START_WITHIN_S, STOP_WITHIN_S = 20.0, 12.0
CODE = re.compile(r"(\d{6}) is your Textbridge code for @\S+\. Type it only in Discord's Enter code\.")
BOB, CAROL, DAVE = "2065550101", "2065550102", "2065550103"
CARRIER, GATEWAY = "us-verizon", "vtext.com"
SENT = "If that phone can take texts, a code is on its way."
REGISTERED = "Your phone is registered."


class Clock:
    """The machine's clock, moved forward as told; Discord and bot read the same."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead

    def jump(self, ahead: timedelta) -> None:
        self.ahead += ahead


class Log(logging.Handler):
    """Keeps what the bot logged from INFO on."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.records: list[logging.LogRecord] = []
        self.watch = Watch()

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        self.watch.changed()

    async def said(self, words: str, times: int = 1) -> None:
        """Wait until so many records hold these words."""

        def probe() -> bool | None:
            return True if sum(words in each.getMessage() for each in self.records) >= times else None

        await self.watch.until(probe, 5.0, f"{times} times {words!r} in the log")

    def errors(self) -> list[str]:
        return [
            f"{record.name}: {record.getMessage()} {record.exc_info[1]!r}"
            if record.exc_info
            else f"{record.name}: {record.getMessage()}"
            for record in self.records
            if record.levelno >= logging.ERROR
        ]


class Town:
    """`async with Town(store_url) as town`: at its end nothing may have gone wrong unnoticed.

    A test that provokes errors on purpose empties `log.records` once it has looked at them.
    """

    def __init__(self, store_url: str, rng: random.Random | None = None, **changes: Any) -> None:
        self.store_url, self.changes = store_url, changes
        self.clock, self.log = Clock(), Log()
        self.world = Standin(rng, self.clock)
        discord = self.world.discord
        self.alice, self.bob, self.carol, self.dave = (
            discord.person(name) for name in ("alice", "bob", "carol", "dave")
        )
        self.admin, self.outsider = discord.person("ada"), discord.person("oscar")
        self.founder = discord.person("founder")
        self.guild = discord.guild("Home", self.founder, self.alice, self.bob, self.carol, self.dave)
        self.other_guild = discord.guild("Other place", self.founder, self.alice, self.bob)
        discord.join(self.guild, self.admin, MANAGE_GUILD)
        # The application's owner is a plain member of the guild: the catalogue is theirs all the same.
        self.editor = discord.owner
        discord.join(self.guild, self.editor)
        # What waits for an exchange is woken by it.
        discord.gate.observers.append(lambda _: discord.world.watch.changed())
        self.log_channels: set[int] = set()  # what is posted there on purpose
        self.pinged: set[int] = set()  # on purpose
        self.look_up: LookUp | None = None
        self._stop = asyncio.Event()
        self._bot: asyncio.Task[int] | None = None
        self._level = logging.NOTSET

    async def __aenter__(self) -> Self:
        logging.getLogger().addHandler(self.log)
        self._level = logging.getLogger("bot").level
        logging.getLogger("bot").setLevel(logging.INFO)
        await self.world.start()
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.world.carriers.release()
            self.world.discord.gate.release()
            await self.stop()
        finally:
            logging.getLogger().removeHandler(self.log)
            logging.getLogger("bot").setLevel(self._level)
            await self.world.stop()
        if error is None:
            self.assert_clean()

    async def start(self) -> None:
        """Start the bot and wait until it takes commands."""
        self._stop, ready = asyncio.Event(), asyncio.Event()
        config = self.world.config(self.store_url, **self.changes)
        running = app.run(config, stop=self._stop, ready=ready, now=self.clock, look_up=self.look_up)
        self._bot = asyncio.create_task(running)
        waiting = asyncio.ensure_future(ready.wait())
        await asyncio.wait({waiting, self._bot}, timeout=START_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        assert ready.is_set(), f"the bot did not start: {self.log.errors()}"

    async def stop(self) -> None:
        """Stop the bot as SIGTERM does."""
        if self._bot is not None:
            self._stop.set()
            code = await asyncio.wait_for(self._bot, STOP_WITHIN_S)
            self._bot = None
            assert code == 0

    async def restart(self) -> None:
        """Stop the bot and start another on the same store."""
        await self.stop()
        await self.start()

    @contextlib.asynccontextmanager
    async def store(self) -> AsyncIterator[Store]:
        """Open the bot's store beside it."""
        store = await open_store(self.store_url, (self.world.secret_key,))
        try:
            yield store
        finally:
            await store.close()

    def phone(self, number: str = BOB, gateway: str = GATEWAY) -> Phone:
        """Find the phone of a number."""
        return self.world.phones.phone(f"{number}@{gateway}")

    async def ask_for_code(
        self, person: Person, number: str = BOB, carrier: str = CARRIER, guild: Guild | None = None
    ) -> Answer:
        """Fill the registration form in; returns the answer with the button."""
        asked = await person.slash(guild or self.guild, "phone register", carrier=carrier)
        return await (await person.submit(asked.modal, {"number": number, "consent": ["agreed"]})).settled()

    async def type_code(self, person: Person, code: str, guild: Guild | None = None) -> str:
        """Type a code after /phone verify; returns the answer."""
        asked = await person.slash(guild or self.guild, "phone verify")
        return (await (await person.submit(asked.modal, {"code": code})).settled()).content

    async def code_on(self, phone: Phone, number: int = 1) -> str:
        """Wait for the so-manyth code that a phone shows."""
        await phone.text(lambda _: len(codes(phone)) >= number)
        return codes(phone)[number - 1]

    async def register(
        self,
        person: Person,
        number: str = BOB,
        carrier: str = CARRIER,
        gateway: str = GATEWAY,
        guild: Guild | None = None,
    ) -> Phone:
        """Register a person's phone, all the way."""
        phone = self.phone(number, gateway)
        before = len(codes(phone))
        await self.ask_for_code(person, number, carrier, guild)
        said = await self.type_code(person, await self.code_on(phone, before + 1), guild)
        assert said.startswith(REGISTERED)
        return phone

    async def text(self, sender: Person, recipient: Person, words: str, guild: Guild | None = None) -> Answer:
        """Send /text and wait for its first words."""
        answer = await sender.slash(guild or self.guild, "text", user=recipient, message=words)
        return await answer.settled()

    async def introduce(self, sender: Person, recipient: Person) -> None:
        """Have a first text go, so that the next ones say no more than they say."""
        answer = await self.text(sender, recipient, "hello")
        await answer.settled(lambda a: a.content.startswith("Handed"))

    def first(self, shown: str) -> str:
        """Return what a phone shows of a sender's first text, which says how to stop."""
        return f"{shown}\nStop: /phone in Discord, or @{self.editor.username}"

    async def says(self, person: Person, command: str, /, guild: Guild | None = None, **options: Any) -> str:
        """Run a command, hidden or not, and return what it answers."""
        force = options.pop("force", True)
        answer = await person.slash(guild or self.guild, command, force=force, **options)
        return (await answer.settled()).content

    async def jump(self, ahead: timedelta) -> None:
        """Move the clock, and let somebody's command wake the bot, which may be idle for a second."""
        self.clock.jump(ahead)
        await self.says(self.founder, "phone unblock", user=self.bob)

    async def exchanged(self, method: str, path: str, status: int, times: int = 1) -> None:
        """Wait until so many requests to Discord were answered so."""
        gate = self.world.discord.gate
        await gate.world.watch.until(
            lambda: True if gate.count(method, path, status) >= times else None, 5.0, f"{method} {path}"
        )

    def bot_posts(self) -> list[Post]:
        """List all that the bot ever wrote."""
        bot = self.world.discord.world.bot.id
        return [post for post in self.world.discord.world.posts.values() if post.author_id == bot]

    def assert_clean(self) -> None:
        """Fail on broken rules of Discord, a public answer, a ping, or an error in the log."""
        self.world.assert_clean()
        for post in self.bot_posts():
            private = post.ephemeral or post.guild_id is None or post.channel_id in self.log_channels
            assert private, f"everybody sees {post.content!r}"
            assert set(post.pinged) <= self.pinged, f"{post.content!r} pings"
            assert not post.pings_everyone, f"{post.content!r} pings"
            assert all(len(words) <= LONGEST_CHARS for words in [post.content, *post.history])
            assert not post.loading, "somebody sees thinking… for ever"
        errors = self.log.errors()
        assert errors == [], "\n".join(errors)


def codes(phone: Phone) -> list[str]:
    """List the codes that a phone shows."""
    return [found[1] for text in phone.texts if (found := CODE.fullmatch(text))]
