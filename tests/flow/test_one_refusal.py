"""One refusal: nobody learns from an answer who is registered (dangers.md T13)."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.consent import NOBODY
from bot.domain.inbound import Kind, Trust
from bot.domain.limits import Limits, Rate
from bot.domain.returned import RETURNED
from bot.domain.words import REFUSAL
from bot.sandbox.member import Person
from bot.services.arrivals import Acted
from tests.flow.post import arrives, comes_back
from tests.flow.town import Town

SHOWN = {"content": REFUSAL, "components": [], "tts": False, "allowed_mentions": {"parse": []}}
FI, FI_GATEWAY = "us-google-fi", "msg.fi.google.com"
Case = Callable[[Town, Person, str], Awaitable[object]]


async def stranger(town: Town, person: Person, number: str) -> None:
    assert number


async def blocked(town: Town, person: Person, number: str) -> None:
    await town.register(person, number)
    await town.says(person, "phone block", user=town.alice)


async def paused(town: Town, person: Person, number: str) -> None:
    await town.register(person, number)
    await town.says(person, "phone pause", hours=5)


async def not_verified(town: Town, person: Person, number: str) -> None:
    await town.ask_for_code(person, number)
    await town.code_on(town.phone(number))


async def closed_here(town: Town, person: Person, number: str) -> None:
    await town.register(person, number)
    await town.says(person, "phone allow", who=NOBODY)


async def elsewhere_only(town: Town, person: Person, number: str) -> None:
    town.world.discord.join(town.other_guild, person)
    await town.register(person, number, guild=town.other_guild)


async def unregistered_outsider(town: Town, person: Person, number: str) -> None:
    town.world.discord.leave(town.guild, person)


async def registered_outsider(town: Town, person: Person, number: str) -> None:
    await town.register(person, number)
    town.world.discord.leave(town.guild, person)


async def removed(town: Town, person: Person, number: str) -> None:
    await town.register(person, number)
    await town.says(person, "phone remove")


async def evicted(town: Town, person: Person, number: str) -> None:
    await town.register(person, number)
    await town.register(town.carol, number)
    await person.dm()


async def carrier_changed(town: Town, person: Person, number: str) -> None:
    await town.register(person, number, FI, FI_GATEWAY)
    await town.says(town.editor, "carrier edit", carrier=FI, form="plus")
    await person.dm()
    await town.says(town.editor, "carrier edit", carrier=FI, form="national")


async def carrier_off(town: Town, person: Person, number: str) -> None:
    await town.register(person, number, FI, FI_GATEWAY)
    await town.says(town.editor, "carrier disable", carrier=FI)


async def carrier_retired(town: Town, person: Person, number: str) -> None:
    await town.says(town.editor, "carrier enable", carrier=FI)
    await town.register(person, number, FI, FI_GATEWAY)
    await town.says(town.editor, "carrier edit", carrier=FI, status="retired")


async def carrier_removed(town: Town, person: Person, number: str) -> None:
    await town.register(person, number, "us-c-spire-wireless", "cspire1.com")
    asked = await town.editor.slash(town.guild, "carrier remove", force=True, carrier="us-c-spire-wireless")
    await town.editor.press(await asked.settled(), "Yes, do it")
    await asked.settled(lambda a: a.content.startswith("Removed"))
    await person.dm()


async def suspended_at_the_end(town: Town, person: Person, number: str) -> None:
    await town.register(person, number)
    await town.jump(datetime(2027, 4, 1, tzinfo=UTC) - town.clock())
    told = await person.dm(lambda post: "your registration is suspended" in post.content)
    assert told.content.startswith("Verizon's e-mail gateway closed on 2027-03-31")


async def not_listed(town: Town, person: Person, number: str) -> None:
    await town.register(person, number)
    await town.says(person, "phone allow", who="listed")


async def blocked_in_quiet_hours(town: Town, person: Person, number: str) -> None:
    await blocked(town, person, number)
    await town.says(person, "phone quiet", start="0:00", end="23:59", timezone="UTC")


async def said_stop(town: Town, person: Person, number: str) -> None:
    await town.register(person, number)
    assert await arrives(town, Kind.STOP, person, None) is Acted.STOP


async def stop_that_may_be_forged(town: Town, person: Person, number: str) -> None:
    await town.register(person, number)
    assert await arrives(town, Kind.STOP, person, None, trust=Trust.UNPROVEN) is Acted.STOP


async def suspended_by_bounces(town: Town, person: Person, number: str) -> None:
    await town.register(person, number)
    for words in ("one", "two"):
        text = await town.text(town.dave, person, words)
        await text.settled(lambda a: a.content.startswith("Handed"))
        assert await comes_back(town, person, text) is Acted.BOUNCE
        await town.jump(timedelta(days=1))
    await person.dm(lambda post: post.content == RETURNED)


CASES: tuple[Case, ...] = (
    stranger, blocked, not_listed, blocked_in_quiet_hours, paused, not_verified, closed_here, elsewhere_only,
    unregistered_outsider, registered_outsider, removed, evicted, carrier_changed, carrier_off,
    carrier_retired, carrier_removed, said_stop, stop_that_may_be_forged, suspended_by_bounces,
    suspended_at_the_end,
)  # fmt: skip


async def test_every_reason_reads_the_same(town: Town) -> None:
    control = await town.register(town.bob, "2065550199")
    for place, case in enumerate(CASES):
        person = town.world.discord.person(f"person_{place}")
        town.world.discord.join(town.guild, person)
        if place == len(CASES) // 2:
            await town.jump(timedelta(hours=1))  # so that the sender's own limit is not reached
        await case(town, person, f"20655501{place + 10}")
        assert (await town.text(town.alice, person, "are you there?")).content == REFUSAL, case.__name__
        await expect_the_refusal(town, person)
    assert len(control.texts) == 1
    texts = [mail for mail in town.world.carriers.mails if b"are you there?" in mail.content]
    assert texts == []


async def expect_the_refusal(town: Town, person: Person) -> None:
    answer = await town.text(town.alice, person, "are you there?")
    assert answer.content.encode() == REFUSAL.encode()
    # Not only the words: what the bot asked of Discord is the same, so nothing else can differ.
    token = answer.interaction.token
    said = [each for each in town.world.discord.gate.exchanges if token in each.path]
    assert [(each.method, each.request_body) for each in said] == [
        ("POST", {"type": 5, "data": {"flags": 64}}),
        ("PATCH", SHOWN),
    ]
    for name in (person.username, str(person.id), person.mention):
        assert name not in answer.content
    assert answer.followups == []


@pytest.mark.parametrize("case", [stranger, blocked, paused], ids=lambda case: case.__name__)
async def test_attempts_on_one_person_are_counted_whoever_it_is(store_url: str, case: Case) -> None:
    limits = Limits(pair=Rate(3, timedelta(hours=1)))
    async with Town(store_url, limits=limits) as town:
        await case(town, town.bob, "2065550101")
        said = [(await town.text(town.alice, town.bob, "hello?")).content for _ in range(4)]
        assert said[:3] == [REFUSAL] * 3
        assert said[3].startswith(
            "You've tried to text this person often enough for now. The next one can go"
        )


async def test_oneself_and_bots_have_their_own_words(town: Town) -> None:
    assert (
        await town.text(town.alice, town.alice, "me")
    ).content == "That's you. Pick somebody else to text."
    bot = await town.text(town.alice, town.world.discord.bot, "you")
    assert bot.content == "That's a bot; bots have no phone. Pick a person to text."
