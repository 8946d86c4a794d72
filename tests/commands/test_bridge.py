"""/bridge: a server's admins set who may send there, pause it, and see who did what, never a recipient."""

import re
from datetime import timedelta

import pytest

from bot.domain.words import standing
from bot.sandbox.world import ADMINISTRATOR, MANAGE_GUILD, Role
from tests.commands.test_rights import COMMANDS, NOT_GUILD_ADMIN, answered
from tests.conftest import telling
from tests.flow.town import BOB, Town

BRIDGE = [name for name in COMMANDS if name.startswith("bridge")]
ON_ITS_WAY = "On its way"
ROLES, LOG = "textbridge:bridge:roles", "textbridge:bridge:log"


async def test_only_manage_server_opens_it_whatever_integrations_say(town: Town) -> None:
    discord = town.world.discord
    helper, keeper = discord.person("helper"), discord.person("keeper")
    discord.join(town.guild, helper, 1 << 13)  # a role that Integrations lets see the command
    discord.join(town.guild, keeper, ADMINISTRATOR)
    for name in BRIDGE:
        for person in (town.dave, helper, town.editor):
            assert await answered(town, person, name) == NOT_GUILD_ADMIN, (name, person.username)
        for person in (town.admin, keeper, town.founder):
            assert await answered(town, person, name) != NOT_GUILD_ADMIN, (name, person.username)
    assert not town.dave.can_see(town.guild, "bridge")


async def test_a_blocked_member_sends_nothing_here_and_elsewhere_as_before(town: Town) -> None:
    await town.register(town.bob)
    await town.says(town.bob, "phone allow", guild=town.other_guild)
    assert (await town.says(town.admin, "bridge block", user=town.alice)).startswith(
        f"{town.alice.mention} can send no texts here any more."
    )
    said = "The admins of this server let you send no texts here. Ask them if that is a mistake."
    assert (await town.text(town.alice, town.bob, "hi")).content == said
    # The same for everybody: it tells nobody who is registered.
    assert (await town.text(town.alice, town.carol, "hi")).content == said
    assert (await town.text(town.dave, town.bob, "hi")).content.startswith(ON_ITS_WAY)
    assert (await town.text(town.alice, town.bob, "hi", town.other_guild)).content.startswith(ON_ITS_WAY)
    assert await town.says(town.admin, "bridge unblock", user=town.alice) == (
        f"{town.alice.mention} can send texts here again."
    )
    assert (await town.text(town.alice, town.bob, "hi")).content.startswith(ON_ITS_WAY)
    assert (await town.says(town.admin, "bridge unblock", user=town.alice)).endswith("wasn't blocked here.")


async def test_the_settings_name_whom_admins_blocked(town: Town) -> None:
    assert "Blocked" not in await town.says(town.admin, "bridge settings")
    await town.says(town.admin, "bridge block", user=town.alice)
    town.clock.jump(timedelta(minutes=1))
    await town.says(town.admin, "bridge block", user=town.dave)
    said = await town.says(town.admin, "bridge settings")
    wanted = f"Blocked here: {town.dave.mention}, {town.alice.mention}. /bridge unblock lifts that."
    assert said.splitlines()[-1] == wanted
    await town.says(town.admin, "bridge unblock", user=town.alice)
    await town.says(town.admin, "bridge unblock", user=town.dave)
    assert "Blocked" not in await town.says(town.admin, "bridge settings")
    assert "Blocked" not in await town.says(town.founder, "bridge settings", guild=town.other_guild)


async def test_a_pause_holds_for_this_server_and_ends_by_itself(town: Town) -> None:
    await town.register(town.bob)
    assert re.match(
        r"Texting is paused here until <t:\d+:f>", await town.says(town.admin, "bridge pause", hours=2)
    )
    paused = (await town.text(town.alice, town.bob, "hi")).content
    assert re.fullmatch(r"Texting is paused in this server until <t:\d+:f>\. Try again after that\.", paused)
    await town.jump(timedelta(hours=2, minutes=1))
    assert (await town.text(town.alice, town.bob, "hi")).content.startswith(ON_ITS_WAY)
    assert "until it is resumed" in await town.says(town.admin, "bridge pause")
    assert "until it is resumed" in (await town.text(town.alice, town.bob, "hi")).content
    await town.restart()
    assert "until it is resumed" in (await town.text(town.alice, town.bob, "hi")).content
    assert await town.says(town.admin, "bridge resume") == "Members can send texts here again."
    assert (await town.text(town.alice, town.bob, "hi")).content.startswith(ON_ITS_WAY)


