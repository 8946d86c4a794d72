"""`run` as a process of its own: how it starts, how it refuses to, how it waits, and how it stops."""

import asyncio
import logging
import shutil
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from bot import app, discord_role, exits, together
from bot.sandbox.answer import Answer
from bot.sandbox.smtp_script import Step, delay, stall
from bot.sandbox.watch import SandboxError
from tests.conftest import Size, telling
from tests.db.stores import sqlite_url
from tests.faults.people import GATEWAY, write_phones
from tests.faults.process import BotProcess, Runner, plainly, runner
from tests.standin.standin import Standin

__all__ = ["runner"]

START_S, PROMPT_S = 20.0, 10.0
# The contract's bounds, and a little for a busy machine between the signal and the clock here.
OUT_S, OUT_AFTER_DOT_S, SLACK_S = 4.0, 8.0, 0.5
pytestmark = pytest.mark.slow

BOB = "2065550101"
AWAY, HANDED, BEGAN = "mail server can't be used", "Handed to", "On its way"
ACCOUNT = ("bridge", "right")


class Place:
    """A pretend world with two members, one of whom has a phone, and a store that bots run on."""

    def __init__(self, world: Standin, runner: Runner, folder: Path) -> None:
        self.world, self.runner = world, runner
        self.path, self.output = folder / "store.db", folder / "bot.log"
        self.alice, self.bob = world.discord.person("alice"), world.discord.person("bob")
        self.guild = world.discord.guild("Home", world.discord.person("founder"), self.alice, self.bob)
        # Discord lets a bot write to those only with whom it shares a server.
        world.discord.join(self.guild, world.discord.owner)
        self.phone = world.phones.phone(f"{BOB}@{GATEWAY}")

    @property
    def url(self) -> str:
        return sqlite_url(self.path)

    def settings(self, **changes: str) -> dict[str, str]:
        return {**self.world.environment(self.url), **changes}

    def bot(self, *, plain: bool = False, **changes: str) -> AbstractAsyncContextManager[BotProcess]:
        """Start a bot on the store."""
        settings = self.settings(**changes)
        return plainly(settings, self.output) if plain else self.runner.run(settings, self.output)

    async def up(self) -> None:
        await self.world.discord.ready(START_S)

    async def text(self, words: str) -> Answer:
        return await (await self.alice.slash(self.guild, "text", user=self.bob, message=words)).settled()

    def rows(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.path)) as store:
            return store.execute(query).fetchall()

    def change(self, statement: str) -> None:
        with closing(sqlite3.connect(self.path)) as store, store:
            store.execute(statement)

    def dump(self) -> list[str]:
        with closing(sqlite3.connect(self.path)) as store:
            return list(store.iterdump())

    def item_states(self) -> list[str]:
        return [state for (state,) in self.rows("SELECT state FROM outbox WHERE text_id IS NOT NULL")]

    def attempts(self) -> list[str]:
        return [outcome for (outcome,) in self.rows("SELECT outcome FROM attempts ORDER BY id")]

    def said(self) -> list[str]:
        return self.output.read_text("utf-8").splitlines()


@asynccontextmanager
async def placed(runner: Runner, migrated_file: Path, folder: Path) -> AsyncIterator[Place]:
    """Give a bot a store in which bob has a phone."""
    async with Standin() as world:
        found = Place(world, runner, folder)
        shutil.copyfile(migrated_file, found.path)
        await write_phones(found.url, world.secret_key, found.guild, {BOB: found.bob})
        yield found


@pytest.fixture
async def place(runner: Runner, migrated_file: Path, tmp_path: Path) -> AsyncIterator[Place]:
    async with placed(runner, migrated_file, tmp_path) as found:
        yield found
    found.world.assert_clean()
    assert "Traceback" not in found.output.read_text("utf-8")


async def out_within(bot: BotProcess, seconds: float) -> None:
    """Send SIGTERM and time the end."""
    clock = asyncio.get_running_loop().time
    began = clock()
    bot.send(signal.SIGTERM)
    assert await bot.exit_code(seconds + SLACK_S) == exits.OK
    assert clock() - began < seconds + SLACK_S


# --- refusing to start


@pytest.mark.parametrize("plain", [True, False])
async def test_a_wrong_token_is_one_line_and_one_try(place: Place, plain: bool) -> None:
    wrong = place.world.discord.token[:-6] + "abcdef"
    async with place.bot(plain=plain, DISCORD_TOKEN=wrong) as bot:
        assert await bot.exit_code() == exits.WRONG_SETTINGS
    # At night, on a machine without a resolver, its first look at the domains comes to nothing too.
    (line,) = [line for line in place.said() if " INFO " not in line and " domains: " not in line]
    assert "CRITICAL" in line
    assert "DISCORD_TOKEN" in line
    assert wrong not in line
    assert len(place.world.discord.gate.exchanges) == 1
    assert place.world.discord.gateway.identified == 0


