"""Planted secrets are found in no log, output, exception, repr or plain database byte (T14 to T16)."""

import asyncio
import io
import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from bot import log
from bot.commands.telling import shown as shape
from bot.db.enqueue import NewItem
from bot.db.leases import Leased
from bot.db.people import Phone
from bot.db.verifications import Claim
from bot.domain.inbound import Kind, Picture, Trust
from bot.domain.outcome import Reply
from bot.domain.outcome import Step as ReplyStep
from bot.domain.phone import Number
from bot.domain.reply import Reply as PhoneAnswer
from bot.domain.standing import OpenAnswer
from bot.log import QUIET, JsonFormatter, TextFormatter
from bot.mail.render import Letter, render
from bot.operate.doctor_store import look_inside
from bot.sandbox.answer import Answer
from bot.sandbox.smtp_script import Step, drop, refuse
from bot.sandbox.world import LOADING
from bot.services.notices import Telling
from bot.services.permit import Sendable
from bot.services.registration import Ask
from bot.services.texting import Request
from tests.flow.canaries import (
    BODY,
    NATIONAL,
    NUMBER,
    Canary,
    bytes_of_store,
    canaries,
    found,
    store_with_a_leak,
)
from tests.flow.post import arrives, comes_back
from tests.flow.town import Town

pytestmark = pytest.mark.slow

GATEWAY = "vtext.com"
LIBRARIES = (
    "discord",
    "aiosmtplib",
    "sqlalchemy",
    "sqlalchemy.engine",
    "aiosqlite",
    "asyncio",
    "aiohttp",
    "alembic",
    "psycopg",
)


class Everything(logging.Handler):
    """Formats every record as the bot would, and keeps the raw exceptions too."""

    def __init__(self, *formatters: logging.Formatter) -> None:
        super().__init__(logging.DEBUG)
        self.masked = io.StringIO()
        self.raised: list[str] = []
        self._formatters = formatters

    def emit(self, record: logging.LogRecord) -> None:
        for formatter in self._formatters:
            self.masked.write(formatter.format(record) + "\n")
        if record.exc_info and record.exc_info[1]:
            self.raised.append("".join(traceback.format_exception(record.exc_info[1])))


@pytest.fixture(autouse=True)
def logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, raises = root.handlers[:], root.level, logging.raiseExceptions
    levels = {name: logging.getLogger(name).level for name in (*QUIET, *LIBRARIES)}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.raiseExceptions = raises
    logging.captureWarnings(capture=False)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


def begins_with(words: str) -> Callable[[Answer], bool]:
    return lambda answer: answer.content.startswith(words)


async def live(town: Town) -> list[str]:
    """Do everything that handles secrets, and let each part of it fail; returns the codes."""
    carriers = town.world.carriers
    phone = town.phone(NATIONAL)
    quoting = f"<{NATIONAL}@{GATEWAY}> said {BODY!r}"
    await town.ask_for_code(town.bob, "(206) 555-0142")
    first = await town.code_on(phone)
    await town.type_code(town.bob, f"{(int(first) + 1) % 10**6:06d}")
    await town.type_code(town.bob, first)
    await town.says(town.bob, "phone show")
    for order, expected in (
        (None, "Handed"),
        (refuse(Step.RCPT, f"550 5.1.1 {quoting}", times=1), "Not sent"),
        (refuse(Step.BODY, f"552 5.2.0 AUP#POL {quoting}", times=1), "Not sent"),
        (refuse(Step.BODY, f"451 4.7.1 {quoting}", times=1), "Still waiting"),
        (drop(Step.BODY, times=1), "Still waiting"),
        (refuse(Step.RCPT, f"garbage {quoting}", times=1), "Still waiting"),
    ):
        if order:
            carriers.tell(order)
        answer = await town.text(town.alice, town.bob, BODY)
        await answer.settled(begins_with(expected))
        if expected == "Still waiting":
            await town.jump(timedelta(minutes=1))
            await answer.settled(lambda a: a.content.startswith("Handed"))
    await town.text(town.alice, town.carol, BODY)
    await let_mails_come_in(town, answer)
    await town.text(town.alice, town.bob, f"{BODY} " * 200)
    carriers.tell(drop(Step.BODY, times=1))
    await town.ask_for_code(town.carol, NUMBER)
    await town.carol.dm()
    await town.ask_for_code(town.carol, NUMBER)
    second = await town.code_on(phone, 2)
    await see_take_and_end_what_is_kept(town)
    await let_the_store_break(town)
    await let_a_bug_happen(town)
    await let_discord_break(town)
    return [first, second]


async def see_take_and_end_what_is_kept(town: Town) -> None:
    """Have all that is kept shown, handed out (which fails once) and erased; words wait meanwhile."""
    town.world.carriers.tell(refuse(Step.RCPT, "451 4.7.1 later", times=1))
    await town.text(town.alice, town.bob, BODY)
    for person in (town.alice, town.bob):
        assert "×" in await town.says(person, "privacy show")
        answer = await (await person.slash(town.guild, "privacy export")).settled()
        (file,) = answer.post.attachments
        content = town.world.discord.world.files[int(file["id"])].decode()
        assert (NUMBER if person is town.bob else BODY) in content
    town.world.discord.gate.fail("PATCH", r"/webhooks/.*", 400, code=50035)
    await (await town.bob.slash(town.guild, "privacy export")).settled()
    asked = await (await town.carol.slash(town.guild, "privacy erase")).settled()
    await town.carol.press(asked, "Yes, do it")
    await asked.settled(lambda a: a.content.startswith("Erased"))


