"""What a phone answers reaches whoever sent the text, in Discord, as words and nothing more."""

from datetime import timedelta

from bot.domain.inbound import Kind, Picture, Trust
from bot.sandbox.answer import Answer
from bot.sandbox.world import Post
from bot.services.arrivals import Acted
from tests.flow.post import arrives
from tests.flow.town import Town

PNG = Picture("holiday.png\r\n@everyone", "image/png", b"\x89PNG picture")


async def texted(town: Town, words: str = "dinner at 7?") -> Answer:
    """Have Alice text Bob, all the way to the phone."""
    phone = await town.register(town.bob)
    text = await town.text(town.alice, town.bob, words)
    await phone.text(lambda shown: words in shown)
    return await text.settled(lambda a: a.content.startswith("Handed"))


async def answered(town: Town, text: Answer, words: str, **more: object) -> Post:
    """Have Bob's phone answer; returns what Alice reads."""
    before = len(town.alice.dms)
    assert await arrives(town, Kind.REPLY, town.bob, text, words, **more) is Acted.REPLY
    return await town.alice.dm(lambda post: town.alice.dms.index(post) >= before)


async def test_an_answer_reaches_the_sender_and_their_reply_the_phone_also_after_a_restart(
    any_town: Town,
) -> None:
    town = any_town
    text = await texted(town)
    post = await answered(town, text, "see you there\nbring wine")
    assert post.content == f"{town.bob.mention} answered from their phone:\n> see you there\n> bring wine"
    await text.settled(lambda a: a.content == f"{town.bob.mention} answered your text.")
    await town.restart()
    asked = await town.alice.press(post, "Reply")
    said = await town.alice.submit(asked.modal, {"words": "red or white?"})
    await said.settled(lambda a: a.content.startswith("Handed to"))
    assert said.interaction.original is not None
    assert said.interaction.original.ephemeral
    shown = await town.phone().text(lambda words: "red or white?" in words)
    assert shown == "@alice in Home\nred or white?"
    assert (await answered(town, said, "red")).content.endswith("> red")


async def test_stop_ends_the_answers_to_what_was_texted_so_far(town: Town) -> None:
    text = await texted(town)
    post = await answered(town, text, "one")
    said = await (await town.alice.press(post, "Stop")).settled()
    assert said.content.startswith(f"You'll see no more answers from {town.bob.mention}")
    assert await arrives(town, Kind.REPLY, town.bob, text, "two") is Acted.IGNORED
    town.clock.jump(timedelta(seconds=2))
    again = await town.text(town.alice, town.bob, "and now?")
    assert (await answered(town, again, "three")).content.endswith("> three")
    assert len(town.alice.dms) == 2


async def test_closed_dms_park_an_answer_until_the_next_command(town: Town) -> None:
    text = await texted(town)
    town.alice.account.dms_open = False
    assert await arrives(town, Kind.REPLY, town.bob, text, "see you", pictures=(PNG,)) is Acted.REPLY
    await town.exchanged("POST", r"/channels/\d+/messages", 403)
    await town.restart()
    shown = await town.alice.slash(town.guild, "help")
    await shown.settled(lambda a: bool(a.followups))
    (post,) = shown.followups
    assert post.content.endswith("answered from their phone:\n> see you")
    assert post.ephemeral
    assert [one["filename"] for one in post.attachments] == ["picture-1.png"]
    asked = await town.alice.press(post, "Reply")
    said = await town.alice.submit(asked.modal, {"words": "fine"})
    await said.settled(lambda a: a.content.startswith("Handed to"))
    once_more = await town.alice.slash(town.guild, "help")
    await once_more.settled()
    assert once_more.followups == []


async def test_a_picture_comes_along_under_a_name_of_ours(town: Town) -> None:
    text = await texted(town)
    odd = Picture("x.svg", "image/svg+xml", b"<svg/>")
    post = await answered(town, text, "", pictures=(PNG, odd))
    assert post.content.startswith(f"{town.bob.mention} sent a picture from their phone. (Not all pictures")
    (picture,) = post.attachments
    assert picture["filename"] == "picture-1.png"
    assert town.world.discord.world.files[int(picture["id"])] == PNG.content


async def test_what_nothing_proves_waits_for_the_owner_of_the_phone(town: Town) -> None:
    text = await texted(town)
    assert await arrives(town, Kind.REPLY, town.bob, text, "yes", Trust.UNPROVEN) is Acted.REPLY
    asked = await town.bob.dm(lambda post: "nothing proves it" in post.content)
    assert asked.content.endswith("> yes")
    assert town.alice.dms == []
    await town.restart()
    await town.bob.press(asked, "It's mine, send it on")
    got = await town.alice.dm()
    assert got.content == f"{town.bob.mention} answered from their phone:\n> yes"
    assert asked.content == f"{town.alice.mention} gets your answer."


