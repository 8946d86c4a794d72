"""/phone quiet, recent and allow: people say when texts come, and from whom."""

import re
from datetime import datetime, timedelta

from sqlalchemy import text

from bot.domain.words import REFUSAL
from tests.flow.town import Town

LISTED, URGENT, RECENT = "textbridge:listed", "textbridge:urgent", "textbridge:recent"
ON_ITS_WAY, KEPT = "On its way", "Kept for"
LEDGER = text("SELECT person_id, kind, other_id FROM consents WHERE other_id IS NOT NULL ORDER BY id")


async def quiet_now(town: Town, hours: int = 4) -> str:
    """Set Bob's quiet hours around this very time, in a zone where clocks never change."""
    now = town.clock()
    start, end = (now - timedelta(hours=1)), now + timedelta(hours=hours)
    times = {"start": f"{start:%H:%M}", "end": f"{end:%H:%M}"}
    return await town.says(town.bob, "phone quiet", timezone="UTC", **times)


async def test_a_text_in_quiet_hours_waits_until_they_end_and_says_so(any_town: Town) -> None:
    town = any_town
    phone = await town.register(town.bob)
    assert (await quiet_now(town)).startswith("Quiet hours: ")
    answer = await town.text(town.alice, town.bob, "good morning")
    found = re.fullmatch(
        rf"Kept for {town.bob.mention}, who takes no texts right now\. "
        r"It goes out <t:(\d+):t> \(<t:\1:R>\)\.",
        answer.content,
    )
    assert found
    ends = datetime.fromtimestamp(int(found[1]), town.clock().tzinfo)
    assert timedelta(hours=3, minutes=58) < ends - town.clock() < timedelta(hours=4, minutes=1)
    assert "held" in await town.says(town.alice, "phone sent")
    await town.jump(timedelta(hours=3))
    await town.restart()
    assert len(phone.texts) == 1
    await town.jump(timedelta(hours=1, minutes=1))
    await phone.text(lambda _: len(phone.texts) == 2)
    assert phone.texts[1] == town.first("@alice in Home\ngood morning")


async def test_whoever_is_granted_it_comes_through_and_the_ledger_knows(town: Town) -> None:
    phone = await town.register(town.bob)
    await quiet_now(town)
    waiting = await town.text(town.alice, town.bob, "are you there")
    assert waiting.content.startswith(KEPT)
    shown = await (await town.bob.slash(town.guild, "phone quiet")).settled()
    await town.restart()
    await town.bob.select(shown, URGENT, town.alice, town.bob)
    await shown.settled(lambda a: town.alice.mention in a.content)
    # What was held goes at once, and so does the next.
    await phone.text(lambda _: len(phone.texts) == 2)
    assert (await town.text(town.alice, town.bob, "quick")).content.startswith(ON_ITS_WAY)
    assert (await town.text(town.dave, town.bob, "hi")).content.startswith(KEPT)
    await town.bob.select(shown, URGENT)
    await shown.settled(lambda a: a.content.startswith("Nobody reaches you"))
    assert (await town.text(town.alice, town.bob, "again")).content.startswith(KEPT)
    async with town.store() as store, store.read() as session:
        lines = (await session.execute(LEDGER)).all()
    assert [tuple(line) for line in lines] == [
        (town.bob.id, "urgent granted", town.alice.id),
        (town.bob.id, "urgent withdrawn", town.alice.id),
    ]


async def test_quiet_hours_are_set_shown_changed_and_ended(town: Town) -> None:
    assert await town.says(town.bob, "phone quiet") == (
        "You have no phone registered. Use /phone register to add one."
    )
    await town.register(town.bob)
    assert await town.says(town.bob, "phone quiet") == (
        "You have no quiet hours. Set them with start, end and timezone."
    )
    missing = "Give start, end and timezone, such as 22:00, 7:00 and Europe/Berlin."
    assert await town.says(town.bob, "phone quiet", start="22:00", end="7:00") == missing
    said = await town.says(town.bob, "phone quiet", start="10pm", end="7", timezone="europe/berlin")
    assert said.startswith("Quiet hours: 22:00 to 07:00 (Europe/Berlin).")
    assert "Quiet hours: 22:00 to 07:00 (Europe/Berlin)." in await town.says(town.bob, "phone show")
    said = await town.says(town.bob, "phone quiet", end="6:30")
    assert said.startswith("Quiet hours: 22:00 to 06:30 (Europe/Berlin).")
    same = await town.says(town.bob, "phone quiet", start="6:30")
    assert same == "Start and end are the same. To take no texts at all, use /phone pause."
    assert await town.says(town.bob, "phone quiet", start="off") == (
        "Quiet hours are off: texts reach you at any time."
    )
    assert "Quiet" not in await town.says(town.bob, "phone show")


