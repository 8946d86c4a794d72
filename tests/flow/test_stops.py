"""STOP from a phone acts at once: for good where it is surely the phone's, else until its owner lifts it."""

from datetime import timedelta

import pytest

from bot.domain.envelope import Envelope
from bot.domain.inbound import Arrived, Belonging, Bounce, Kind, Reading, Trust
from bot.domain.stopping import HALTED, STARTED, STOP_WORDS, help_words
from bot.domain.words import REFUSAL
from bot.sandbox.answer import Answer
from bot.sandbox.smtp_script import Step, stall
from bot.services.arrivals import Acted
from tests.conftest import telling
from tests.flow.post import arrives, take
from tests.flow.town import BOB, CODE, GATEWAY, SENT, Town, codes

PROVEN = [Trust.ADDRESSED, Trust.MAIL_ID, Trust.PROVEN]
HELP = help_words("ops@example.org")


async def texted(town: Town) -> Answer:
    await town.register(town.bob)
    text = await town.text(town.alice, town.bob, "hello")
    return await text.settled(lambda a: a.content.startswith("Handed"))


async def answer_to_a_code(town: Town, number: str, shows: str = "") -> Arrived:
    """Write a STOP from the phone that a code went to, nobody's yet; it may show another number."""
    async with town.store() as store:
        went_to = store.vault.number_index(f"+1{number}")
    belonging = Belonging(Trust.ADDRESSED, 0, code_index=went_to)
    return Arrived(Envelope(), Reading(Kind.STOP, number=shows or number), belonging)


async def refused(town: Town) -> bool:
    return (await town.text(town.alice, town.bob, "again")).content == REFUSAL


@pytest.mark.parametrize("trust", telling(PROVEN, 1))
async def test_a_stop_from_the_phone_ends_it_and_a_start_takes_it_back(town: Town, trust: Trust) -> None:
    text = await texted(town)
    assert await arrives(town, Kind.STOP, town.bob, text, trust=trust) is Acted.STOP
    told = await town.bob.dm()
    assert told.content.startswith("STOP came from your phone, so nobody can text it any more.")
    await town.phone().text(lambda shown: shown == STOP_WORDS)
    assert await refused(town)
    assert "Text START from it" in await town.says(town.bob, "phone resume")
    assert "STOP came from your phone" in await town.says(town.bob, "phone show")
    assert await refused(town)
    assert await arrives(town, Kind.START, town.bob, text, trust=trust) is Acted.START
    await town.bob.dm(lambda post: post.content == STARTED)
    assert not await refused(town)


async def test_a_stop_that_may_be_forged_pauses_and_its_owner_lifts_it_in_discord(town: Town) -> None:
    text = await texted(town)
    assert await arrives(town, Kind.STOP, town.bob, text, trust=Trust.UNPROVEN) is Acted.STOP
    assert (await town.bob.dm()).content == HALTED
    assert await refused(town)
    assert HALTED in await town.says(town.bob, "phone show")
    # What may be forged cannot turn texts on either, and nothing goes to the phone.
    assert await arrives(town, Kind.START, town.bob, text, trust=Trust.UNPROVEN) is Acted.IGNORED
    assert await refused(town)
    assert await town.says(town.bob, "phone resume") == "Your phone takes texts again."
    assert not await refused(town)
    assert STOP_WORDS not in town.phone().texts


async def test_a_stop_cancels_what_waits_while_the_carrier_stalls(town: Town) -> None:
    text = await texted(town)
    town.world.carriers.tell(stall(Step.BODY, f"{BOB}@{GATEWAY}", times=1))
    on_the_wire = await town.text(town.alice, town.bob, "on the wire")
    waiting = [await town.text(town.alice, town.bob, f"not any more {n}") for n in range(2)]
    await arrives(town, Kind.STOP, town.bob, text)
    town.world.carriers.release()
    await on_the_wire.settled(lambda a: not a.content.startswith("On its way"))
    await town.jump(timedelta(minutes=1))
    for answer in waiting:
        await answer.settled(lambda a: a.content == REFUSAL)
    assert [mail for mail in town.world.carriers.mails if b"any more" in mail.content] == []


async def test_a_stop_outlives_the_registration_and_one_code_a_day_is_the_way_back(town: Town) -> None:
    text = await texted(town)
    await arrives(town, Kind.STOP, town.bob, text)
    phone = town.phone()
    await phone.text(lambda shown: shown == STOP_WORDS)
    await town.says(town.bob, "phone remove")
    # Carol hears the same as with a free number, and no code goes.
    assert (await town.ask_for_code(town.carol)).content.startswith(SENT)
    assert len(codes(phone)) == 1
    town.clock.jump(timedelta(hours=25))
    assert (await town.ask_for_code(town.bob)).content.startswith(SENT)
    code = await town.code_on(phone, 2)
    assert (await town.ask_for_code(town.carol)).content.startswith(SENT)
    assert (await town.type_code(town.bob, code)).startswith("Your phone is registered.")
    assert not await refused(town)
    assert len(codes(phone)) == 2