async def let_mails_come_in(town: Town, text: Answer) -> None:
    """Have the phone answer, believed or not, and a text come back; some of it waits in the store."""
    words, named = f"{BODY} {NUMBER}", {"number": NATIONAL, "recipients": (f"{NATIONAL}@{GATEWAY}",)}
    picture = Picture(f"{NATIONAL}.png", "image/png", BODY.encode())
    await arrives(town, Kind.REPLY, town.bob, text, words, pictures=(picture,), **named)
    await town.alice.dm(lambda post: BODY in post.content)
    await arrives(town, Kind.REPLY, town.bob, text, words, Trust.UNPROVEN, **named)
    await town.bob.dm(lambda post: BODY in post.content)
    town.alice.account.dms_open = False
    gate = town.world.discord.gate
    gate.fail("POST", r"/channels/\d+/messages", 400, code=50035)
    await arrives(town, Kind.REPLY, town.bob, text, words, pictures=(picture,), **named)
    await arrives(town, Kind.HELP, town.bob, text, "help", **named)
    await arrives(town, Kind.STOP, town.bob, text, "stop", **named)
    await arrives(town, Kind.START, town.bob, text, "start", **named)
    await comes_back(town, town.bob, await town.text(town.alice, town.bob, BODY), words=words, **named)


async def let_the_store_break(town: Town) -> None:
    """Take a table away while somebody texts."""
    async with town.store() as store:
        for rename in ("texts RENAME TO away", "away RENAME TO texts"):
            async with store.write() as session:
                await session.execute(text(f"ALTER TABLE {rename}"))
            said = (await town.text(town.alice, town.bob, BODY)).content
            assert said.startswith("The bot couldn't save that" if "TO away" in rename else "On its way")


async def let_a_bug_happen(town: Town) -> None:
    """Put an entry into the catalogue that no code of ours can read, then use the forms."""
    opened = await town.dave.slash(town.guild, "phone register", carrier="us-verizon")
    async with town.store() as store:
        async with store.write() as session:
            await session.execute(
                text(
                    "INSERT INTO carrier_entries (guild_id, slug, status, removed, changed_by, changed_at)"
                    " VALUES (0, 'us-verizon', 'nonsense', false, 1, 1)"
                )
            )
            await session.execute(
                text(
                    "INSERT INTO marks (name, value) VALUES ('catalogue', '999') ON CONFLICT (name)"
                    " DO UPDATE SET value = '999'"
                )
            )
        assert "went wrong" in (await town.text(town.alice, town.bob, BODY)).content
        filled = {"number": NUMBER, "consent": ["agreed"]}
        said = await (await town.dave.submit(opened.modal, filled)).settled()
        assert "went wrong" in said.content
        async with store.write() as session:
            await session.execute(text("DELETE FROM carrier_entries"))
            await session.execute(text("UPDATE marks SET value = '1000' WHERE name = 'catalogue'"))


async def let_discord_break(town: Town) -> None:
    """Fail the edit of an answer, whose address holds its token."""
    gate = town.world.discord.gate
    gate.fail("PATCH", r"/webhooks/.*", 400, code=50035)
    answer = await town.alice.slash(town.guild, "text", user=town.bob, message=BODY)
    await answer.settled(lambda a: a.content.startswith(("Something went wrong", "Handed", "On its way")))
    gate.fail("POST", r"/interactions/.*", 500)
    again = await town.alice.slash(town.guild, "text", user=town.bob, message=BODY, wait=False)
    await again.settled()


def forgive(town: Town) -> None:
    """Forget the errors that were provoked, and what Discord's own failing left half done."""
    town.log.records.clear()
    town.world.discord.world.refused.clear()
    for post in town.bot_posts():
        post.flags &= ~LOADING


def secrets_of(town: Town, codes: list[str]) -> tuple[Canary, ...]:
    world = town.world.discord.world
    tokens = [world.bot_token, *(each.token for each in world.interactions.values())]
    return canaries(codes, tokens, [town.world.secret_key])


