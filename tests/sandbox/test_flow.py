"""A real discord.py client finds nothing amiss in the pretend Discord."""

import asyncio

import discord
import pytest

from bot.sandbox.options import Upload
from bot.sandbox.sandbox import Sandbox
from bot.sandbox.watch import SandboxError
from bot.sandbox.world import MANAGE_GUILD, Guild
from tests.sandbox.small_bot import SmallBot, running


@pytest.fixture
def home(sandbox: Sandbox) -> Guild:
    person = sandbox.discord.person
    return sandbox.discord.guild("home", person("alice"), person("bob"), person("carol"))


async def test_a_deferred_ephemeral_answer_is_edited_and_followed_up(sandbox: Sandbox, home: Guild) -> None:
    alice, bob = sandbox.discord.person("alice"), sandbox.discord.person("bob")
    async with running(sandbox.discord) as bot:
        answer = await alice.slash(home, "text", user=bob, message="dinner at 7")
        assert answer.deferred
        assert answer.ephemeral
        assert answer.acknowledged_after_s < 3
        await answer.settled(lambda a: a.content == "on its way to bob, member, 0")
        bot.go_on.set()
        await answer.settled(lambda a: len(a.followups) == 2)
        assert answer.history == ["on its way to bob, member, 0", "handed over"]
        assert [post.ephemeral for post in answer.followups] == [True, False]
        assert bot.acted == ["dinner at 7"]


async def test_an_outsider_comes_without_membership_and_a_file_can_be_read(
    sandbox: Sandbox, home: Guild
) -> None:
    alice, outsider = sandbox.discord.person("alice"), sandbox.discord.person("dave")
    async with running(sandbox.discord):
        upload = Upload("note.txt", b"12345", "text/plain")
        answer = await alice.slash(home, "text", user=outsider, message="hi", attachment=upload)
        await answer.settled(lambda a: a.content == "on its way to dave, outsider, 5")


async def test_a_modal_is_filled_in_and_its_button_opens_another(sandbox: Sandbox, home: Guild) -> None:
    bob = sandbox.discord.person("bob")
    async with running(sandbox.discord):
        asked = await bob.slash(home, "phone register")
        assert asked.modal.title == "Register"
        assert [field.label for field in asked.modal.fields] == ["Number", "Form", "Consent"]
        filled = {"number": "2065550100", "Form": ["n"], "consent": ["yes"]}
        answer = await bob.submit(asked.modal, filled)
        assert answer.content == "2065550100 n yes"
        assert answer.ephemeral
        again = await bob.press(answer, "Enter code")
        assert again.modal.title == "Register"
        final = await bob.submit(again.modal, {"number": "2065550101", "consent": ["yes"]})
        assert final.content == "2065550101  yes"


async def test_a_modal_holds_what_the_form_demands_unless_forced(sandbox: Sandbox, home: Guild) -> None:
    bob = sandbox.discord.person("bob")
    async with running(sandbox.discord):
        asked = await bob.slash(home, "phone register")
        for values in (
            {"number": "2065550100", "consent": []},
            {"number": "206", "consent": ["yes"]},
            {"number": "2065550100", "consent": ["no"]},
            {"number": "2065550100", "form": ["x"], "consent": ["yes"]},
            {"phone": "2065550100"},
        ):
            with pytest.raises(SandboxError):
                await bob.submit(asked.modal, values)
        forced = await bob.submit(asked.modal, {"number": "206", "consent": []}, force=True)
        assert forced.content == "206"


async def test_a_button_works_after_the_bot_restarted(sandbox: Sandbox, home: Guild) -> None:
    bob = sandbox.discord.person("bob")
    async with running(sandbox.discord):
        asked = await bob.slash(home, "phone register")
        answer = await bob.submit(asked.modal, {"number": "2065550100", "consent": ["yes"]})
    with pytest.raises(SandboxError, match="no bot is logged in"):
        await bob.press(answer, "Enter code")
    async with running(sandbox.discord):
        assert (await bob.press(answer, "enter-code")).has_modal
        counted = await bob.press(answer, "Count")
        assert counted.content == "counted"
        assert answer.history == ["2065550100  yes", "counted"]
        with pytest.raises(SandboxError, match="no button"):
            await bob.press(answer, "Elsewhere")


async def test_autocomplete_offers_what_fits(sandbox: Sandbox, home: Guild) -> None:
    bob = sandbox.discord.person("bob")
    async with running(sandbox.discord):
        offered = await bob.autocomplete(home, "phone register", "carrier", "tmo")
        assert [choice.name for choice in offered] == ["T-Mobile", "T-Mobile prepaid"]
        assert offered[0].value == "t-mobile"
        with pytest.raises(SandboxError, match="no autocomplete"):
            await bob.autocomplete(home, "text", "message", "x")


async def test_a_dm_arrives_or_is_refused(sandbox: Sandbox, home: Guild) -> None:
    bob, carol = sandbox.discord.person("bob"), sandbox.discord.person("carol")
    carol.account.dms_open = False
    async with running(sandbox.discord):
        await bob.slash(home, "dm")
        assert (await bob.dm()).content == "a **notice**"
        answer = await carol.slash(home, "dm")
        await answer.settled(lambda a: a.content == "closed 50007")
        assert carol.dms == []


