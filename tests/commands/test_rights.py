"""Who may run what: checked in code, whatever Discord shows or hides (dangers.md T17)."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot.sandbox.member import Person
from bot.sandbox.options import Upload
from bot.sandbox.watch import SandboxError
from bot.sandbox.world import ADMINISTRATOR, Json
from tests.flow.town import CAROL, Town

NOT_ADMIN = "Only members with Manage Server, or the bot's owner, can use /carrier."
SERVER_ONLY = "This works in a server only. Type it in a server."
SHARED = "Verizon is shared by all servers, so only the bot's owner can change it."
# Every command with options that make sense; the test fails where a command of the tree is missing here.
COMMANDS: dict[str, Callable[[Town], dict[str, Any]]] = {
    "text": lambda town: {"user": town.carol, "message": "hello"},
    "help": lambda town: {},
    "phone register": lambda town: {"carrier": "us-verizon"},
    "phone verify": lambda town: {},
    "phone show": lambda town: {},
    "phone sent": lambda town: {},
    "phone remove": lambda town: {},
    "phone pause": lambda town: {"hours": 3},
    "phone resume": lambda town: {},
    "phone allow": lambda town: {"who": "everyone"},
    "phone quiet": lambda town: {"start": "22:00", "end": "7:00", "timezone": "Europe/Berlin"},
    "phone recent": lambda town: {},
    "phone block": lambda town: {"user": town.carol},
    "phone unblock": lambda town: {"user": town.carol},
    "privacy show": lambda town: {},
    "privacy export": lambda town: {},
    "privacy erase": lambda town: {},
    "carrier list": lambda town: {"country": "US"},
    "carrier show": lambda town: {"carrier": "us-verizon"},
    "carrier add": lambda town: {"name": "Home Mobile", "domain": "vtext.com"},
    "carrier edit": lambda town: {"carrier": "us-verizon", "name": "Verizon"},
    "carrier disable": lambda town: {"carrier": "us-helio"},
    "carrier enable": lambda town: {"carrier": "us-helio"},
    "carrier remove": lambda town: {"carrier": "us-ntelos"},
    "carrier test": lambda town: {"carrier": "us-verizon"},
    "carrier import": lambda town: {"file": Upload("carriers.csv", b"slug,name\nus-verizon,Verizon\n")},
    "carrier export": lambda town: {},
    "bridge settings": lambda town: {},
    "bridge health": lambda town: {},
    "bridge queue": lambda town: {},
    "bridge block": lambda town: {"user": town.carol},
    "bridge unblock": lambda town: {"user": town.carol},
    "bridge pause": lambda town: {"hours": 3},
    "bridge resume": lambda town: {},
    "bridge audit": lambda town: {},
}
FOR_ADMINS = [name for name in COMMANDS if name.startswith(("carrier", "bridge"))]
NOT_GUILD_ADMIN = "Only members with Manage Server can use /bridge."


def refusal(name: str) -> str:
    return NOT_ADMIN if name.startswith("carrier") else NOT_GUILD_ADMIN


def leaves(commands: list[Json], path: str = "") -> Iterator[str]:
    for each in commands:
        below = [inner for inner in each.get("options") or [] if inner["type"] in (1, 2)]
        name = f"{path}{each['name']}"
        if below:
            yield from leaves(below, f"{name} ")
        else:
            yield name


def registered(town: Town) -> list[Json]:
    return [each for each in town.world.discord.world.commands_of([None]) if each.get("type", 1) == 1]


async def answered(town: Town, person: Person, name: str, /, **changes: Any) -> str:
    answer = await person.slash(town.guild, name, force=True, **COMMANDS[name](town) | changes)
    await answer.settled()
    return f"modal {answer.modal.title}" if answer.has_modal else answer.content


async def test_no_command_is_left_out(town: Town) -> None:
    assert sorted(leaves(registered(town))) == sorted(COMMANDS)


async def test_members_use_everything_but_the_carrier_list(town: Town) -> None:
    for name in COMMANDS:
        said = await answered(town, town.dave, name)
        if name in FOR_ADMINS:
            assert said == refusal(name), name
        else:
            assert said not in (NOT_ADMIN, NOT_GUILD_ADMIN), name
    assert not town.dave.can_see(town.guild, "carrier")
    assert town.dave.can_see(town.guild, "phone")


async def test_an_outsider_cannot_press_into_a_server(town: Town) -> None:
    for name in COMMANDS:
        with pytest.raises(SandboxError, match="is not in Home"):
            await town.outsider.slash(town.guild, name, force=True, **COMMANDS[name](town))


async def test_admins_change_what_their_server_has_and_nothing_shared(town: Town) -> None:
    await town.register(town.carol, CAROL, "us-google-fi", "msg.fi.google.com")
    for admin in (town.admin, with_administrator(town)):
        assert admin.can_see(town.guild, "carrier")
        assert "Verizon (vtext.com)" in await answered(town, admin, "carrier list", search="verizon")
        assert (await answered(town, admin, "carrier show")).startswith("**Verizon**")
        for name in ("carrier edit", "carrier remove"):
            said = await answered(town, admin, name, carrier="us-verizon")
            assert said.startswith(SHARED), name
        assert (await answered(town, admin, "carrier disable")).startswith("Helio is off in this server.")
        assert (await answered(town, admin, "phone register", carrier="us-helio")).startswith(
            "Helio is switched off here."
        )
        assert (await answered(town, admin, "carrier enable")).startswith("Helio is on in this server.")
        new = await answered(town, admin, "carrier add", domain="sms.example.net")
        assert new == (
            "sms.example.net is not on the bot owner's list of gateways. Ask the owner to put it there?"
        )
        own = await answered(town, admin, "carrier add", name=f"Mobile of {admin.username}")
        assert own.startswith(f"Added Mobile of {admin.username} at vtext.com for this server.")
    # Another server sees none of it.
    elsewhere = await town.bob.autocomplete(town.other_guild, "phone register", "carrier", "Mobile of ada")
    assert not [choice for choice in elsewhere if "ada" in choice.name]


def with_administrator(town: Town) -> Person:
    person = town.world.discord.person("adele")
    town.world.discord.join(town.guild, person, ADMINISTRATOR)
    return person


async def test_the_applications_owner_edits_for_everyone_as_a_plain_member(town: Town) -> None:
    editor = town.editor
    assert not town.guild.permissions(editor.id) & 1 << 5
    assert (await answered(town, editor, "carrier disable")) == (
        "Helio is off for everyone. /carrier enable turns it on again."
    )
    refused = await town.bob.slash(town.other_guild, "phone register", carrier="us-helio")
    assert (await refused.settled()).content.startswith("Helio is switched off here.")
    assert (await answered(town, editor, "carrier enable")).startswith("Helio is on for everyone.")
    assert (await answered(town, editor, "carrier edit", name="Big Red")).startswith("Changed Big Red.")
    found = await town.bob.autocomplete(town.other_guild, "phone register", "carrier", "big red")
    assert [choice.value for choice in found][:1] == ["us-verizon"]
    asked = await editor.slash(
        town.guild, "carrier add", force=True, name="New Mobile", domain="SMS.Example.NET", country="us"
    )
    assert (await asked.settled()).content == (
        "sms.example.net is new: texts may then go to any number at sms.example.net. Put it on the list?"
    )
    await editor.press(asked, "Yes, do it")
    await asked.settled(lambda a: a.content.startswith("Added New Mobile at sms.example.net for everyone."))
    assert asked.buttons == []
    phone = await town.register(
        town.bob, "2065550107", "us-new-mobile", "sms.example.net", guild=town.other_guild
    )
    assert phone.texts
    await town.restart()
    assert (await answered(town, editor, "carrier show", carrier="us-new-mobile")).startswith(
        "**New Mobile**"
    )


async def test_the_carrier_editors_setting_adds_editors(store_url: str) -> None:
    town = Town(store_url)
    town.changes["carrier_editors"] = frozenset({town.dave.id})
    async with town:
        assert (await answered(town, town.dave, "carrier disable")).startswith("Helio is off for everyone.")
        assert await answered(town, town.alice, "carrier disable") == NOT_ADMIN


async def test_in_a_dm_only_ones_own_phone_is_open(town: Town) -> None:
    person = town.editor
    for name in ("text", *FOR_ADMINS):
        with pytest.raises(SandboxError, match="not offered in DMs"):
            await person.slash(None, name, force=True, **COMMANDS[name](town))
    # And if Discord did offer them there:
    for command in registered(town):
        command["contexts"], command["dm_permission"] = None, True
    for name in ("text", "phone allow", *FOR_ADMINS):
        answer = await person.slash(None, name, force=True, **COMMANDS[name](town))
        said = (await answer.settled()).content
        assert said in (SERVER_ONLY, "Use /phone allow in the server whose members may text you."), name
    asked = await person.slash(None, "phone register", carrier="us-verizon")
    assert "People I allow may text it" in asked.modal.texts[0]
    sent = await person.submit(asked.modal, {"number": "2065550108", "consent": ["agreed"]})
    await sent.settled()
    code = await town.code_on(town.phone("2065550108"))
    typing = await person.press(sent, "Enter code")
    done = await (await person.submit(typing.modal, {"code": code})).settled()
    assert done.content == (
        "Your phone is registered. Use /phone allow in each server whose members may text you."
    )
    assert (await town.text(town.alice, person, "hi")).content.startswith("That person isn't taking texts")
    await town.says(person, "phone allow")
    assert (await town.text(town.alice, person, "hi")).content.startswith("On its way")


async def test_a_button_of_before_a_restart_says_that_it_has_run_out(town: Town) -> None:
    asked = await town.editor.slash(town.guild, "carrier enable", force=True, carrier="us-att")
    await asked.settled(lambda a: a.buttons == ["Yes, do it"])
    await town.restart()
    pressed = await (await town.editor.press(asked, "Yes, do it")).settled()
    assert pressed.content == "That button or form is too old. Please run the command again."
    assert (await answered(town, town.editor, "carrier show", carrier="us-att")).count("enabled") == 0


async def test_an_admin_cannot_lift_what_the_owner_switched_off(town: Town) -> None:
    await answered(town, town.editor, "carrier disable")
    assert await answered(town, town.admin, "carrier enable") == (
        "Helio is switched off for everyone. Only the bot's owner can enable it."
    )


async def test_nobody_else_presses_a_confirm_button_even_if_they_see_it(town: Town) -> None:
    await answered(town, town.admin, "carrier add")
    choices = await town.admin.autocomplete(town.guild, "carrier show", "carrier", "Home Mobile")
    asked = await town.admin.slash(town.guild, "carrier remove", carrier=choices[0].value)
    await asked.settled(lambda a: a.buttons == ["Yes, do it"])
    asked.post.viewer_id = None
    pressed = await (await town.editor.press(asked, "Yes, do it")).settled()
    assert pressed.content == "Only whoever ran the command can press this."
    assert asked.buttons == ["Yes, do it"]
    await town.admin.press(asked, "Yes, do it")
    await asked.settled(lambda a: a.content.startswith("Removed Home Mobile."))


async def test_a_confirm_button_has_the_rights_of_the_moment_it_is_pressed(town: Town) -> None:
    await answered(town, town.admin, "carrier add")
    choices = await town.admin.autocomplete(town.guild, "carrier show", "carrier", "Home Mobile")
    await town.register(town.carol, CAROL, choices[0].value, "vtext.com")
    asked = await town.admin.slash(town.guild, "carrier remove", carrier=choices[0].value)
    await asked.settled(lambda a: a.buttons == ["Yes, do it"])
    town.guild.members[town.admin.id].role_ids.clear()
    await town.admin.press(asked, "Yes, do it")
    await asked.settled(lambda a: a.buttons == [])
    assert asked.content.startswith("Only members with Manage Server, or the bot's owner, can")
    sent = await town.text(town.alice, town.carol, "still there?")
    assert sent.content.startswith("On its way")


async def test_no_member_brings_the_bot_to_a_server_whose_admins_did_not(town: Town) -> None:
    given = town.world.discord.world.commands[None].values()
    assert {command["name"] for command in given} >= {"text", "phone", "bridge"}
    assert [command["integration_types"] for command in given] == [[0]] * len(given)
