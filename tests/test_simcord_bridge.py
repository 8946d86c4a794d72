"""The bridge serves SimCord's behaviour to a real discord.py process (the toy bot)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import discord
import pytest
import pytest_asyncio
from simcord import ChannelHandle, GuildHandle, MemberActor, SetupError

from tests.simcord_bridge import NotAnswered, SimcordBridge, labels

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOY = str(Path(__file__).parent / "simcord_bridge" / "toy_bot.py")
FORM = {"Number": "206 555 0100", "Size": ["Large"], "Consent": ["yes"]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bridge() -> AsyncIterator[SimcordBridge]:
    async with SimcordBridge() as bridge:
        bridge.world.create_guild("Orchard")
        await bridge.start_bot([TOY])
        yield bridge


@pytest.fixture(scope="module")
def guild(bridge: SimcordBridge) -> GuildHandle:
    return bridge.world.guild


@pytest.fixture(scope="module")
def room(guild: GuildHandle) -> ChannelHandle:
    return guild.create_text_channel("general")


@pytest.fixture(scope="module")
def ann(bridge: SimcordBridge, guild: GuildHandle) -> MemberActor:
    return bridge.world.create_member(guild, "ann")


@pytest.fixture(scope="module")
def bob(bridge: SimcordBridge, guild: GuildHandle) -> MemberActor:
    return bridge.world.create_member(guild, "bob")


async def test_log_in_identifies_and_syncs_the_tree(bridge: SimcordBridge) -> None:
    assert [each["intents"] for each in bridge.identifies] == [1]
    names = {name for name, _ in bridge.world.backend.commands[None]}
    assert names >= {"slow", "depot", "Greet this person", "Keep this"}
    crate = bridge.world.command("depot")["options"][0]
    assert crate["options"][0]["options"][0]["autocomplete"] is True


async def test_a_deferred_answer_is_edited_and_stays_private(
    bridge: SimcordBridge, room: ChannelHandle, ann: MemberActor, bob: MemberActor
) -> None:
    result = await ann.slash(room, "slow", words="two pears")
    shown = await bridge.answer(result, lambda text: text.content == "sent: two pears")
    assert shown.ephemeral
    assert bridge.world.edits(result) == ["queued: two pears", "sent: two pears"]
    more = await bridge.until(lambda: result.followups)
    assert [(each.content, each.ephemeral) for each in more] == [("a private word more", True)]
    assert "sent: two pears" in bridge.world.seen_by(ann, room)
    assert "sent: two pears" not in bridge.world.seen_by(bob, room)


async def test_an_option_resolves_to_a_member_or_an_outsider(
    bridge: SimcordBridge, room: ChannelHandle, ann: MemberActor, bob: MemberActor
) -> None:
    inside = await ann.slash(room, "who", user=bob)
    assert (await bridge.answer(inside)).content == "bob is in Orchard"
    outside = await ann.slash(room, "who", user=bridge.world.create_user("zoe"))
    assert (await bridge.answer(outside)).content == "zoe is not in Orchard"


async def test_autocomplete_reaches_a_nested_subcommand(room: ChannelHandle, ann: MemberActor) -> None:
    choices = await ann.autocomplete(room, "depot crate open", "kind", "ap")
    assert [(each["name"], each["value"]) for each in choices] == [
        ("Apples", "apples"),
        ("Apricots", "apricots"),
    ]


async def test_modal_button_modal_also_after_a_restart(
    bridge: SimcordBridge, room: ChannelHandle, ann: MemberActor, bob: MemberActor
) -> None:
    shown = await ann.slash(room, "depot crate open", kind="pears")
    assert shown.modal is not None
    assert list(labels(shown.modal)) == ["Number", "Size", "Consent"]
    filled = await bridge.submit(ann, shown, FORM)
    answer = await bridge.answer(filled)
    assert (answer.content, answer.ephemeral) == ("pears 206 555 0100 ['Large'] ['yes']", True)

    assert await bridge.stop_bot() == 0
    await bridge.start_bot([TOY])
    pressed = await ann.click(answer, label="Enter code")
    coded = await bridge.submit(ann, pressed, {"Code": "123456"})
    assert (await bridge.answer(coded)).content == "code 123456"
    with pytest.raises(SetupError, match="not visible"):
        await bob.click(answer, label="Enter code")


async def test_a_modal_takes_only_what_a_person_could_enter(
    bridge: SimcordBridge, room: ChannelHandle, ann: MemberActor, bob: MemberActor
) -> None:
    shown = await ann.slash(room, "depot crate open", kind="pears")
    wrongs: tuple[dict[str, Any], ...] = ({"Consent": []}, {"Number": "1"}, {"Size": ["Huge"]})
    for wrong in wrongs:
        with pytest.raises(SetupError):
            await bridge.submit(ann, shown, FORM | wrong)
    with pytest.raises(SetupError, match="opener"):
        await bridge.submit(bob, shown, FORM)
    with pytest.raises(AssertionError, match="Consent"):
        await bridge.submit(ann, shown, {"Phone": "1"})


async def test_a_dm_arrives_and_closed_dms_are_refused(
    bridge: SimcordBridge, room: ChannelHandle, ann: MemberActor, bob: MemberActor
) -> None:
    sent = await ann.slash(room, "poke", user=bob)
    assert (await bridge.dm(bob)).content == "ann pokes you"
    await bridge.answer(sent, lambda text: text.content == "poked")
    bridge.world.close_dms(bob)
    refused = await ann.slash(room, "poke", user=bob)
    await bridge.answer(refused, lambda text: text.content == "refused with 50007")
    assert len(bridge.world.dms(bob)) == 1


async def test_files_travel_both_ways(bridge: SimcordBridge, room: ChannelHandle, ann: MemberActor) -> None:
    result = await ann.slash(room, "weigh", file=("list.txt", b"pears"))
    answer = await bridge.answer(result)
    assert answer.content == "5 bytes"
    (back,) = answer.attachments
    assert (back.filename, back.description) == ("back.txt", "backwards")
    assert bridge.world.backend.cdn.get(back.url) == b"sraep"


async def test_context_menus_carry_their_target(
    bridge: SimcordBridge, room: ChannelHandle, ann: MemberActor, bob: MemberActor
) -> None:
    greeted = await ann.context_menu(room, "Greet this person", bob)
    greeting = await bridge.answer(greeted)
    assert (greeting.content, greeting.ephemeral) == (f"hello {bob.mention}", False)
    said = await bob.send(room, "dinner at 7")
    kept = await ann.context_menu(room, "Keep this", said)
    assert (await bridge.answer(kept)).content == "kept: dinner at 7"


async def test_a_hidden_command_is_hidden_and_the_bot_checks_again(
    bridge: SimcordBridge, guild: GuildHandle, room: ChannelHandle, ann: MemberActor
) -> None:
    with pytest.raises(SetupError, match="default-member-permissions"):
        await ann.slash(room, "locked")
    bridge.world.reveal_command(guild, "locked", ann)
    refused = await ann.slash(room, "locked")
    assert (await bridge.answer(refused)).content == "You need Manage Server."
    admin = bridge.world.create_member(guild, "ada", discord.Permissions(manage_guild=True))
    assert (await bridge.answer(await admin.slash(room, "locked"))).content == "open"


async def test_a_command_works_in_a_dm_unless_it_is_for_guilds(
    bridge: SimcordBridge, ann: MemberActor, bob: MemberActor
) -> None:
    result = await ann.user.slash("who", user=bob.user)
    assert (await bridge.answer(result)).content == "bob is not in a DM"
    with pytest.raises(SetupError, match="context"):
        await ann.user.slash("locked")


async def test_a_replayed_interaction_is_answered_once(
    bridge: SimcordBridge, room: ChannelHandle, ann: MemberActor, bob: MemberActor
) -> None:
    result = await ann.slash(room, "who", user=bob)
    before = bridge.world.seen_by(ann, room)
    bridge.world.replay(result)
    await bridge.until(lambda: bridge.world.callbacks(result) == 2)
    assert bridge.world.seen_by(ann, room) == before


async def test_silence_fails_with_the_story(
    bridge: SimcordBridge, room: ChannelHandle, ann: MemberActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge, "answer_timeout_s", 0.2)
    with pytest.raises(NotAnswered, match="INTERACTION_CREATE"):
        await ann.slash(room, "silent")


async def test_what_simcord_does_not_know_is_loud(
    bridge: SimcordBridge, room: ChannelHandle, ann: MemberActor
) -> None:
    result = await ann.slash(room, "gap")
    assert (await bridge.answer(result)).content == "501"
    assert [each for each in bridge.gaps if "/voice/regions" in each]
    bridge.gaps.clear()


async def test_a_broken_connection_identifies_anew(
    bridge: SimcordBridge, room: ChannelHandle, ann: MemberActor, bob: MemberActor
) -> None:
    before = len(bridge.identifies)
    (broken,) = bridge.connections
    await broken.close(4000)
    await bridge.until(lambda: len(bridge.identifies) == before + 1)
    result = await ann.slash(room, "who", user=bob)
    assert (await bridge.answer(result)).content == "bob is in Orchard"


async def test_a_killed_bot_leaves_the_person_without_an_answer(
    bridge: SimcordBridge, room: ChannelHandle, ann: MemberActor, bob: MemberActor
) -> None:
    interactions = bridge.world.backend.interactions
    before = len(interactions)
    waiting = asyncio.create_task(ann.slash(room, "silent"))
    await asyncio.wait([waiting], return_when=asyncio.FIRST_COMPLETED, timeout=0)
    assert len(interactions) == before + 1
    assert await bridge.kill_bot() == -9
    with pytest.raises(NotAnswered, match="ended with -9"):
        await waiting
    await bridge.start_bot([TOY])
    assert (await bridge.answer(await ann.slash(room, "who", user=bob))).content == "bob is in Orchard"


async def test_a_token_ends_after_a_quarter_of_an_hour(
    bridge: SimcordBridge, room: ChannelHandle, ann: MemberActor, bob: MemberActor
) -> None:
    result = await ann.slash(room, "who", user=bob)
    await bridge.answer(result)
    original = f"{bridge.api_url}/webhooks/{bridge.world.backend.application_id}/{result._interaction.token}"
    async with aiohttp.ClientSession() as outsider:
        edit = {"content": "still open"}
        async with outsider.patch(f"{original}/messages/@original", json=edit) as answer:
            assert answer.status == 200
        bridge.world.skip_time(15 * 60)
        async with outsider.patch(f"{original}/messages/@original", json=edit) as answer:
            assert (answer.status, (await answer.json())["code"]) == (404, 10015)


async def test_a_wrong_token_is_refused(bridge: SimcordBridge) -> None:
    stranger = await bridge.launch([TOY], {"DISCORD_TOKEN": "wrong"})
    assert await stranger.wait() == 1
    assert any("Improper token" in line for line in stranger.output)
