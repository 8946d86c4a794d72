"""A phone that is proved again, or moves to another carrier, is still the one that answers earlier texts."""

from collections.abc import AsyncIterator

import pytest

from bot.domain.stopping import STOP_WORDS
from tests.flow.test_phone_answers import ReadingTown
from tests.flow.town import BOB

pytestmark = pytest.mark.slow


@pytest.fixture
async def town(store_url: str) -> AsyncIterator[ReadingTown]:
    async with ReadingTown(store_url) as running:
        yield running


async def test_an_answer_to_a_text_from_before_another_carrier_reaches_its_sender(town: ReadingTown) -> None:
    phone = await town.register(town.bob)
    await town.introduce(town.alice, town.bob)
    await town.register(town.bob, BOB, "us-google-fi", "msg.fi.google.com")
    phone.answer("on my way")
    await town.alice.dm(lambda post: post.content.endswith("> on my way"))
    assert town.bob.dms == []


async def test_a_stop_to_a_text_from_before_a_new_proof_ends_the_number_for_good(town: ReadingTown) -> None:
    phone = await town.register(town.bob)
    await town.introduce(town.alice, town.bob)
    text = phone.last
    await town.register(town.bob)
    assert text is not None
    phone.send(text, "STOP")
    await town.bob.dm(lambda post: post.content.startswith("STOP came from your phone"))
    await phone.text(lambda shown: shown == STOP_WORDS)
