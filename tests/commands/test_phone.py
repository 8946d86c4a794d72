"""/phone: what a person sees of their own registration, and what it changes."""

import re

import pytest

from bot.domain.words import REFUSAL
from tests.flow.town import BOB, CARRIER, REGISTERED, Town

NO_PHONE = "You have no phone registered. Use /phone register to add one."


async def test_show_masks_the_number(town: Town) -> None:
    assert await town.says(town.bob, "phone show") == NO_PHONE
    await town.ask_for_code(town.bob)
    assert await town.says(town.bob, "phone show") == (
        "A code is on its way to your phone. Type it with /phone verify."
    )
    await town.type_code(town.bob, await town.code_on(town.phone()))
    shown = await town.says(town.bob, "phone show")
    assert shown.startswith("Your phone: +1***0101, Verizon.\n")
    assert "Members of 1 server may text you." in shown
    assert BOB not in shown


async def test_pause_and_resume(town: Town) -> None:
    assert await town.says(town.bob, "phone pause") == NO_PHONE
    assert await town.says(town.bob, "phone resume") == NO_PHONE
    await town.register(town.bob)
    assert re.fullmatch(
        r"Paused until <t:\d+:f>\. /phone resume turns texts on again\.",
        await town.says(town.bob, "phone pause", hours=5),
    )
    assert (await town.text(town.alice, town.bob, "hi")).content == REFUSAL
    assert await town.says(town.bob, "phone resume") == "Your phone takes texts again."
    assert (await town.text(town.alice, town.bob, "hi")).content.startswith("On its way")
    assert (await town.says(town.bob, "phone pause")).startswith("Paused until you resume.")
    assert "Texts are paused until you resume." in await town.says(town.bob, "phone show")


@pytest.mark.parametrize("hours", [0, -1, 24 * 365 + 1, 2**53 - 1])
async def test_a_pause_of_nonsense_is_refused(town: Town, hours: int) -> None:
    await town.register(town.bob)
    assert await town.says(town.bob, "phone pause", hours=hours) == (
        "Pause for at least 1 hour and at most a year, or leave the hours out."
    )
    assert (await town.text(town.alice, town.bob, "hi")).content.startswith("On its way")


async def test_block_and_unblock(town: Town) -> None:
    await town.register(town.bob)
    said = await town.says(town.bob, "phone block", user=town.alice)
    assert said == (f"{town.alice.mention} can't text you any more, and isn't told. /phone unblock lifts it.")
    assert await town.says(town.bob, "phone block", user=town.alice) == said
    assert (await town.text(town.alice, town.bob, "hi")).content == REFUSAL
    assert (await town.text(town.dave, town.bob, "hi")).content.startswith("On its way")
    lifted = await town.says(town.bob, "phone unblock", user=town.alice)
    assert lifted == f"{town.alice.mention} can text you again."
    again = await town.says(town.bob, "phone unblock", user=town.alice)
    assert again == f"{town.alice.mention} wasn't blocked."
    assert (await town.says(town.bob, "phone block", user=town.bob)).startswith("You can't block yourself.")
    # Also somebody who has left, or never was here.
    assert "can't text you any more" in await town.says(town.bob, "phone block", user=town.outsider)


async def test_allow_opens_and_closes_a_server(town: Town) -> None:
    assert await town.says(town.bob, "phone allow") == NO_PHONE
    await town.register(town.bob)
    assert (await town.text(town.alice, town.bob, "hi", town.other_guild)).content == REFUSAL
    assert await town.says(town.bob, "phone allow", guild=town.other_guild) == (
        "Everyone in this server who may send texts can now text you."
    )
    there = await town.text(town.alice, town.bob, "hi", town.other_guild)
    await there.settled(lambda a: a.content.startswith("Handed"))
    assert town.phone().texts[-1] == town.first("@alice in Other place\nhi")
    assert await town.says(town.bob, "phone allow", who="nobody") == (
        "Nobody in this server can text you now. /phone allow changes it back."
    )
    assert (await town.text(town.alice, town.bob, "hi")).content == REFUSAL
    assert "Members of 1 server may text you." in await town.says(town.bob, "phone show")


async def test_remove_takes_everything(town: Town) -> None:
    await town.register(town.bob)
    await town.says(town.bob, "phone block", user=town.dave)
    said = await town.says(town.bob, "phone remove")
    assert said.startswith("Removed: your number, your carrier,")
    assert await town.says(town.bob, "phone remove") == NO_PHONE
    assert await town.says(town.bob, "phone show") == NO_PHONE
    await town.register(town.bob)
    assert (await town.text(town.dave, town.bob, "hi")).content.startswith("On its way")


async def test_sent_lists_the_last_twenty_without_words(town: Town) -> None:
    assert await town.says(town.alice, "phone sent") == "You have sent no texts yet. Use /text in a server."
    await town.register(town.bob)
    for number in range(3):
        answer = await town.text(town.alice, town.bob, f"secret {number}")
        await answer.settled(lambda a: a.content.startswith("Handed"))
    said = (await town.says(town.alice, "phone sent")).splitlines()
    assert len(said) == 3
    for line in said:
        assert re.fullmatch(rf"<t:\d+:R> to {town.bob.mention}: taken by the carrier", line)


async def test_somebody_elses_sent_texts_are_not_shown(town: Town) -> None:
    await town.register(town.bob)
    await town.text(town.alice, town.bob, "hi")
    for person in (town.bob, town.dave, town.admin, town.editor):
        assert await town.says(person, "phone sent") == "You have sent no texts yet. Use /text in a server."


async def test_register_again_moves_to_the_new_number(town: Town) -> None:
    await town.register(town.bob)
    await town.register(town.bob, "2065550109")
    answer = await town.text(town.alice, town.bob, "new phone")
    await answer.settled(lambda a: a.content.startswith("Handed"))
    assert len(town.phone().texts) == 1
    assert town.phone("2065550109").texts[-1] == town.first("@alice in Home\nnew phone")


async def test_the_person_picks_the_form_where_nobody_knows_it(town: Town) -> None:
    asked = await town.bob.slash(town.guild, "phone register", carrier="de-t-mobile")
    field = asked.modal.field("form")
    assert field.values == ["trunk", "country"]
    values = {"number": "+49 1512 3456789", "consent": ["agreed"], "form": ["country"]}
    await (await town.bob.submit(asked.modal, values)).settled()
    mail = await town.world.carriers.mail()
    assert mail.recipient == "4915123456789@t-mobile-sms.de"


async def test_an_unknown_carrier_is_named_so(town: Town) -> None:
    for typed in ("nonsense", "US-VERIZON ", "../../etc", "'; drop table", "\u202e", "x" * 5000):
        asked = await (await town.bob.slash(town.guild, "phone register", carrier=typed)).settled()
        assert asked.has_modal or asked.content.startswith("There is no such carrier here,"), typed
    assert CARRIER


async def test_help_says_whom_to_write_to(town: Town) -> None:
    said = await town.says(town.bob, "help")
    assert "To report abuse, write to" in said
    assert REGISTERED not in said