async def test_a_time_of_nonsense_is_refused(town: Town) -> None:
    await town.register(town.bob)
    for typed in ("25:00", "7:99", "noon", "13pm", "-1"):
        answer = await town.says(town.bob, "phone quiet", start=typed, end="7:00", timezone="UTC")
        assert answer == "Write the time like 22:00 or 7am.", typed


async def test_time_zones_are_offered_while_one_types(town: Town) -> None:
    offered = await town.bob.autocomplete(town.guild, "phone quiet", "timezone", "new y")
    assert offered[0].value == "America/New_York"
    assert len(await town.bob.autocomplete(town.guild, "phone quiet", "timezone", "")) == 25
    await town.register(town.bob)
    said = await town.says(town.bob, "phone quiet", start="1", end="2", timezone="../etc/passwd")
    assert said == "Pick your time zone from the list that appears, such as Europe/Berlin."


async def test_only_listed_people_and_roles_come_through(town: Town) -> None:
    await town.register(town.bob)
    town.world.discord.join(town.guild, town.dave, 1 << 12)
    role = town.guild.roles[town.guild.members[town.dave.id].role_ids[0]]
    shown = await (await town.bob.slash(town.guild, "phone allow", who="listed")).settled()
    assert "So far that is nobody." in shown.content
    assert (await town.text(town.alice, town.bob, "hi")).content == REFUSAL
    await town.restart()
    await town.bob.select(shown, LISTED, town.alice, role)
    await shown.settled(lambda a: f"<@&{role.id}>" in a.content)
    for person in (town.alice, town.dave):
        answer = await town.text(person, town.bob, "hi")
        await answer.settled(lambda a: a.content.startswith("Handed"))
    assert (await town.text(town.carol, town.bob, "hi")).content == REFUSAL
    # In another server nothing has changed.
    assert (await town.text(town.alice, town.bob, "hi", town.other_guild)).content == REFUSAL
    await town.bob.select(shown, LISTED, role)
    await shown.settled(lambda a: town.alice.mention not in a.content)
    assert (await town.text(town.alice, town.bob, "hi")).content == REFUSAL
    # A new number keeps the list.
    await town.register(town.bob, "2065550109")
    assert (await town.text(town.alice, town.bob, "hi")).content == REFUSAL
    assert (await town.text(town.dave, town.bob, "hi")).content.startswith(ON_ITS_WAY)
    assert (await town.says(town.bob, "phone allow", who="everyone")).startswith("Everyone in this server")
    assert (await town.text(town.alice, town.bob, "hi")).content.startswith(ON_ITS_WAY)


async def test_recent_lists_who_texted_and_blocks(town: Town) -> None:
    assert await town.says(town.bob, "phone recent") == "Nobody has texted you in the last 90 days."
    await town.register(town.bob)
    await town.introduce(town.alice, town.bob)
    await town.introduce(town.dave, town.bob)
    shown = await (await town.bob.slash(town.guild, "phone recent")).settled()
    lines = shown.content.splitlines()
    assert re.fullmatch(rf"1\. {town.dave.mention} in Home, <t:\d+:R>", lines[0])
    assert re.fullmatch(rf"2\. {town.alice.mention} in Home, <t:\d+:R>", lines[1])
    options = shown.post.components[0]["components"][0]["options"]
    await town.restart()
    await town.bob.select(shown, RECENT, options[1]["value"])
    await shown.settled(lambda a: "Block" in a.buttons)
    # Nobody else can act on a text that came to Bob, even if they saw the button.
    shown.post.viewer_id = None
    other = await town.carol.press(shown, "Report with my name")
    await other.settled(lambda a: "no longer known" in a.content)


async def test_a_senders_first_text_says_how_to_stop_and_the_next_does_not(town: Town) -> None:
    phone = await town.register(town.bob)
    await town.introduce(town.alice, town.bob)
    await town.introduce(town.alice, town.bob)
    await town.introduce(town.dave, town.bob)
    assert phone.texts[1:] == [
        town.first("@alice in Home\nhello"),
        "@alice in Home\nhello",
        town.first("@dave in Home\nhello"),
    ]
