"""What people type on the sandbox's phones comes to Discord by its mailbox."""

from collections.abc import AsyncIterator

import pytest

from bot.domain.render import footer
from bot.domain.stopping import STARTED, STOP_WORDS
from bot.domain.words import REFUSAL
from tests.flow.town import Town

pytestmark = pytest.mark.slow


class ReadingTown(Town):
    """A town whose bot reads the sandbox's mailbox."""

    async def start(self) -> None:
        self.changes["imap"] = self.world.imap_config()
        await super().start()
        await self.world.mailbox.watched()


@pytest.fixture
async def town(store_url: str) -> AsyncIterator[ReadingTown]:
    async with ReadingTown(store_url) as running:
        yield running


async def test_what_a_phone_answers_reaches_the_sender_and_what_the_sender_answers_the_phone(
    town: ReadingTown,
) -> None:
    phone = await town.register(town.bob)
    text = await town.text(town.alice, town.bob, "dinner at 7?")
    shown = await phone.text(lambda each: "dinner" in each)
    assert shown == f"@alice in Home\ndinner at 7?\n{footer('', has_inbox=True).whole}"
    phone.answer("yes *please*")
    post = await town.alice.dm()
    assert post.content == f"{town.bob.mention} answered from their phone:\n> yes \\*please\\*"
    await text.settled(lambda a: a.content == f"{town.bob.mention} answered your text.")
    asked = await town.alice.press(post, "Reply")
    await town.alice.submit(asked.modal, {"words": "see you"})
    await phone.text(lambda each: each.endswith("see you"))
    phone.answer("bye")
    await town.alice.dm(lambda one: one.content.endswith("> bye"))


async def test_a_phone_that_says_stop_gets_no_more_texts(town: ReadingTown) -> None:
    phone = await town.register(town.bob)
    await town.introduce(town.alice, town.bob)
    phone.answer("STOP")
    await town.bob.dm(lambda post: post.content.startswith("STOP came from your phone"))
    await phone.text(lambda shown: shown == STOP_WORDS)
    assert (await town.text(town.alice, town.bob, "again")).content == REFUSAL
    phone.answer("Start")
    await town.bob.dm(lambda post: post.content == STARTED)
    assert (await town.text(town.alice, town.bob, "again")).content != REFUSAL