async def test_a_stop_that_answers_a_code_suppresses_that_number_not_the_asker_s(town: Town) -> None:
    await town.register(town.bob)
    await town.ask_for_code(town.bob, "2065550144")
    victim = town.phone("2065550144")
    await town.code_on(victim)
    assert await take(town, await answer_to_a_code(town, "2065550144")) is Acted.STOP
    assert not await refused(town)
    await town.ask_for_code(town.carol, "2065550144")
    assert "No code is waiting" in await town.type_code(town.bob, "123456")
    assert len(codes(victim)) == 1


async def test_who_never_registered_ends_the_codes_that_somebody_asks_for(town: Town) -> None:
    await town.ask_for_code(town.carol)
    victim = town.phone()
    await town.code_on(victim)
    town.clock.jump(timedelta(hours=1))  # the code has run out, and what is kept of it is gone
    assert await take(town, await answer_to_a_code(town, BOB)) is Acted.STOP
    for person in (town.carol, town.dave):
        assert (await town.ask_for_code(person)).content.startswith(SENT)
    assert await town.says(town.founder, "phone show")
    assert len(codes(victim)) == 1


async def test_help_is_answered_once_a_day(town: Town) -> None:
    text = await texted(town)
    assert await arrives(town, Kind.HELP, town.bob, text) is Acted.HELP
    phone = town.phone()
    await phone.text(lambda shown: shown == HELP)
    assert await arrives(town, Kind.HELP, town.bob, text) is Acted.IGNORED
    town.clock.jump(timedelta(hours=25))
    assert await arrives(town, Kind.HELP, town.bob, text) is Acted.HELP
    await town.text(town.alice, town.bob, "last")
    await phone.text(lambda shown: shown.endswith("last"))
    assert phone.texts.count(HELP) == 2
    assert CODE.fullmatch(HELP) is None


@pytest.mark.parametrize(
    "envelope",
    telling(
        [Envelope(null_sender=True), Envelope(auto_submitted="auto-replied"), Envelope(machine_made=True)], 1
    ),
)
async def test_a_machine_is_never_answered(town: Town, envelope: Envelope) -> None:
    text = await texted(town)
    belonging = Belonging(Trust.ADDRESSED, town.bob.id, text.interaction.id)
    assert await take(town, Arrived(envelope, Reading(Kind.HELP), belonging)) is Acted.IGNORED
    assert await take(town, Arrived(envelope, Reading(Kind.AUTO, "away"), belonging)) is Acted.IGNORED
    assert await take(town, Arrived(envelope, Reading(Kind.STOP), belonging)) is Acted.STOP
    await town.bob.dm(lambda post: post.content.startswith("STOP came"))
    assert await refused(town)
    assert len(town.phone().texts) == 2
    assert town.alice.dms == []


async def test_what_comes_back_of_our_own_answer_is_not_answered(town: Town) -> None:
    text = await texted(town)
    await arrives(town, Kind.HELP, town.bob, text)
    await town.phone().text(lambda shown: shown == HELP)
    came_back = Reading(Kind.BOUNCE, bounce=Bounce.HARD, status="5.1.1", reason="unknown")
    for envelope in (Envelope(null_sender=True), Envelope()):
        arrived = Arrived(envelope, came_back, Belonging(Trust.MAIL_ID, town.bob.id))
        assert await take(town, arrived) is Acted.IGNORED
    assert not await refused(town)
    assert town.bob.dms == []


async def test_nobody_is_answered_whom_nothing_proves(town: Town) -> None:
    text = await texted(town)
    assert await arrives(town, Kind.HELP, town.bob, text, trust=Trust.UNPROVEN) is Acted.IGNORED


async def test_a_stop_with_the_asker_s_own_token_ends_nobody_else_s_code(town: Town) -> None:
    await town.ask_for_code(town.carol, "2065550144")
    await town.code_on(town.phone("2065550144"))
    await town.ask_for_code(town.bob)
    code = await town.code_on(town.phone())
    await take(town, await answer_to_a_code(town, "2065550144", shows=BOB))
    assert (await town.type_code(town.bob, code)).startswith("Your phone is registered.")
    # Carol's own code, which the token went with, is what it ended.
    assert "No code is waiting" in await town.type_code(town.carol, "123456")
