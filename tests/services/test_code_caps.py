"""Codes are few, whoever asks, and no restart makes them more."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.db.store import open_store
from bot.db.tables import OutboxItem
from bot.domain.errors import UserError
from bot.domain.limits import Limits, Rate
from bot.domain.words import CODE_SENT
from tests.conftest import Size
from tests.db.stores import KEY
from tests.services.world import ANN, BOB, CARL, NUMBERS, Clock, World


@pytest.mark.fault
async def test_one_number_gets_three_codes_a_day_whoever_asks(world: World, clock: Clock, size: Size) -> None:
    people = range(1000, 1000 + size.pick(1000))
    for person in people:
        assert await world.ask_code(person, typed_number=NUMBERS[ANN]) == CODE_SENT
        clock.forward(seconds=60)
    assert len(await world.rows(OutboxItem)) == 3


async def test_one_number_gets_ten_codes_in_thirty_days(world: World, clock: Clock) -> None:
    for day in range(30):
        for asked in range(2):
            assert await world.ask_code(1000 + 2 * day + asked, typed_number=NUMBERS[ANN]) == CODE_SENT
        clock.forward(days=1)
    assert len(await world.rows(OutboxItem)) == 10


async def test_a_person_gets_six_codes_a_day(world: World, clock: Clock) -> None:
    for phone in range(6):
        await world.ask_code(ANN, typed_number=f"206 555 01{phone:02}")
    with pytest.raises(UserError, match=r"asked for many codes.*<t:"):
        await world.ask_code(ANN, typed_number="206 555 0150")
    clock.forward(days=1)
    await world.ask_code(ANN, typed_number="206 555 0150")
    assert len(await world.rows(OutboxItem)) == 7


async def test_the_deployment_sends_no_more_codes_than_its_limit(world: World, clock: Clock) -> None:
    world.limits = Limits(codes=Rate(2, timedelta(hours=1)))
    await world.ask_code(ANN)
    await world.ask_code(BOB)
    with pytest.raises(UserError, match=r"Many people are registering right now.*<t:"):
        await world.ask_code(CARL)
    clock.forward(hours=1)
    await world.ask_code(CARL)


async def test_a_full_deployment_does_not_tell_capped_numbers_from_free_ones(world: World) -> None:
    world.limits = Limits(codes=Rate(3, timedelta(hours=1)))
    for person in (1, 2, 3):
        await world.ask_code(person, typed_number=NUMBERS[ANN])
    said = []
    for number in (NUMBERS[ANN], NUMBERS[BOB]):
        with pytest.raises(UserError) as caught:
            await world.ask_code(CARL, typed_number=number)
        said.append(str(caught.value))
    assert said[0] == said[1]


async def test_a_restart_resets_no_cap(world: World, store_url: str) -> None:
    for person in (1, 2, 3):
        await world.ask_code(person, typed_number=NUMBERS[ANN])
    reopened = await open_store(store_url, [KEY])
    try:
        later = replace(world, store=reopened)
        assert await later.ask_code(4, typed_number=NUMBERS[ANN]) == CODE_SENT
        assert len(await later.rows(OutboxItem)) == 3
    finally:
        await reopened.close()