async def test_the_panel_switches_texting_and_names_roles(town: Town) -> None:
    await town.register(town.bob)
    panel = await (await town.admin.slash(town.guild, "bridge settings")).settled()
    assert "**Texting here** is on." in panel.content
    await town.admin.press(panel, "Switch texting off")
    await panel.settled(lambda a: "is off" in a.content)
    assert "switched off in this server" in (await town.text(town.alice, town.bob, "hi")).content
    await town.admin.press(panel, "Switch texting on")
    await panel.settled(lambda a: "is on" in a.content)
    town.world.discord.join(town.guild, town.dave, 1 << 12)
    role: Role = town.guild.roles[town.guild.members[town.dave.id].role_ids[0]]
    await town.restart()  # the panel works after it, too
    await town.admin.select(panel, ROLES, role)
    await panel.settled(lambda a: f"<@&{role.id}>" in a.content)
    refused = "Only members with certain roles may send texts in this server. Ask an admin for one."
    assert (await town.text(town.alice, town.bob, "hi")).content == refused
    assert (await town.text(town.dave, town.bob, "hi")).content.startswith(ON_ITS_WAY)
    await town.admin.select(panel, ROLES)
    await panel.settled(lambda a: "every member" in a.content)
    assert (await town.text(town.alice, town.bob, "hi")).content.startswith(ON_ITS_WAY)


async def test_a_panel_has_the_rights_of_the_moment(town: Town) -> None:
    panel = await (await town.admin.slash(town.guild, "bridge settings")).settled()
    town.guild.members[town.admin.id].role_ids.clear()
    for button in ("Switch texting off", "Limits", "New members"):
        refused = await (await town.admin.press(panel, button)).settled()
        assert refused.content == NOT_GUILD_ADMIN
    chosen = await town.admin.select(panel, LOG, *town.guild.channels.values())
    assert (await chosen.settled()).content == NOT_GUILD_ADMIN
    town.world.discord.join(town.guild, town.admin, MANAGE_GUILD)
    again = await town.says(town.admin, "bridge settings")
    assert "is on" in again
    assert "none; reports go" in again


async def test_admins_lower_limits_within_the_operators(town: Town) -> None:
    await town.register(town.bob)
    panel = await (await town.admin.slash(town.guild, "bridge settings")).settled()
    form = await town.admin.press(panel, "Limits")
    over = await (await town.admin.submit(form.modal, {"sender": "31"})).settled()
    assert over.content == "This bot lets at most 30 texts an hour pass there. Choose 30 or fewer."
    form = await town.admin.press(panel, "Limits")
    odd = await (await town.admin.submit(form.modal, {"sender": "ten"})).settled()
    assert odd.content == "Write a whole number of texts an hour, from 1 to 1000000, or leave it empty."
    form = await town.admin.press(panel, "Limits")
    await town.admin.submit(form.modal, {"sender": "2"})
    await panel.settled(lambda a: "Texts an hour: 2 from one member" in a.content)
    for _ in range(2):
        assert (await town.text(town.alice, town.bob, "hi")).content.startswith(ON_ITS_WAY)
    full = (await town.text(town.alice, town.bob, "hi")).content
    assert re.fullmatch(
        r"You've sent as many texts as you may for now\. The next one can go <t:\d+:R>\.", full
    )
    await town.says(town.bob, "phone allow", guild=town.other_guild)
    assert (await town.text(town.alice, town.bob, "hi", town.other_guild)).content.startswith(ON_ITS_WAY)


async def test_newcomers_wait_and_admins_say_how_long(town: Town) -> None:
    await town.register(town.bob)
    town.guild.members[town.alice.id].joined_at = town.clock()
    fresh = (await town.text(town.alice, town.bob, "hi")).content
    assert re.fullmatch(r"You joined this server only just now\. The first text can go <t:\d+:R>\.", fresh)
    await town.jump(timedelta(minutes=11))
    assert (await town.text(town.alice, town.bob, "hi")).content.startswith(ON_ITS_WAY)
    panel = await (await town.admin.slash(town.guild, "bridge settings")).settled()
    form = await town.admin.press(panel, "New members")
    await town.admin.submit(form.modal, {"days": "365", "minutes": "0"})
    await panel.settled(lambda a: "at least 365 days old" in a.content)
    young = town.world.discord.person("young")
    young.account.id = town.world.discord.world.new_id(timedelta(days=364))
    town.world.discord.world.accounts[young.id] = young.account
    town.world.discord.join(town.guild, young)
    said = (await town.text(young, town.bob, "hi")).content
    assert said.startswith("Your Discord account is too new to send texts here.")
    await town.jump(timedelta(days=1))
    assert (await town.text(young, town.bob, "hi")).content.startswith(ON_ITS_WAY)