async def test_a_token_revoked_while_running_ends_the_bot(place: Place) -> None:
    async with place.bot() as bot:
        await place.up()
        place.world.discord.world.bot_token = "revoked.by.discord"
        await place.world.discord.gateway.break_all(code=4004)
        assert await bot.exit_code(PROMPT_S) == exits.WRONG_SETTINGS
    assert place.world.discord.gateway.identified == 1
    (line,) = [line for line in place.said() if "CRITICAL" in line]
    assert "DISCORD_TOKEN" in line


async def test_missing_settings_are_all_listed(runner: Runner, tmp_path: Path) -> None:
    async with runner.run({}, tmp_path / "out") as bot:
        assert await bot.exit_code() == exits.WRONG_SETTINGS
    lines = (tmp_path / "out").read_text("utf-8").splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "DISCORD_TOKEN",
        "SECRET_KEY",
        "SMTP_HOST",
        "SMTP_FROM",
    ]


async def test_a_wrong_key_is_one_line_and_leaves_the_store_alone(place: Place) -> None:
    before, wrong = place.dump(), Fernet.generate_key().decode()
    async with place.bot(SECRET_KEY=wrong) as bot:
        assert await bot.exit_code() == exits.WRONG_SETTINGS
    (line,) = place.said()
    assert "CRITICAL" in line
    assert "SECRET_KEY" in line
    assert wrong not in line
    assert place.dump() == before


async def test_a_newer_store_is_one_line_and_left_alone(place: Place) -> None:
    place.change("UPDATE alembic_version SET version_num = '9999'")
    before = place.dump()
    async with place.bot() as bot:
        assert await bot.exit_code() == exits.WRONG_SETTINGS
    (line,) = place.said()
    assert "CRITICAL" in line
    assert "newer version" in line
    assert place.dump() == before


