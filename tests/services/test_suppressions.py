"""A number that said STOP gets no code, and tells nobody so."""

import asyncio

import pytest

from bot.db.tables import Consent, OutboxItem, Registration, Suppression
from bot.domain.inbound import Kind, Trust
from bot.domain.words import CODE_SENT
from bot.services import phone
from bot.services.arrivals import Acted
from tests.services.arriving import arrives
from tests.services.world import ANN, BOB, CARL, NUMBERS, Road, World, work

CROWD = range(100, 108)


async def codes_waiting(world: World) -> int:
    return len(await world.rows(OutboxItem, OutboxItem.verification_id.is_not(None)))


async def stopped(world: World, road: Road) -> None:
    """Have Bob's phone say STOP, and the answer to that leave."""
    await world.register(BOB)
    assert await arrives(world, Kind.STOP, None) is Acted.STOP
    await work(world.relay(road))


async def test_only_a_fingerprint_of_the_number_stays(world: World, road: Road) -> None:
    await stopped(world, road)
    await world.write(phone.remove, BOB, world.clock())
    (row,) = await world.rows(Suppression)
    assert row.number_index == world.store.vault.number_index("+12065550102")
    assert await world.rows(Registration) == []
    assert [line.kind for line in await world.rows(Consent)][-2:] == ["stop", "withdrawn"]


async def test_of_many_who_ask_at_once_after_a_day_one_gets_a_code(world: World, road: Road) -> None:
    await stopped(world, road)
    world.clock.forward(hours=23)
    assert await world.ask_code(CARL, typed_number=NUMBERS[BOB]) == CODE_SENT
    assert await codes_waiting(world) == 0
    world.clock.forward(hours=2)
    said = await asyncio.gather(*(world.ask_code(person, typed_number=NUMBERS[BOB]) for person in CROWD))
    assert set(said) == {CODE_SENT}
    assert await codes_waiting(world) == 1


async def test_whoever_proves_the_number_then_has_lifted_the_stop(world: World, road: Road) -> None:
    await stopped(world, road)
    world.clock.forward(hours=25)
    await world.ask_code(CARL, typed_number=NUMBERS[BOB])
    assert (await world.type_code(CARL, await world.code_of(CARL))).proven
    assert await world.rows(Suppression) == []
    await world.text(ANN, CARL)


@pytest.mark.parametrize("number", ["2065550102", "", "2065550144"])
async def test_a_stop_ends_the_code_that_waits_whatever_number_it_shows(world: World, number: str) -> None:
    await world.ask_code(CARL, typed_number=NUMBERS[BOB])
    code = await world.code_of(CARL)
    said = {"trust": Trust.MAIL_ID, "number": number, "code_to": "+12065550102"}
    assert await arrives(world, Kind.STOP, None, person=0, **said) is Acted.STOP
    assert not (await world.type_code(CARL, code)).proven
    assert [item.state for item in await world.rows(OutboxItem)] == ["cancelled"]
    (row,) = await world.rows(Suppression)
    assert row.number_index == world.store.vault.number_index("+12065550102")


async def test_a_stop_of_nobody_s_phone_is_none(world: World) -> None:
    assert await arrives(world, Kind.STOP, None) is Acted.IGNORED
    assert await arrives(world, Kind.STOP, None, trust=Trust.UNPROVEN, number=NUMBERS[BOB]) is Acted.IGNORED
    assert await world.rows(Suppression) == []


async def test_a_second_stop_says_nothing_new(world: World, road: Road) -> None:
    await stopped(world, road)
    before = len(await world.notices(BOB))
    assert await arrives(world, Kind.STOP, None) is Acted.STOP
    assert await arrives(world, Kind.STOP, None, trust=Trust.UNPROVEN) is Acted.IGNORED
    assert len(await world.notices(BOB)) == before
    await work(world.relay(road))
    assert len(road.taken) == 1
    assert await arrives(world, Kind.START, None) is Acted.START
    assert await arrives(world, Kind.START, None) is Acted.IGNORED


async def test_an_answer_to_a_phone_whose_line_broke_is_not_sent_again(world: World, road: Road) -> None:
    await world.register(BOB)
    road.open.clear()
    await arrives(world, Kind.HELP, None)
    relay = world.relay(road)
    await relay.one_pass()
    await asyncio.wait_for(road.begun.wait(), 5)
    road.cut()
    await relay.finish()
    await relay.one_pass()
    road.open.set()
    world.clock.forward(minutes=5)
    await work(relay, 2)
    assert [item.state for item in await world.rows(OutboxItem)] == ["unsure"]
    assert (len(road.tried), road.taken) == (1, [])
    assert await world.notices(BOB) == []


async def test_an_answer_that_waited_too_long_goes_to_nobody(world: World, road: Road) -> None:
    await world.register(BOB)
    await arrives(world, Kind.HELP, None)
    world.clock.forward(hours=2)
    await work(world.relay(road), 2)
    assert [item.state for item in await world.rows(OutboxItem)] == ["expired"]
    assert (road.tried, await world.notices(BOB)) == ([], [])


async def test_an_answer_goes_to_no_phone_that_was_proved_anew(world: World, road: Road) -> None:
    await world.register(BOB)
    await arrives(world, Kind.HELP, None)
    async with world.store.write() as session:
        (row,) = (await session.execute(Registration.__table__.select())).all()
        await session.execute(Registration.__table__.update().values(version=row.version + 1))
    await work(world.relay(road), 2)
    assert [item.state for item in await world.rows(OutboxItem)] == ["cancelled"]
    assert road.tried == []


async def test_whoever_has_a_code_of_their_own_stops_no_other_number(world: World) -> None:
    """Where answers to a code go proves nothing of any other number."""
    await world.register(BOB)
    await world.ask_code(ANN)
    await world.ask_code(CARL, typed_number="206 555 0142")
    code = await world.code_of(ANN)
    for number in (NUMBERS[BOB], NUMBERS[ANN], "206 555 0177"):
        await arrives(world, Kind.STOP, None, person=0, number=number, code_to="+12065550142")
    index = world.store.vault.number_index
    assert [row.number_index for row in await world.rows(Suppression)] == [index("+12065550142")]
    assert (await world.type_code(ANN, code)).proven


async def test_a_stop_ends_an_earlier_code_of_somebody_who_went_on_to_others(world: World) -> None:
    await world.ask_code(CARL, typed_number=NUMBERS[BOB])
    await world.ask_code(CARL, typed_number="206 555 0142")
    await arrives(world, Kind.STOP, None, person=0, code_to="+12065550102")
    (row,) = await world.rows(Suppression)
    assert row.number_index == world.store.vault.number_index("+12065550102")