async def test_the_audit_says_who_did_what_and_has_pages(town: Town) -> None:
    assert await town.says(town.admin, "bridge audit") == "Nothing has been changed here yet."
    await town.says(town.admin, "bridge block", user=town.alice)
    await town.says(town.founder, "bridge pause", hours=1)
    lines = (await town.says(town.admin, "bridge audit")).splitlines()
    assert re.fullmatch(rf"<t:\d+:f> {town.founder.mention}: pause until <t:\d+:f>", lines[0])
    assert re.fullmatch(rf"<t:\d+:f> {town.admin.mention}: block {town.alice.mention}", lines[1])
    await town.says(town.founder, "bridge pause")
    lines = (await town.says(town.admin, "bridge audit")).splitlines()
    assert lines[0].endswith(f"{town.founder.mention}: pause until it is resumed")
    for _ in range(5):
        await town.says(town.admin, "bridge unblock", user=town.alice)
        await town.says(town.admin, "bridge block", user=town.alice)
    shown = await (await town.admin.slash(town.guild, "bridge audit")).settled()
    assert shown.content.endswith("Page 1 of 2")
    await town.restart()
    await town.admin.press(shown, "Next")
    await shown.settled(lambda a: "Page 2 of 2" in a.content)
    # Another server sees none of it.
    assert await town.says(town.founder, "bridge audit", guild=town.other_guild) == (
        "Nothing has been changed here yet."
    )


async def test_queue_and_health_count_and_name_no_recipient(town: Town) -> None:
    assert await town.says(town.admin, "bridge queue") == "No text of this server waits."
    await town.register(town.bob)
    await town.says(town.bob, "phone quiet", start="0:00", end="23:59", timezone="UTC")
    (await town.text(town.alice, town.bob, "later")).content.startswith("Kept for")
    queue = await town.says(town.admin, "bridge queue")
    assert re.fullmatch(r"vtext\.com: 1 text held for quiet hours, the oldest since <t:\d+:R>", queue)
    health = await town.says(town.admin, "bridge health")
    assert health == "Texts of the last 24 hours: 1 (1 held).\nNothing is in the way of texts."
    await town.says(town.admin, "bridge pause", hours=1)
    paused = (await town.says(town.admin, "bridge health")).splitlines()[-1]
    assert re.fullmatch(r"Texting is paused here until <t:\d+:f>\. /bridge resume ends it\.", paused)
    panel = await (await town.admin.slash(town.guild, "bridge settings")).settled()
    await town.admin.press(panel, "Switch texting off")
    await panel.settled(lambda a: "is off" in a.content)
    off = (await town.says(town.admin, "bridge health")).splitlines()[-1]
    assert off == "Texting is switched off here. /bridge settings switches it on."
    for said in (queue, health, await town.says(town.admin, "bridge audit")):
        assert str(town.bob.id) not in said
        assert BOB not in said
    assert "0." in await town.says(town.founder, "bridge health", guild=town.other_guild)


