"""Hostile strings in every field a person can fill: one clean mail leaves, or a sentence comes back."""

import asyncio
import dataclasses
import re
from collections.abc import Awaitable, Iterable
from typing import Any

import pytest
from sqlalchemy import select

from bot.db import listing, people
from bot.db.tables import OutboxItem
from bot.domain.allowance import has_link
from bot.domain.consent import EVERYONE
from bot.domain.plain import plain, visible
from bot.domain.words import NO_LINKS
from bot.sandbox.answer import Answer
from bot.sandbox.member import Person
from bot.sandbox.phones import shown
from bot.sandbox.smtp_talk import Mail
from bot.sandbox.world import Guild, utc_now
from tests.conftest import Size
from tests.flow.hostile import hostile_strings
from tests.flow.town import Town
from tests.flow.wire import problems

AT_ONCE = 8
PATIENCE_S = 30.0
LEAST_ARRIVING = 0.95
HEAD = re.compile(r"@[^\s:]+ in \S[^\n:]*")
RECIPIENTS = 8
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b-\u200f]")


async def in_batches(acts: Iterable[Awaitable[Any]]) -> list[Any]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(act: Awaitable[Any]) -> Any:
        async with gate:
            return await act

    return await asyncio.gather(*(one(act) for act in acts))


def test_the_wire_check_finds_what_is_planted() -> None:
    good = Mail(
        "textbridge@sandbox.invalid",
        ("2065550101@vtext.com",),
        b"",
        b"",
        (b"MAIL FROM:<x>\r\n", b"RCPT TO:<y>\r\n", b"DATA\r\n"),
        utc_now(),
    )
    text = (
        b"From: <textbridge@sandbox.invalid>\r\nTo: <2065550101@vtext.com>\r\nSubject: \r\n"
        b"Date: Sun, 22 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@sandbox.invalid>\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: quoted-printable\r\n"
        b"\r\nhi\r\n"
    )

    def found(content: bytes, **changes: Any) -> list[str]:
        return problems(dataclasses.replace(good, content=content, wire=content + b".\r\n", **changes))

    assert found(text) == []
    assert "a bare CR, LF or NUL" in found(text + b"a\nb\r\n")
    assert "a bare CR, LF or NUL" in found(text + b"a\rb\r\n")
    assert "a bare CR, LF or NUL" in found(text + b"a\0b\r\n")
    assert "an unstuffed dot" in found(text + b".\r\nMAIL FROM:<x>\r\n")
    assert "other headers" in found(text.replace(b"Subject", b"Bcc: x@y.test\r\nSubject"))
    assert "other addresses" in found(text.replace(b".com>", b".com>, x@y.test"))
    assert "a second recipient" in found(text, commands=(*good.commands, b"RCPT TO:<z>\r\n"))
    assert "an odd address" in found(text, recipients=("x@y.test",))


@dataclasses.dataclass(slots=True)
class Try:
    """One /text whose words, sender's names and server are all hostile."""

    words: str
    handle: str
    guild: Guild
    sender: Person
    recipient: Person
    answer: Answer | None = None


def people_and_places(town: Town, strings: list[str]) -> list[Try]:
    """Put each string once into every field; Discord itself holds names to these lengths."""
    tries = []
    third = len(strings) // 3
    for place, words in enumerate(strings):
        handle = strings[place - third][:32]
        sender = town.world.discord.person(handle, global_name=strings[place - third - 1][:32])
        name = strings[place - 2 * third][:100]
        recipient = town.world.discord.person(f"recipient_{place % RECIPIENTS}")
        guild = town.world.discord.guild(name, sender, recipient)
        guild.members[sender.id].nick = words[:32]
        tries.append(Try(words, handle, guild, sender, recipient))
    return tries


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_texts_names_and_servers(store_url: str, size: Size) -> None:
    town = Town(store_url, limits=None, gateway_rate=0)
    tries = people_and_places(town, hostile_strings(size.pick(1000, plain=70)))
    async with town:
        for place in range(RECIPIENTS):
            await town.register(tries[place].recipient, f"20655501{place:02}", guild=tries[place].guild)
        async with town.store() as store, store.write() as session:
            for each in tries:
                await people.allow(session, each.recipient.id, each.guild.id, EVERYONE, town.clock())
            # Not their first texts: those end with words of ours.
            await listing.introduce(session, {(each.recipient.id, each.sender.id, 0) for each in tries})

        async def send(each: Try) -> None:
            each.answer = await town.text(each.sender, each.recipient, each.words, each.guild)
            await each.answer.settled(
                lambda a: not a.content.startswith("On its way"), timeout_s=2 * PATIENCE_S
            )

        await in_batches(send(each) for each in tries)
        arrived = await mails_by_text(town)
        expect_clean_mails(town)
        expect_first_lines(tries, arrived)
        expect_words(tries, arrived)


