"""A text that waits while the carrier stalls is cancelled when its recipient changes their mind (T25)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from bot.domain.words import REFUSAL
from bot.sandbox.smtp_script import Step, stall
from tests.commands.test_privacy import erase as press_erase
from tests.conftest import telling
from tests.flow.town import BOB, CAROL, DAVE, GATEWAY, Town

pytestmark = pytest.mark.slow

FI, FI_GATEWAY, NEW = "us-google-fi", "msg.fi.google.com", "2065550177"
BEGAN = "On its way"
WORDS = "not for him any more"


async def block(town: Town) -> None:
    await town.says(town.bob, "phone block", user=town.alice)


async def pause(town: Town) -> None:
    await town.says(town.bob, "phone pause")


async def allow_nobody(town: Town) -> None:
    await town.says(town.bob, "phone allow", who="nobody")


async def list_nobody(town: Town) -> None:
    await town.says(town.bob, "phone allow", who="listed")


async def remove(town: Town) -> None:
    await town.says(town.bob, "phone remove")


async def erase(town: Town) -> None:
    await press_erase(town, town.bob)


async def remove_and_register_again(town: Town) -> None:
    await remove(town)
    await town.register(town.bob, BOB, FI, FI_GATEWAY)


async def change_the_number(town: Town) -> None:
    await town.register(town.bob, NEW, FI, FI_GATEWAY)


async def lose_the_number(town: Town) -> None:
    await town.register(town.admin, BOB, FI, FI_GATEWAY)


CHANGES = [
    *(block, remove, erase, lose_the_number, pause, allow_nobody, list_nobody, remove_and_register_again),
    change_the_number,
]


@pytest.mark.parametrize("change", telling(CHANGES, 4))
async def test_a_change_of_mind_while_the_carrier_stalls_cancels_what_waits(
    town: Town, change: Callable[[Town], Awaitable[None]]
) -> None:
    for person, number in ((town.bob, BOB), (town.carol, CAROL), (town.dave, DAVE)):
        await town.register(person, number)
    carriers = town.world.carriers
    for number in (CAROL, DAVE, BOB):
        carriers.tell(stall(Step.BODY, f"{number}@{GATEWAY}", times=1))
    # What is on the wire already: one text of each, Bob's too.
    on_the_wire = [
        await town.text(town.alice, person, f"before, {person.username}")
        for person in (town.carol, town.dave, town.bob)
    ]
    waiting = [await town.text(town.alice, town.bob, WORDS) for _ in range(3)]
    await change(town)
    # The lines break, so what was on them is tried again a little later.
    carriers.release()
    await asyncio.gather(
        *(answer.settled(lambda a: not a.content.startswith(BEGAN)) for answer in on_the_wire)
    )
    await town.jump(timedelta(minutes=1))
    await asyncio.gather(*(answer.settled(lambda a: a.content == REFUSAL) for answer in waiting))
    for answer in on_the_wire[:2]:
        await answer.settled(lambda a: a.content.startswith("Handed"))
    assert [mail for mail in carriers.mails if WORDS.encode() in mail.content] == []
