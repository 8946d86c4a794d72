"""Nothing that one server's admin does with any command of the tree shows in another server (dangers T2)."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.sandbox.member import Person
from bot.sandbox.world import MANAGE_GUILD, Guild
from tests.commands.test_rights import COMMANDS
from tests.flow.town import CAROL, Town

CARRIERS = ("us-verizon", "us-helio", "us-att", "own-us-ours", "Ours", "clicksend")
OPTIONS: dict[str, Any] = {
    "carrier": st.sampled_from(CARRIERS),
    "name": st.sampled_from(["Ours", "Verizon"]),
    "domain": st.sampled_from(["vtext.com", "msg.fi.google.com", "sms.example.net"]),
}
MORE: dict[str, dict[str, Any]] = {
    "carrier edit": {"status": st.sampled_from(["active", "retired"]), "form": st.sampled_from(["plus"])}
}


@st.composite
def commands(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Choose a command of the tree, and options beside those that it needs."""
    name = draw(st.sampled_from(sorted(COMMANDS)))
    return name, {option: draw(value) for option, value in (OPTIONS | MORE.get(name, {})).items()}


async def run(town: Town, person: Person, guild: Guild, name: str, more: dict[str, Any]) -> None:
    """Run a command as somebody who agrees to all that it asks."""
    options = COMMANDS[name](town)
    options |= {key: value for key, value in more.items() if key in options or name in MORE}
    if name in MORE:
        options = {key: value for key, value in options.items() if key != "country"}
    answer = await person.slash(guild, name, force=True, **options)
    await answer.settled()
    if "Yes, do it" in answer.buttons:
        await person.press(answer, "Yes, do it")
        await answer.settled(lambda shown: shown.buttons == [])


async def view(town: Town, person: Person, guild: Guild) -> list[str]:
    """Ask in a server all that shows its carriers and its rules, and send a text there."""
    said = [
        await town.says(person, "carrier list", guild, search=word) for word in ("verizon", "helio", "ours")
    ]
    said += [await town.says(person, "carrier show", guild, carrier=carrier) for carrier in CARRIERS]
    for carrier in CARRIERS:
        answer = await (await person.slash(guild, "phone register", carrier=carrier)).settled()
        said.append(str(answer.modal.texts) if answer.has_modal else answer.content)
    for command in ("carrier show", "phone register"):
        for typed in ("", "o", "verizon"):
            said.append(str(await person.autocomplete(guild, command, "carrier", typed)))
    said += [await town.says(person, f"bridge {page}", guild) for page in ("settings", "audit")]
    said.append((await town.text(person, town.bob, "hi", guild)).content)
    return said


@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(sequence=st.lists(commands(), min_size=1, max_size=4))
@pytest.mark.ci
async def test_no_command_of_the_tree_shows_elsewhere(
    any_town: Town, sequence: list[tuple[str, dict[str, Any]]]
) -> None:
    town, elsewhere = any_town, any_town.other_guild
    if town.outsider.id not in elsewhere.members:
        town.world.discord.join(elsewhere, town.outsider, MANAGE_GUILD)
        await town.register(town.admin, CAROL)
        await town.register(town.bob, guild=elsewhere)
    await town.jump(timedelta(hours=1))  # so that no limit of an earlier example counts
    before = await view(town, town.outsider, elsewhere)
    for name, more in sequence:
        await run(town, town.admin, town.guild, name, more)
        assert await view(town, town.outsider, elsewhere) == before, name


async def test_the_same_look_finds_each_change_at_home(town: Town) -> None:
    await town.register(town.admin, CAROL)
    seen = [await view(town, town.admin, town.guild)]
    for name, more in (
        ("carrier add", {"name": "Ours"}),
        ("carrier disable", {"carrier": "us-helio"}),
        ("carrier edit", {"carrier": "Ours", "name": "Ours", "form": "plus"}),
        ("carrier edit", {"carrier": "Ours", "name": "Ours", "status": "retired"}),
        ("carrier remove", {"carrier": "Ours"}),
        ("bridge block", {}),
        ("bridge pause", {}),
        ("bridge resume", {}),
    ):
        await run(town, town.admin, town.guild, name, more)
        seen.append(await view(town, town.admin, town.guild))
    changed = [before != after for before, after in pairwise(seen)]
    assert changed == [True] * 8