async def test_at_debug_nothing_secret_is_written_anywhere(
    any_store_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As `run` does it; capfd sees what standard error gets.
    log.configure("text", "debug")
    everything = Everything(TextFormatter(), JsonFormatter())
    async with Town(any_store_url) as town:
        logging.getLogger("bot").setLevel(logging.DEBUG)
        logging.getLogger().addHandler(everything)
        asyncio.get_running_loop().set_debug(True)
        # A log line names the last place of the ten that each callback would remember, at a cost.
        monkeypatch.setattr(asyncio.constants, "DEBUG_STACK_DEPTH", 1)
        codes = await live(town)
        secrets = secrets_of(town, codes)
        await town.restart()
        kept = bytes_of_store(any_store_url)
        for each in secrets:
            leaked = store_with_a_leak(any_store_url, f"see {each.forms[0]}", tmp_path)
            assert found(leaked, (each,)) == [each.name]
        assert found(kept, secrets) == []
        keys, plain = (town.world.secret_key,), [town.world.discord.world.bot_token]
        looked = await look_inside(any_store_url, keys, plain, [])
        assert [finding.says for finding in looked if finding.code] == []
        assert "key" in {finding.check for finding in looked}
        assert town.log.errors()
        forgive(town)
    output = capfd.readouterr()
    assert "ERROR bot." in output.err
    assert "outbox" in output.err
    assert found(output.err, secrets) == []
    assert found(output.out, secrets) == []
    assert found(everything.masked.getvalue(), secrets) == []
    assert everything.raised
    assert found("\n".join(everything.raised), secrets) == []
    expect_leaks_found(secrets, capfd)


def expect_leaks_found(secrets: tuple[Canary, ...], capfd: pytest.CaptureFixture[str]) -> None:
    """Plant each secret in each kind of place and find it there."""
    for each in secrets:
        planted = f"see {each.forms[0]}."
        print(planted)
        print(planted, file=sys.stderr)
        output = capfd.readouterr()
        assert found(output.out, (each,)) == [each.name]
        assert found(output.err, (each,)) == [each.name]
        assert found("".join(traceback.format_exception(RuntimeError(planted))), (each,)) == [each.name]
    bare = io.StringIO()
    handler = logging.StreamHandler(bare)
    for each in secrets:
        record = logging.LogRecord("bot", logging.INFO, __file__, 1, "see %s.", (each.forms[0],), None)
        handler.emit(record)
    assert found(bare.getvalue(), secrets) == [each.name for each in secrets]


@pytest.mark.ci
async def test_the_mask_holds_even_where_every_library_speaks(store_url: str) -> None:
    """Without the quiet levels of `configure`; bodies and codes have no form that a mask could know."""
    everything = Everything(TextFormatter())
    async with Town(store_url) as town:
        logging.getLogger().addHandler(everything)
        logging.getLogger().setLevel(logging.DEBUG)
        for name in LIBRARIES:
            logging.getLogger(name).setLevel(logging.DEBUG)
        await town.restart()
        codes = await live(town)
        secrets = secrets_of(town, codes)
        forgive(town)
    written = everything.masked.getvalue()
    assert "discord.gateway" in written
    assert "discord.http" in written
    assert found(written, tuple(each for each in secrets if each.name in ("number", "token", "key"))) == []


def test_no_repr_gives_a_secret_away(tmp_path: Path) -> None:
    town_secrets = canaries(["271828"], ["aW50ZXJhY3Rpb24tdG9rZW4"], ["k" * 43 + "="])
    number, token = NUMBER, "aW50ZXJhY3Rpb24tdG9rZW4"
    town = Town(f"sqlite+aiosqlite:///{tmp_path}/x.db", secret_keys=("k" * 43 + "=",), discord_token=token)
    config = town.world.config(
        town.store_url, **town.changes, smtp=town.world.smtp_config(username="u", password=token)
    )
    now = town.clock()
    opened = OpenAnswer(token, now)
    address = f"{NATIONAL}@{GATEWAY}"
    words = f"{BODY} 271828 {NUMBER}"
    picture = Picture(words, "image/png", words.encode())
    phone_answer = PhoneAnswer(1, 2, 3, 4, 5, True, False, words, (picture,))
    things: list[object] = [
        config,
        config.smtp,
        opened,
        Request(1, 2, "alice", 3, True, False, 4, "Home", words, opened),
        Ask(1, "bob", number, 2, "us-verizon", None, True),
        Letter(address, words, "id", now, address),
        render("bot@example.org", Letter(address, words, "id", now)),
        Sendable(address, words, "id", 7),
        Reply(ReplyStep.RCPT, 550, f"5.1.1 <{address}> {words}"),
        Telling(1, words, opened, by_dm=True),
        Telling(1, words, None, by_dm=True, reply=phone_answer),
        phone_answer,
        shape(Telling(1, "", None, by_dm=True, reply=phone_answer)),
        Number(number, "US"),
        Claim(1, "bob", number, "US", "us-verizon", 0, GATEWAY, "national", "", 2, "1"),
        NewItem(1, 1, 2, 3, GATEWAY, 1, words, "id", now, now),
        Leased(1, 2, 1, GATEWAY, 5, 6, None, 3, 1, 2, 3, "id", 0, 0, 0, words.encode()),
        Phone(
            *(1, 1, 2, "US", "us-verizon", 0, GATEWAY, "national", "", "active", None, now),
            *(None, None, None, words.encode()),
        ),
    ]
    for thing in things:
        for shown in (repr(thing), str(thing), f"{thing}", repr([thing]), repr({"a": thing})):
            assert found(shown, town_secrets) == [], type(thing)
    assert found(repr(words), town_secrets) == ["number", "body", "code"]
    assert re.search(r"Request\(1\)", repr(things[3]))
