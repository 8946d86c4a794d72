"""What an earlier phone of somebody's says counts for nothing against, or for, the one they have now."""

from collections.abc import AsyncIterator

import pytest

from bot.domain.stopping import HALTED, STARTED
from bot.domain.words import REFUSAL
from tests.flow.test_phone_answers import ReadingTown

pytestmark = pytest.mark.slow
NEW = "2065550145"


@pytest.fixture
async def town(store_url: str) -> AsyncIterator[ReadingTown]:
    async with ReadingTown(store_url) as running:
        yield running


async def test_an_answer_from_an_earlier_phone_waits_for_its_supposed_author(town: ReadingTown) -> None:
    earlier = await town.register(town.bob)
    await town.introduce(town.alice, town.bob)
    await town.register(town.bob, NEW)
    earlier.answer("send money")
    asked = await town.bob.dm()
    assert "nothing proves it" in asked.content
    assert town.alice.dms == []


async def test_a_stop_from_an_earlier_phone_pauses_until_its_owner_lifts_it(town: ReadingTown) -> None:
    earlier = await town.register(town.bob)
    await town.introduce(town.alice, town.bob)
    await town.register(town.bob, NEW)
    earlier.answer("STOP")
    assert (await town.bob.dm()).content == HALTED
    assert await town.says(town.bob, "phone resume") == "Your phone takes texts again."
    assert (await town.text(town.alice, town.bob, "again")).content != REFUSAL


async def test_a_start_from_another_phone_lifts_no_stop(town: ReadingTown) -> None:
    earlier = await town.register(town.bob)
    await town.introduce(town.alice, town.bob)
    now = await town.register(town.bob, NEW)
    await town.introduce(town.alice, town.bob)
    now.answer("STOP")
    await town.bob.dm(lambda post: post.content.startswith("STOP came from your phone"))
    third = town.phone("2065550146")
    await town.ask_for_code(town.bob, "2065550146")
    await town.code_on(third)
    # What has this phone's own word comes last: the mails are read in order.
    for phone in (earlier, third):
        phone.answer("START")
    phone_of_carol = await town.register(town.carol, "2065550147")
    await town.introduce(town.alice, town.carol)
    phone_of_carol.answer("hello")
    await town.alice.dm(lambda post: post.content.endswith("> hello"))
    assert (await town.text(town.alice, town.bob, "again")).content == REFUSAL
    now.answer("START")
    await town.bob.dm(lambda post: post.content == STARTED)
    assert (await town.text(town.alice, town.bob, "again")).content != REFUSAL