async def test_a_command_works_in_the_dm_where_it_is_allowed(sandbox: Sandbox, home: Guild) -> None:
    bob = sandbox.discord.person("bob")
    async with running(sandbox.discord):
        assert (await bob.slash(None, "dm")).content == "writing"
        await bob.dm(lambda post: "notice" in post.content)
        with pytest.raises(SandboxError, match="not offered"):
            await bob.slash(None, "admin", count=1)


async def test_menus_reach_a_person_and_a_post(sandbox: Sandbox, home: Guild) -> None:
    alice, bob = sandbox.discord.person("alice"), sandbox.discord.person("bob")
    async with running(sandbox.discord):
        assert (await alice.user_menu(home, "Text this person", bob)).content == "to bob"
        said = bob.say(home, "read this")
        assert (await alice.message_menu(home, "Send to my phone", said)).content == "sent read this"


async def test_permissions_hide_a_command_but_force_sends_it(sandbox: Sandbox, home: Guild) -> None:
    alice, bob, carol = (sandbox.discord.person(name) for name in ("alice", "bob", "carol"))
    sandbox.discord.join(home, carol, MANAGE_GUILD)
    async with running(sandbox.discord):
        assert (await alice.slash(home, "admin", count=2, sure=True)).content == "2 True True"
        assert (await carol.slash(home, "admin", count=1)).content == "1 False True"
        assert not bob.can_see(home, "admin")
        with pytest.raises(SandboxError, match="hidden"):
            await bob.slash(home, "admin", count=1)
        assert (await bob.slash(home, "admin", force=True, count=1)).content == "1 False False"


async def test_options_that_discord_would_not_send_are_errors(sandbox: Sandbox, home: Guild) -> None:
    alice, bob = sandbox.discord.person("alice"), sandbox.discord.person("bob")
    async with running(sandbox.discord) as bot:
        for name, options in (
            ("text", {"user": bob}),
            ("text", {"user": bob, "message": "x", "colour": "red"}),
            ("text", {"user": "bob", "message": "x"}),
            ("text", {"user": bob, "message": ""}),
            ("text", {"user": bob, "message": "x" * 6001}),
            ("admin", {"count": "1"}),
            ("admin", {"count": True}),
            ("phone", {}),
            ("phone vanish", {}),
            ("nothing", {}),
        ):
            with pytest.raises(SandboxError):
                await alice.slash(home, name, **options)
        stranger = sandbox.discord.person("dave")
        with pytest.raises(SandboxError, match="not in home"):
            await stranger.slash(home, "dm")
        assert bot.acted == []


async def test_what_discord_refuses_is_refused_and_noted(sandbox: Sandbox, home: Guild) -> None:
    alice = sandbox.discord.person("alice")
    async with running(sandbox.discord):
        answer = await alice.slash(home, "wrong", length=2001)
        assert answer.content == "400 50035"
        assert answer.post.attachments[0]["filename"] == "why.txt"
        with pytest.raises(SandboxError, match="content"):
            sandbox.discord.assert_clean()
        sandbox.discord.world.refused.clear()


async def test_a_wrong_token_is_refused_by_both_doors(sandbox: Sandbox) -> None:
    with pytest.raises(discord.LoginFailure):
        async with running(sandbox.discord, token="wrong"):
            pass
    bot = SmallBot()
    async with running(sandbox.discord, bot=bot):
        sandbox.discord.world.bot_token = "revoked"
        for line in list(sandbox.discord.gateway.lines):
            await line.close(4000)
        with pytest.raises(discord.ConnectionClosed) as closed:
            await bot.ended()
        assert closed.value.code == 4004


async def test_guilds_come_only_to_who_asked_for_them(sandbox: Sandbox, home: Guild) -> None:
    async with running(sandbox.discord) as bot:
        assert [guild.unavailable for guild in bot.guilds] == [True]
    async with running(sandbox.discord, bot=SmallBot(discord.Intents(guilds=True))) as bot:
        assert [guild.name for guild in bot.guilds] == ["home"]
        assert bot.get_guild(home.id) is not None
        assert len(bot.guilds[0].text_channels) == 1


async def test_the_bot_is_told_when_it_joins_and_leaves_a_guild(sandbox: Sandbox, home: Guild) -> None:
    async with running(sandbox.discord, bot=SmallBot(discord.Intents(guilds=True))) as bot:
        away = sandbox.discord.guild("away", sandbox.discord.person("dave"))
        joined = asyncio.create_task(bot.wait_for("guild_join", timeout=5))
        await asyncio.sleep(0)
        await sandbox.discord.invite(away)
        assert (await joined).name == "away"
        left = asyncio.create_task(bot.wait_for("guild_remove", timeout=5))
        await asyncio.sleep(0)
        await sandbox.discord.expel(away)
        assert (await left).id == away.id
