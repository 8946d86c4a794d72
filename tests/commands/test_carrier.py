"""/carrier: closed gateways with their way out, and what an edit does to the people who use an entry."""

import pytest

from bot.domain.words import CARRIER_CHANGED, REFUSAL
from bot.sandbox.world import ADMINISTRATOR
from tests.flow.town import CAROL, SENT, Town, codes

CLOSED = [
    ("us-att", "AT&T is marked retired since 2025-06-17", "txt.att.net"),
    ("us-t-mobile", "T-Mobile is marked failing since 2024-12", "tmomail.net"),
]


@pytest.mark.parametrize(("carrier", "since", "gateway"), CLOSED, ids=["att", "t-mobile"])
async def test_a_closed_gateway_is_refused_until_an_editor_enables_it(
    any_town: Town, carrier: str, since: str, gateway: str
) -> None:
    town = any_town
    refused = (await (await town.bob.slash(town.guild, "phone register", carrier=carrier)).settled()).content
    assert refused.startswith(since)
    assert refused.endswith(
        "Ask an admin for a service that takes texts by mail, or register a number of another carrier."
    )
    admins = await town.says(town.admin, "carrier enable", carrier=carrier)
    assert admins.startswith(since)
    assert admins.endswith("Only the bot's owner can enable it.")

    asked = await (
        await town.editor.slash(town.guild, "carrier enable", force=True, carrier=carrier)
    ).settled()
    assert "\nEvidence: " in asked.content
    assert "listed by 6 of 6 public lists" in asked.content
    assert "all the same?" in asked.content
    assert asked.buttons == ["Yes, do it"]
    await town.editor.press(asked, "Yes, do it")
    await asked.settled(
        lambda a: a.content.endswith("is on for everyone. People can use it with /phone register.")
    )
    assert asked.buttons == []

    await town.restart()
    opened = await town.bob.slash(town.guild, "phone register", carrier=carrier)
    assert opened.modal.texts[0].startswith(since)
    assert "An editor enabled it all the same; the code shows whether it works." in opened.modal.texts[0]
    sent = await town.bob.submit(opened.modal, {"number": CAROL, "consent": ["agreed"]})
    assert (await sent.settled()).content.startswith(SENT)
    phone = town.phone(CAROL, gateway)
    assert (await town.type_code(town.bob, await town.code_on(phone))).startswith("Your phone is registered.")
    answer = await town.text(town.alice, town.bob, "it works all the same")
    await answer.settled(lambda a: a.content.startswith("Handed"))
    assert phone.texts[-1] == town.first("@alice in Home\nit works all the same")

    # Switched off again, nothing goes.
    await town.says(town.editor, "carrier disable", carrier=carrier)
    assert (await town.text(town.alice, town.bob, "and now?")).content == REFUSAL


async def test_a_changed_domain_takes_the_proof_and_tells(town: Town) -> None:
    phone = await town.register(town.bob)
    said = await town.says(town.editor, "carrier edit", carrier="us-verizon", form="country")
    assert said.startswith("Changed Verizon. 1 person must prove their phone again, and will be told.")
    assert (await town.bob.dm()).content == CARRIER_CHANGED
    assert (await town.text(town.alice, town.bob, "hi")).content == REFUSAL
    assert "It takes no texts at the moment" in await town.says(town.bob, "phone show")
    await town.ask_for_code(town.bob)
    other = town.phone("12065550101")
    assert (await town.type_code(town.bob, await town.code_on(other))).startswith("Your phone is registered.")
    assert len(codes(phone)) == 1


async def test_a_name_alone_takes_nobodys_proof(town: Town) -> None:
    await town.register(town.bob)
    assert await town.says(town.editor, "carrier edit", carrier="us-verizon", name="Big Red") == (
        "Changed Big Red. /carrier show shows it."
    )
    assert (await town.text(town.alice, town.bob, "hi")).content.startswith("On its way")
    nothing = await town.says(town.editor, "carrier edit", carrier="us-verizon")
    assert nothing == "Say what to change: name, domain, form or status."


async def test_removing_counts_the_people_first(town: Town) -> None:
    await town.register(town.bob)
    asked = await town.editor.slash(town.guild, "carrier remove", force=True, carrier="us-verizon")
    assert (await asked.settled()).content == (
        "1 person on Verizon can't be texted after that. /carrier enable brings it back. Remove it?"
    )
    assert (await town.text(town.alice, town.bob, "still here")).content.startswith("On its way")
    await town.editor.press(asked, "Yes, do it")
    await asked.settled(lambda a: a.content.startswith("Removed Verizon."))
    told = (await town.bob.dm()).content
    assert told.startswith("The bot no longer sends texts through Verizon, so nobody can text your phone.")
    assert "Use /phone register with a number of another carrier" in told
    assert (await town.text(town.alice, town.bob, "gone")).content == REFUSAL


