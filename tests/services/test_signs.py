"""What gateways show is counted with the transaction that learned of it, by gateway and day."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from bot.db import signs as rows
from bot.db.store import open_store
from bot.db.tables import GatewayDay, GatewayDoubt
from bot.domain.outcome import Reply, Step
from bot.domain.signs import Measured, Sign
from bot.services.carrier_watch import CarrierWatch
from bot.services.cleaning import clean
from bot.services.registration import carrier_to_register
from bot.services.shelf import Shelf
from bot.services.signs import note
from tests.db.stores import KEY
from tests.services.editing import ADMIN, EDITOR, OWN, add
from tests.services.world import ANN, BOB, CATALOGUE, GUILD, Clock, Road, World, work

ONE = "one.example.net"
NO_SUCH_NUMBER = Reply(Step.RCPT, 550, "5.1.1 unknown")
EDITOR_ID, OWNER = 77, 0


async def measured(world: World, domain: str = ONE) -> Measured:
    async with world.store.read() as session:
        return (await rows.measured(session, world.clock())).get(domain, Measured())


def watch(world: World) -> CarrierWatch:
    return CarrierWatch(world.store, world.shelf, lambda: {EDITOR_ID}, world.clock, asyncio.Event())


async def silent_codes(world: World, *, days: int = 2, codes: int = 3, domain: str = ONE) -> None:
    """Let codes go for some days, none of which comes back; it is the day after."""
    for _ in range(days):
        await world.write(note, {domain: {Sign.CODE_SENT: codes}}, world.clock())
        world.clock.forward(days=1)


async def test_a_code_that_was_sent_and_typed_is_a_sign_of_life(world: World, road: Road) -> None:
    await world.ask_code(BOB)
    code = await world.code_of(BOB)
    await work(world.relay(road), 2)
    assert (await measured(world)).counts[Sign.CODE_SENT] == 1
    world.clock.forward(minutes=2)
    assert (await world.type_code(BOB, code)).proven
    seen = await measured(world)
    assert (seen.counts[Sign.CODE_SENT], seen.counts[Sign.CODE_TYPED]) == (1, 1)
    assert seen.last_sign_at == world.clock()


async def test_a_wrong_code_is_no_sign_of_life(world: World) -> None:
    await world.ask_code(BOB)
    right = await world.code_of(BOB)
    assert not (await world.type_code(BOB, "111111" if right != "111111" else "222222")).proven
    assert await measured(world) == Measured()


async def test_chat_that_is_taken_counts_nothing_and_a_refusal_counts_its_reason(
    world: World, road: Road
) -> None:
    await world.register(BOB)
    before = await measured(world)
    await world.text(ANN, BOB)
    await work(world.relay(road), 2)
    assert await measured(world) == before
    road.answer = lambda _: NO_SUCH_NUMBER
    await world.text(ANN, BOB)
    await work(world.relay(road), 2)
    assert (await measured(world)).counts[Sign.REFUSED_PERSON] == 1


async def test_one_row_for_a_gateway_and_day_whoever_counts(world: World, store_url: str) -> None:
    other = await open_store(store_url, [KEY])
    try:

        async def count(place: int) -> None:
            store = (world.store, other)[place % 2]
            async with store.write() as session:
                seen = {"b.example": {Sign.REPLY: 1}, "a.example": {Sign.CODE_SENT: 2}}
                await note(session, dict(list(seen.items())[:: (-1) ** place]), world.clock())

        await asyncio.gather(*(count(place) for place in range(10)))
    finally:
        await other.close()
    found = [(row.domain, row.replies, row.codes_sent) for row in await world.rows(GatewayDay)]
    assert found == [("a.example", 0, 20), ("b.example", 10, 0)]


async def test_what_is_older_than_30_days_is_not_summed_and_at_last_forgotten(world: World) -> None:
    await world.write(note, {ONE: {Sign.CODE_SENT: 3, Sign.CODE_TYPED: 1}}, world.clock())
    at = world.clock()
    world.clock.forward(days=30)
    seen = await measured(world)
    assert (seen.of(Sign.CODE_SENT), seen.last_sign_at) == (0, at)
    world.clock.forward(days=61)
    await world.write(clean, world.clock())
    assert await world.rows(GatewayDay) == []


async def test_codes_that_stay_away_put_a_gateway_in_doubt_and_say_so_once(
    world: World, store_url: str, clock: Clock
) -> None:
    await add(world, ADMIN, OWN)
    await silent_codes(world)
    other = replace(world, store=await open_store(store_url, [KEY]), shelf=Shelf(CATALOGUE, frozenset()))
    try:
        await asyncio.gather(watch(world).one_pass(), watch(other).one_pass())
    finally:
        await other.store.close()
    await watch(world).one_pass()  # another process, or this one after a restart
    clock.forward(days=1)
    await watch(world).one_pass()
    for person in (OWNER, EDITOR_ID, ADMIN.person_id):
        (told,) = await world.notices(person)
        assert told.words.startswith(f"Codes sent to {ONE} (One) have stopped coming back.")
    _, _, warning = carrier_to_register(world.shelf, GUILD, "us-one", clock())
    assert warning is not None
    assert warning.startswith("Codes sent to One's gateway have not come back lately (noted 2026-11-24)")
    assert "have not come back" not in str(carrier_to_register(world.shelf, GUILD, "us-two", clock())[2])


async def test_the_next_code_that_comes_back_ends_the_doubt(world: World) -> None:
    await silent_codes(world)
    watching = watch(world)
    await watching.one_pass()
    assert [row.domain for row in await world.rows(GatewayDoubt)] == [ONE]
    await world.register(BOB)
    assert await world.rows(GatewayDoubt) == []
    await world.write(world.shelf.refresh)
    assert carrier_to_register(world.shelf, GUILD, "us-one", world.clock())[2] is None
    await watching.one_pass()
    world.clock.forward(days=1)
    await watching.one_pass()
    assert await world.rows(GatewayDoubt) == []


async def test_a_doubt_does_not_end_because_nobody_tries_any_more(world: World) -> None:
    await silent_codes(world)
    watching = watch(world)
    await watching.one_pass()
    world.clock.forward(days=60)
    await watching.one_pass()
    assert [row.domain for row in await world.rows(GatewayDoubt)] == [ONE]
    assert len(await world.notices(OWNER)) == 1


async def test_a_gateway_that_answers_now_and_then_is_not_in_doubt(world: World) -> None:
    for _ in range(6):
        await world.write(note, {ONE: {Sign.CODE_SENT: 4, Sign.CODE_TYPED: 1}}, world.clock())
        world.clock.forward(days=1)
        await watch(world).one_pass()
    assert await world.rows(GatewayDoubt) == []
    assert timedelta(days=6) == world.clock() - (await world.rows(GatewayDay))[0].last_sign_at
    assert EDITOR.person_id != OWNER