async def mails_by_text(town: Town) -> dict[int, list[str]]:
    """Find what the phone showed of each text, part by part."""
    async with town.store() as store, store.read() as session:
        rows = (await session.execute(select(OutboxItem.mail_id, OutboxItem.text_id))).all()
    texts = {mail_id: text_id for mail_id, text_id in rows if text_id is not None}
    found: dict[int, list[str]] = {}
    for mail in town.world.carriers.mails:
        mail_id = re.findall(rb"Message-ID: <([0-9a-f]+)@", mail.content)[0].decode()
        if mail_id in texts:
            found.setdefault(texts[mail_id], []).append(shown(mail.content))
    return found


def expect_clean_mails(town: Town) -> None:
    wrong = [(problems(mail), mail.content) for mail in town.world.carriers.mails if problems(mail)]
    assert wrong == []
    expected = {f"20655501{place:02}@vtext.com" for place in range(RECIPIENTS)}
    assert {mail.recipient for mail in town.world.carriers.mails} == expected
    assert len(town.world.carriers.mails) > 50


def expect_first_lines(tries: list[Try], arrived: dict[int, list[str]]) -> None:
    for each in tries:
        assert each.answer is not None
        for part in arrived.get(each.answer.interaction.id, []):
            head, _, words = part.partition("\n")
            assert HEAD.fullmatch(head), (head, each)
            assert not CONTROL.search(head), (head, each)
            assert words, (part, each)
            if re.fullmatch(r"[a-z0-9_.]+", each.handle):
                assert head.startswith(f"@{each.handle} in "), (head, each)


def expect_words(tries: list[Try], arrived: dict[int, list[str]]) -> None:
    seen = [each for each in tries if visible(each.words)]
    missing = []
    for each in seen:
        assert each.answer is not None
        parts = arrived.get(each.answer.interaction.id, [])
        words = "".join(part.partition("\n")[2] for part in parts)
        if has_link(plain(each.words, {})):
            assert each.answer.content == NO_LINKS
        elif visible(words) != visible(each.words):
            missing.append((each.words, words, each.answer.content))
    assert len(missing) <= len(seen) * (1 - LEAST_ARRIVING), missing
    for each in tries:
        if not visible(each.words):
            assert each.answer is not None
            assert each.answer.content.startswith("There is nothing to send;"), each.words


def expect_a_sentence(answer: Answer) -> None:
    assert answer.has_modal or answer.content
    assert "went wrong" not in answer.content


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.ci
async def test_numbers_and_carriers(store_url: str, size: Size) -> None:
    async with Town(store_url, limits=None, gateway_rate=0) as town:

        async def one(words: str) -> None:
            admin, editor = town.admin, town.editor
            asked = await town.bob.slash(town.guild, "phone register", carrier="us-verizon")
            filled = {"number": words[:64], "consent": ["agreed"]}
            sent = await town.bob.submit(asked.modal, filled, force=True)
            expect_a_sentence(await sent.settled(timeout_s=PATIENCE_S))
            for person, command, options in (
                (town.bob, "phone register", {"carrier": words}),
                (admin, "carrier add", {"name": words, "domain": "vtext.com"}),
                (editor, "carrier edit", {"carrier": "us-helio", "name": words, "domain": words}),
                (admin, "carrier list", {"search": words, "country": words[:3]}),
                (admin, "carrier remove", {"carrier": words}),
            ):
                answer = await person.slash(town.guild, command, force=True, **options)
                expect_a_sentence(await answer.settled(timeout_s=PATIENCE_S))
            choices = await town.bob.autocomplete(town.guild, "phone register", "carrier", words)
            assert len(choices) <= 25

        await in_batches(one(words) for words in hostile_strings(size.pick(1000, plain=40), seed=4))
        for mail in town.world.carriers.mails:
            assert problems(mail) == []
            assert mail.recipient.endswith("@vtext.com")
        assert (await town.says(town.editor, "carrier show", carrier="us-helio")).startswith("**")
        await town.register(town.carol, "2065550102")