async def test_a_report_reaches_the_owner_or_the_log_channel(town: Town) -> None:
    await town.register(town.bob)
    await town.introduce(town.alice, town.bob)
    shown = await (await town.bob.slash(town.guild, "phone recent")).settled()
    assert re.fullmatch(rf"1\. {town.alice.mention} in Home, <t:\d+:R>", shown.content)
    (text_id,) = [one["value"] for row in shown.post.components for one in row["components"][0]["options"]]
    await town.bob.select(shown, "textbridge:recent", text_id)
    await shown.settled(lambda a: "Report without my name" in a.buttons)
    await town.bob.press(shown, "Report without my name")
    await shown.settled(lambda a: a.content.startswith("Reported to the admins of that server, without"))
    dm = await town.founder.dm()
    assert re.match(rf"A member reports a text that {town.alice.mention} sent <t:\d+:f>\.", dm.content)
    assert str(town.bob.id) not in dm.content
    audit = await town.says(town.admin, "bridge audit")
    assert re.fullmatch(rf"<t:\d+:f> a member: report {town.alice.mention} for a text of <t:\d+:f>", audit)
    await town.bob.press(shown, "Report with my name")
    await shown.settled(lambda a: a.content.startswith("You have reported that text already"))

    panel = await (await town.admin.slash(town.guild, "bridge settings")).settled()
    log = next(iter(town.guild.channels.values()))
    town.log_channels.add(log.id)
    await town.admin.select(panel, LOG, log)
    await panel.settled(lambda a: f"<#{log.id}>" in a.content)
    await town.introduce(town.dave, town.bob)
    shown = await (await town.bob.slash(town.guild, "phone recent")).settled()
    first = shown.post.components[0]["components"][0]["options"][0]["value"]
    await town.bob.select(shown, "textbridge:recent", first)
    await shown.settled(lambda a: "Report with my name" in a.buttons)
    await town.bob.press(shown, "Report with my name")
    await shown.settled(lambda a: a.content.startswith("Reported to the admins of that server, with your"))
    posted = await town.world.discord.world.watch.until(
        lambda: next(
            (p for p in town.bot_posts() if p.channel_id == log.id and "reports" in p.content), None
        ),
        5.0,
        "the report in the log channel",
    )
    assert posted.content.startswith(f"{town.bob.mention} reports a text that {town.dave.mention} sent")
    # Nobody else's text can be reported by its id.
    await town.bob.press(shown, "Block")
    await shown.settled(lambda a: "can't text you any more" in a.content)
    assert (await town.text(town.dave, town.bob, "hi")).content.startswith("That person isn't")


@pytest.mark.parametrize("stop", telling(["block", "pause", "off"], 1))
async def test_what_waits_is_cancelled_when_admins_stop_it(town: Town, stop: str) -> None:
    await town.register(town.bob)
    await town.says(town.bob, "phone quiet", start="0:00", end="23:59", timezone="UTC")
    answer = await town.text(town.alice, town.bob, "later")
    assert answer.content.startswith("Kept for")
    if stop == "block":
        await town.says(town.admin, "bridge block", user=town.alice)
    elif stop == "pause":
        await town.says(town.admin, "bridge pause")
    else:
        panel = await (await town.admin.slash(town.guild, "bridge settings")).settled()
        await town.admin.press(panel, "Switch texting off")
        await panel.settled(lambda a: "is off" in a.content)
    await town.says(town.bob, "phone quiet", start="off")
    wanted = standing(town.bob.mention, "cancelled", "stopped_here", 1, 0)
    await answer.settled(lambda a: a.content == wanted)
    assert len(town.phone().texts) == 1


async def report_alice(town: Town) -> None:
    shown = await (await town.bob.slash(town.guild, "phone recent")).settled()
    first = shown.post.components[0]["components"][0]["options"][0]["value"]
    await town.bob.select(shown, "textbridge:recent", first)
    await shown.settled(lambda a: "Report without my name" in a.buttons)
    await town.bob.press(shown, "Report without my name")
    await shown.settled(lambda a: a.content.startswith("Reported to"))


async def test_a_channel_that_the_bot_cannot_write_in_is_not_chosen(town: Town) -> None:
    log = next(iter(town.guild.channels.values()))
    panel = await (await town.admin.slash(town.guild, "bridge settings")).settled()
    town.world.discord.gate.fail("POST", rf"/channels/{log.id}/messages", 403, code=50001)
    await town.admin.select(panel, LOG, log)
    await panel.settled(lambda a: a.content.startswith(f"The bot can't write in <#{log.id}>."))
    assert "none; reports go to the server's owner" in panel.content


async def test_a_report_that_finds_log_channel_and_owner_closed_waits_for_an_admin(town: Town) -> None:
    await town.register(town.bob)
    await town.introduce(town.alice, town.bob)
    log = next(iter(town.guild.channels.values()))
    town.log_channels.add(log.id)
    panel = await (await town.admin.slash(town.guild, "bridge settings")).settled()
    await town.admin.select(panel, LOG, log)
    await panel.settled(lambda a: f"<#{log.id}>" in a.content)
    town.founder.account.dms_open = False
    town.world.discord.gate.fail("POST", rf"/channels/{log.id}/messages", 403, code=50001)
    await report_alice(town)
    await town.exchanged("POST", r"/channels/\d+/messages", 403, times=2)
    await town.restart()
    # No member reads it, and no admin of another server.
    for person, guild in ((town.dave, town.guild), (town.founder, town.other_guild)):
        helped = await (await person.slash(guild, "help")).settled()
        await town.says(person, "help", guild=guild)
        assert helped.followups == []
    shown = await town.admin.slash(town.guild, "bridge health")
    await shown.settled(lambda a: any(town.alice.mention in post.content for post in a.followups))