async def test_what_the_owner_throws_away_reaches_nobody(town: Town) -> None:
    text = await texted(town)
    await arrives(town, Kind.REPLY, town.bob, text, "you are fired", Trust.UNPROVEN)
    asked = await town.bob.dm(lambda post: "nothing proves it" in post.content)
    await (await town.bob.press(asked, "Throw it away")).settled(lambda _: not asked.components)
    assert asked.content == "Thrown away; nobody else sees it."
    await town.says(town.alice, "help")
    assert town.alice.dms == []
    await text.settled(lambda a: a.content.startswith("Handed"))


async def test_whoever_wants_it_has_such_answers_marked_and_takes_that_back(town: Town) -> None:
    text = await texted(town)
    await arrives(town, Kind.REPLY, town.bob, text, "one", Trust.UNPROVEN)
    asked = await town.bob.dm(lambda post: "nothing proves it" in post.content)
    await town.bob.press(asked, "Always send such on, marked")
    await town.alice.dm(lambda post: post.content.endswith("> one"))
    marked = await answered(town, text, "two", trust=Trust.UNPROVEN)
    assert marked.content.startswith("**Unverified:** this seems to come from")
    shown = await (await town.bob.slash(town.guild, "phone show")).settled()
    assert "marked as unverified" in shown.content
    await (await town.bob.press(shown, "Hold them again")).settled()
    await arrives(town, Kind.REPLY, town.bob, text, "three", Trust.UNPROVEN)
    await town.bob.dm(lambda post: post.content.endswith("> three"))
    assert [post.content for post in town.alice.dms if "three" in post.content] == []


async def test_whoever_left_the_server_can_reply_no_more(town: Town) -> None:
    text = await texted(town)
    post = await answered(town, text, "hello")
    asked = await town.alice.press(post, "Reply")
    del town.guild.members[town.alice.id]
    said = await (await town.alice.submit(asked.modal, {"words": "hello"})).settled()
    assert said.content.startswith("You are no longer in that server")


async def test_while_discord_cannot_say_who_is_there_a_reply_asks_to_try_again(town: Town) -> None:
    text = await texted(town)
    asked = await town.alice.press(await answered(town, text, "hello"), "Reply")
    town.world.discord.gate.fail("GET", r"/guilds/\d+/members/\d+", 403, code=50001)
    said = await (await town.alice.submit(asked.modal, {"words": "hello"})).settled()
    assert said.content.startswith("Discord couldn't be asked")


async def test_a_reply_from_a_server_that_the_bot_has_left_is_refused(town: Town) -> None:
    text = await texted(town)
    asked = await town.alice.press(await answered(town, text, "hello"), "Reply")
    world = town.world.discord.world
    del town.guild.members[world.bot.id]
    await town.restart()
    again = await town.alice.press(town.alice.dms[-1], "Reply")
    said = await (await town.alice.submit(again.modal, {"words": "hello"})).settled()
    assert said.content.startswith("You are no longer in that server")
    late = await (await town.alice.submit(asked.modal, {"words": "hello"})).settled()
    assert "too old" in late.content


async def test_reply_asks_for_the_same_roles_as_the_command(town: Town) -> None:
    discord = town.world.discord
    for person in (town.alice, town.dave):
        discord.join(town.guild, person, 1 << 13)  # a role of their own
    role = town.guild.roles[town.guild.members[town.alice.id].role_ids[0]]
    await town.restart()
    text = await texted(town)
    first = await answered(town, text, "red?")
    panel = await (await town.admin.slash(town.guild, "bridge settings")).settled()
    await town.admin.select(panel, "textbridge:bridge:roles", role)
    await panel.settled(lambda a: f"<@&{role.id}>" in a.content)
    said = await town.alice.submit((await town.alice.press(first, "Reply")).modal, {"words": "white"})
    await said.settled(lambda a: a.content.startswith("Handed to"))
    town.guild.members[town.alice.id].role_ids.clear()
    refused = await town.alice.submit((await town.alice.press(first, "Reply")).modal, {"words": "red"})
    assert (await refused.settled()).content.startswith("Only members with certain roles")


async def test_who_is_timed_out_in_a_server_texts_nobody_there_from_a_dm_either(town: Town) -> None:
    text = await texted(town)
    post = await answered(town, text, "hello")
    town.guild.members[town.alice.id].timed_out_until = town.clock() + timedelta(hours=1)
    said = await town.alice.submit((await town.alice.press(post, "Reply")).modal, {"words": "red"})
    await said.settled(lambda a: a.content.startswith("You are timed out in that server"))
    town.clock.jump(timedelta(hours=1))
    said = await town.alice.submit((await town.alice.press(post, "Reply")).modal, {"words": "white"})
    await town.phone().text(lambda words: words.endswith("white"))
    assert not any(words.endswith("red") for words in town.phone().texts)