async def test_a_second_bot_on_the_same_file_says_so_and_the_first_goes_on(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(together, "LOCK_WAIT_S", 1)
    async with place.bot() as first:
        await place.up()
        second = app.run(place.world.config(place.url), stop=asyncio.Event())
        assert await asyncio.wait_for(second, START_S) == exits.UNAVAILABLE
        (told,) = [record for record in caplog.records if record.levelno == logging.CRITICAL]
        assert "another bot already works on this file" in told.getMessage()
        await place.text("still here")
        assert "still here" in await place.phone.text()
        await out_within(first, OUT_S)


async def test_where_discord_cannot_be_reached_the_bot_gives_up_in_the_end(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(discord_role, "LONGEST_WAIT_S", 0.01)
    await place.world.discord.stop()
    ended = app.run(place.world.config(place.url), stop=asyncio.Event())
    assert await asyncio.wait_for(ended, START_S) == exits.UNAVAILABLE
    failures = [each for each in caplog.records if "it cannot be reached (" in each.getMessage()]
    assert len(failures) == discord_role.FIRST_TRIES
    assert not any(record.exc_info for record in caplog.records)
    place.output.touch()


# --- stopping


@pytest.mark.parametrize("plain", [True, False])
async def test_an_idle_bot_goes_at_once(place: Place, plain: bool) -> None:
    async with place.bot(plain=plain) as bot:
        await place.up()
        await place.text("first")
        assert "first" in await place.phone.text()
        await out_within(bot, 2.0)
    assert len(place.world.carriers.mails) == 1
    assert place.item_states() == ["sent"]


async def test_stopping_twice_is_stopping_once(place: Place) -> None:
    place.world.carriers.tell(delay(Step.BODY, 1.0))
    async with place.bot() as bot:
        await place.up()
        await place.text("on the wire")
        await until_body(place)
        place.world.carriers.tell(stall(Step.MAIL))
        bot.send(signal.SIGTERM)
        await out_within(bot, OUT_AFTER_DOT_S)
    assert place.item_states() == ["sent"]
    assert place.attempts() == []


async def test_a_bot_told_to_stop_while_it_starts_goes_too(place: Place) -> None:
    place.world.discord.gate.hang("GET", "/users/@me")
    async with place.bot() as bot:
        await place.world.discord.gate.hangs(1)
        await out_within(bot, OUT_S)
    place.world.discord.gate.release()


async def test_a_discord_that_answers_nothing_more_holds_no_stop_up(place: Place) -> None:
    gate = place.world.discord.gate
    async with place.bot() as bot:
        await place.up()
        gate.hang("PATCH", "/webhooks/.*")
        answer = await place.alice.slash(place.guild, "text", user=place.bob, message="kept")
        await gate.hangs(1)
        assert "kept" in await place.phone.text()
        gate.hang("*", ".*")
        await out_within(bot, OUT_S)
    gate.release()
    async with place.bot() as bot:
        await answer.settled(lambda shown: HANDED in shown.content)
        await out_within(bot, OUT_S)
    assert len(place.world.carriers.mails) == 1


@pytest.mark.parametrize("step", telling([Step.RCPT, Step.CONNECT, Step.EHLO, Step.MAIL, Step.DATA], 1))
async def test_before_the_final_dot_a_stop_leaves_the_text_waiting(place: Place, step: Step) -> None:
    place.world.carriers.tell(stall(step))
    async with place.bot() as bot:
        await place.up()
        answer = await place.text("not yet")
        await place.world.carriers.stalled_client()
        await out_within(bot, OUT_S)
    assert place.item_states() == ["waiting"]
    assert place.attempts() == []
    assert answer.history[-1].startswith(BEGAN)
    place.world.carriers.release()
    async with place.bot() as bot:
        assert "not yet" in await place.phone.text(timeout_s=PROMPT_S)
        await answer.settled(lambda shown: HANDED in shown.content)
        await out_within(bot, OUT_S)
    assert len(place.world.carriers.mails) == 1


async def test_a_stop_waits_for_a_slow_reply_to_the_final_dot(place: Place) -> None:
    place.world.carriers.tell(delay(Step.BODY, 2.5))
    async with place.bot() as bot:
        await place.up()
        await place.text("slow")
        await until_body(place)
        await out_within(bot, OUT_AFTER_DOT_S)
    assert place.item_states() == ["sent"]
    assert place.attempts() == []
    assert len(place.world.carriers.mails) == 1


@pytest.mark.ci
async def test_a_reply_that_does_not_come_in_time_is_a_logged_ambiguous_attempt(place: Place) -> None:
    place.world.carriers.tell(stall(Step.BODY))
    async with place.bot() as bot:
        await place.up()
        answer = await place.text("very slow")
        await place.world.carriers.stalled_client()
        await out_within(bot, OUT_AFTER_DOT_S)
    assert place.item_states() == ["waiting"]
    assert place.attempts() == ["ambiguous"]
    assert any("ambiguous" in line for line in place.said())
    place.world.carriers.release()
    place.change("UPDATE outbox SET due_at = (SELECT created_at FROM texts)")  # its turn has come
    async with place.bot() as bot:
        assert "very slow" in await place.phone.text(timeout_s=PROMPT_S)
        await answer.settled(lambda shown: HANDED in shown.content)
        await out_within(bot, OUT_S)


async def until_body(place: Place) -> None:
    """Wait until the carriers hold back their reply to a final dot."""
    held = asyncio.Event()
    pause = place.world.carriers.pause

    async def noted(seconds: float) -> None:
        held.set()
        await pause(seconds)

    # The moment of the stall shows nowhere else.
    place.world.carriers.pause = noted
    await asyncio.wait_for(held.wait(), PROMPT_S)


# --- waiting for the mail server


async def test_while_the_mail_server_is_away_texts_wait_and_senders_hear_why(place: Place) -> None:
    await place.world.carriers.stop()
    async with place.bot() as bot:
        await place.up()
        answers = [await place.text(f"patience {number}") for number in range(3)]
        for answer in answers:
            await answer.settled(lambda shown: AWAY in shown.content)
        assert place.item_states() == ["waiting"] * 3
        await place.world.carriers.start()
        for number, answer in enumerate(answers):
            wanted = f"patience {number}"
            assert wanted in await place.phone.text(lambda shown, wanted=wanted: wanted in shown, PROMPT_S)
            await answer.settled(lambda shown: HANDED in shown.content)
        await out_within(bot, OUT_S)
    assert len(place.world.carriers.mails) == 3
    assert "ambiguous" not in place.attempts()


async def test_a_bot_goes_at_once_while_it_waits_for_the_mail_server(place: Place) -> None:
    place.world.carriers.tell(stall(Step.CONNECT))
    async with place.bot() as bot:
        await place.up()
        await place.text("patience")
        await place.world.carriers.stalled_client()
        place.world.carriers.release()  # hangs up: an outage, and soon a probe
        place.world.carriers.tell(stall(Step.CONNECT))
        await place.world.carriers.stalled_client()
        await out_within(bot, OUT_S)
    assert place.item_states() == ["waiting"]


async def test_a_wrong_mail_password_is_told_once_and_tried_once(place: Place, size: Size) -> None:
    carriers = place.world.carriers
    carriers.login = ACCOUNT
    async with place.bot(SMTP_USERNAME=ACCOUNT[0], SMTP_PASSWORD="wrong") as bot:
        await place.up()
        answers = [await place.text(f"patience {number}") for number in range(12)]
        await place.world.discord.owner.dm(lambda post: "SMTP_PASSWORD" in post.content)
        for answer in answers:
            await answer.settled(lambda shown: AWAY in shown.content)
        with pytest.raises(SandboxError, match="a login storm"):
            await carriers.watch.until(
                lambda: True if carriers.logins > 1 else None, size.pick(10), "a login storm"
            )
        await out_within(bot, OUT_S)
    assert carriers.logins == 1
    assert len(place.world.discord.owner.dms) == 1
    assert place.item_states() == ["waiting"] * 12
    async with place.bot(SMTP_USERNAME=ACCOUNT[0], SMTP_PASSWORD=ACCOUNT[1]) as bot:
        for answer in answers:
            await answer.settled(lambda shown: HANDED in shown.content, PROMPT_S)
        await out_within(bot, OUT_S)
    assert len(carriers.mails) == 12
    assert "wrong" not in "".join(place.said())
