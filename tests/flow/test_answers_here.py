"""An answer is shown in the channel of its text where sender, server and phone know of it, and by DM else."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.domain.inbound import Kind, Trust
from bot.domain.render import ANSWERS_SHOWN
from bot.domain.words import NO_ANSWERS_HERE, NO_ANSWERS_READ
from bot.sandbox.answer import Answer
from bot.sandbox.phones import Phone
from bot.sandbox.world import Post
from bot.services.arrivals import Acted
from tests.flow.post import arrives
from tests.flow.test_phone_answers import ReadingTown
from tests.flow.town import Town

pytestmark = pytest.mark.slow
ALLOW, FORBID = "Allow answers in channels", "Answers by DM only"


@pytest.fixture
async def town(store_url: str) -> AsyncIterator[ReadingTown]:
    async with ReadingTown(store_url) as running:
        running.log_channels.add(channel_of(running))
        running.pinged.add(running.alice.id)
        yield running


def channel_of(town: ReadingTown) -> int:
    """Name the one channel of the guild."""
    return next(iter(town.guild.channels))


def posts_in(town: ReadingTown) -> list[Post]:
    """List what the bot posted there for all to read."""
    world = town.world.discord.world
    mine = [post for post in world.posts.values() if post.author_id == world.bot.id]
    return [post for post in mine if post.channel_id == channel_of(town) and not post.ephemeral]


async def shown(town: ReadingTown, place: int = 0) -> Post:
    """Wait for a post in the channel."""
    watch = town.world.discord.world.watch
    return await watch.until(lambda: dict(enumerate(posts_in(town))).get(place), 5.0, f"post {place}")


async def switch(town: ReadingTown, label: str) -> None:
    """Have an admin press a switch of /bridge settings."""
    panel = await (await town.admin.slash(town.guild, "bridge settings")).settled()
    await town.admin.press(panel, label)
    await panel.settled(lambda _: label not in panel.buttons)


async def texted_here(town: ReadingTown, words: str = "dinner?") -> tuple[Phone, Answer]:
    """Have Alice text Bob with the answer shown in the channel, all the way to his phone."""
    phone = await town.register(town.bob)
    text = await town.alice.slash(town.guild, "text", user=town.bob, message=words, answers="here")
    said = await phone.text(lambda each: words in each)
    assert said.endswith(ANSWERS_SHOWN.whole)
    return phone, await text.settled(lambda a: a.content.startswith("Handed"))


async def test_the_answer_is_shown_where_the_text_was_written(town: ReadingTown) -> None:
    await switch(town, ALLOW)
    phone, text = await texted_here(town)
    await town.restart()
    phone.answer("yes @everyone")
    post = await shown(town)
    head = f"{town.alice.mention}, {town.bob.mention} answered from their phone:"
    assert post.content == f"{head}\n> yes @\u200beveryone"
    assert (post.pinged, post.pings_everyone) == ([town.alice.id], False)
    await text.settled(lambda a: a.content == f"{town.bob.mention} answered your text.")
    assert town.alice.dms == []
    others = await (await town.carol.press(post, "Reply")).settled()
    assert others.content.startswith(f"Only {town.alice.mention} can use these buttons.")
    assert others.ephemeral
    asked = await town.alice.press(post, "Reply")
    said = await town.alice.submit(asked.modal, {"words": "see you"})
    await said.settled(lambda a: a.content.startswith("Handed"))
    assert said.ephemeral
    again = await phone.text(lambda each: "see you" in each)
    assert again == f"@alice in Home\nsee you\n{ANSWERS_SHOWN.whole}"
    phone.answer("bye")
    assert (await shown(town, 1)).content.endswith("> bye")


async def test_without_the_servers_leave_the_sender_is_told_and_nothing_goes(town: ReadingTown) -> None:
    await town.register(town.bob)
    text = await town.alice.slash(town.guild, "text", user=town.bob, message="dinner?", answers="here")
    assert (await text.settled()).content == NO_ANSWERS_HERE
    assert b"dinner" not in b"".join(mail.content for mail in town.world.carriers.mails)


async def test_a_bot_without_a_mailbox_takes_no_text_that_asks_for_answers(store_url: str) -> None:
    async with Town(store_url) as town:
        text = await town.alice.slash(town.guild, "text", user=town.bob, message="dinner?", answers="here")
        assert (await text.settled()).content == NO_ANSWERS_READ


async def test_an_answer_goes_by_dm_once_the_server_forbids_channels(town: ReadingTown) -> None:
    await switch(town, ALLOW)
    phone, _ = await texted_here(town)
    await switch(town, FORBID)
    phone.answer("yes")
    post = await town.alice.dm()
    assert post.content == f"{town.bob.mention} answered from their phone:\n> yes"
    assert posts_in(town) == []
    asked = await town.alice.press(post, "Reply")
    await town.alice.submit(asked.modal, {"words": "see you"})
    assert (await phone.text(lambda each: "see you" in each)) == "@alice in Home\nsee you"
    page = await (await town.admin.slash(town.guild, "bridge audit")).settled()
    assert "settings: answers here on to off" in page.content
    assert "settings: answers here off to on" in page.content


async def test_an_answer_goes_by_dm_where_the_channel_is_gone(town: ReadingTown) -> None:
    await switch(town, ALLOW)
    phone, _ = await texted_here(town)
    town.world.discord.world.channels.pop(channel_of(town))
    phone.answer("yes")
    assert (await town.alice.dm()).content.endswith("> yes")


async def test_an_answer_to_somebody_who_left_the_server_is_not_left_there(town: ReadingTown) -> None:
    await switch(town, ALLOW)
    phone, _ = await texted_here(town)
    town.world.discord.leave(town.guild, town.alice)
    phone.answer("yes")
    assert (await town.alice.dm()).content.endswith("> yes")
    assert posts_in(town) == []


async def test_what_nothing_proves_is_shown_in_no_channel(town: ReadingTown) -> None:
    await switch(town, ALLOW)
    _, text = await texted_here(town)
    assert await arrives(town, Kind.REPLY, town.bob, text, "forged", Trust.UNPROVEN) is Acted.REPLY
    asked = await town.bob.dm(lambda post: "nothing proves it" in post.content)
    await town.bob.press(asked, "Always send such on, marked")
    assert (await town.alice.dm()).content.startswith("**Unverified:**")
    assert posts_in(town) == []


async def test_only_the_text_that_asked_for_it_is_answered_in_the_channel(town: ReadingTown) -> None:
    await switch(town, ALLOW)
    phone, _ = await texted_here(town)
    town.clock.jump(timedelta(seconds=2))
    await town.text(town.alice, town.bob, "and alone?")
    await phone.text(lambda each: each == "@alice in Home\nand alone?")
    phone.answer("no")
    assert (await town.alice.dm()).content.endswith("> no")
    assert posts_in(town) == []