async def test_long_lists_stay_within_discords_bounds(town: Town) -> None:
    whole = await town.says(town.admin, "carrier list")
    assert len(whole) <= 2000
    assert "Narrow it with country, status or search." in whole
    for place in range(12):
        name = f"{'W' * 50} {place}"
        await town.says(town.admin, "carrier add", name=name, domain="vtext.com", country="CU")
    long = await town.says(town.admin, "carrier list", country="cu")
    assert len(long) <= 2000
    assert await town.says(town.admin, "carrier list", country="zz") == (
        "No carrier fits that. Leave out country, status or search to see more."
    )
    choices = await town.admin.autocomplete(town.guild, "carrier show", "carrier", "W" * 90)
    assert len(choices) <= 25
    for status in ("active", "unknown", "failing", "retired"):
        assert len(await town.says(town.admin, "carrier list", status=status)) <= 2000


async def test_a_template_is_never_a_domain(town: Town) -> None:
    for domain in (
        "{number}@evil.test",
        "ceo@victim.test",
        "127.0.0.1",
        "localhost",
        "vtext.com\r\nBcc: x@y.z",
    ):
        said = await town.says(town.editor, "carrier add", name="Odd", domain=domain)
        assert said.endswith("."), domain
        assert not said.startswith("Added"), domain
        assert "Put it on the list?" not in said, domain


async def test_a_name_does_for_the_entry_it_means(town: Town) -> None:
    disabled = await town.says(town.editor, "carrier disable", carrier="helio")
    assert disabled == "Helio is off for everyone. /carrier enable turns it on again."
    refused = await town.bob.slash(town.guild, "phone register", carrier="us-helio")
    assert (await refused.settled()).content.startswith("Helio is switched off here.")
    assert (await town.says(town.editor, "carrier edit", carrier="Helio", name="Sun")).startswith(
        "Changed Sun."
    )
    assert (await town.says(town.editor, "carrier show", carrier="us-helio")).startswith("**Sun**")
    asked = await (await town.editor.slash(town.guild, "carrier remove", force=True, carrier="sun")).settled()
    assert asked.content == "Nobody is registered with Sun. /carrier enable brings it back. Remove it?"
    await town.editor.press(asked, "Yes, do it")
    await asked.settled(lambda a: a.content == "Removed Sun. /carrier enable brings it back.")
    assert (await town.says(town.editor, "carrier show", carrier="us-helio")).startswith("Sun was removed")
    choices = await town.admin.autocomplete(town.guild, "carrier enable", "carrier", "sun")
    assert "us-helio" not in [choice.value for choice in choices]
    town.world.discord.join(town.guild, town.editor, ADMINISTRATOR)
    choices = await town.editor.autocomplete(town.guild, "carrier enable", "carrier", "sun")
    assert "us-helio" in [choice.value for choice in choices]
    assert (await town.says(town.editor, "carrier enable", carrier="sun")).startswith(
        "Sun is on for everyone."
    )
    assert (await town.says(town.admin, "carrier show", carrier="us-helio")).startswith("**Sun**")


async def test_an_entry_added_for_everyone_leaves_a_servers_own_alone(town: Town) -> None:
    await town.says(town.admin, "carrier add", name="Twin Mobile", domain="vtext.com")
    phone = await town.register(town.bob, carrier="Twin Mobile")
    world = town.world.discord
    world.join(town.other_guild, town.editor)
    added = await town.says(
        town.editor, "carrier add", guild=town.other_guild, name="Twin Mobile", domain="msg.fi.google.com"
    )
    assert added.startswith("Added Twin Mobile at msg.fi.google.com for everyone.")
    answer = await town.text(town.alice, town.bob, "still here")
    await answer.settled(lambda a: a.content.startswith("Handed"))
    assert phone.texts[-1] == town.first("@alice in Home\nstill here")


async def test_the_list_begins_at_home_with_phone_companies(town: Town) -> None:
    lines = (await town.says(town.admin, "carrier list")).splitlines()
    assert all(line.startswith("US ") for line in lines[:10])
    services = (await town.says(town.admin, "carrier list", search="clicksend")).splitlines()
    assert services
    assert all(line.startswith("Any country: ") for line in services)


async def test_help_names_the_owner_where_no_contact_for_abuse_is_set(town: Town) -> None:
    said = await town.says(town.alice, "help")
    assert said.endswith(f"To report abuse, write to the bot's owner <@{town.editor.id}>.")
