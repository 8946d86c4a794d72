"""People hear in time that their gateway closes, each once, and are suspended on the day."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.db.store import open_store
from bot.db.tables import Notice, OutboxItem, Registration
from bot.domain.catalogue import Kind
from bot.domain.catalogue_file import Catalogue
from bot.domain.errors import UserError
from bot.domain.words import REFUSAL
from bot.services import phone
from bot.services.carrier_change import Change
from bot.services.carrier_watch import CarrierWatch
from bot.services.registration import carrier_to_register
from bot.services.shelf import Shelf
from tests.db.stores import KEY
from tests.services.editing import ADMIN, EDITOR, OWN, add, edit, remove, slug_of, switch
from tests.services.world import ANN, BOB, CARL, CATALOGUE, GUILD, Road, World, work

CLOSING = "us-closing"
END = datetime(2027, 3, 31, tzinfo=UTC)


def watch(world: World) -> CarrierWatch:
    return CarrierWatch(world.store, world.shelf, set, world.clock, asyncio.Event())


async def at(world: World, *date: int) -> None:
    """Let it be noon of a day, and the watch look."""
    world.clock.at = datetime(*date, 12, tzinfo=UTC)  # type: ignore[misc]
    await watch(world).one_pass()


async def told(world: World, person: int) -> list[str]:
    rows = await world.rows(Notice, Notice.person_id == person, Notice.kind == "ending")
    return [row.words.partition("; ")[0].partition(", so")[0] for row in rows]


async def test_each_step_is_told_once_to_those_it_concerns(world: World) -> None:
    await world.register(ANN)
    await world.register(BOB, carrier_slug=CLOSING)
    await at(world, 2026, 12, 30)
    assert await told(world, BOB) == []
    for date in ((2026, 12, 31), (2027, 1, 1), (2027, 3, 1), (2027, 3, 23), (2027, 3, 24), (2027, 3, 30)):
        for _ in range(2):  # a restart between
            await at(world, *date)
    ends = "Closing's e-mail gateway closes on 2027-03-31, in"
    assert await told(world, BOB) == [f"{ends} 90 days", f"{ends} 30 days", f"{ends} 7 days"]
    assert await told(world, ANN) == []


async def test_of_steps_that_were_missed_only_the_last_is_told(world: World) -> None:
    await world.register(BOB, carrier_slug=CLOSING)
    await at(world, 2027, 3, 26)
    assert await told(world, BOB) == ["Closing's e-mail gateway closes on 2027-03-31, in 5 days"]


async def test_who_registers_late_was_warned_then_and_hears_of_the_next_step(world: World) -> None:
    await at(world, 2027, 2, 1)
    assert "in 58 days" in str(carrier_to_register(world.shelf, GUILD, CLOSING, world.clock())[2])
    await world.register(BOB, carrier_slug=CLOSING)
    await at(world, 2027, 2, 2)
    assert await told(world, BOB) == []
    await at(world, 2027, 3, 1)
    assert await told(world, BOB) == ["Closing's e-mail gateway closes on 2027-03-31, in 30 days"]


async def test_on_the_day_the_registration_is_suspended_and_its_person_told_all(
    world: World, road: Road
) -> None:
    await world.register(BOB, carrier_slug=CLOSING)
    world.clock.at = END.replace(day=30, hour=23)
    waiting = await world.text(ANN, BOB)
    await at(world, 2027, 3, 31)
    await at(world, 2027, 3, 31)
    (row,) = await world.rows(Registration)
    assert (row.state, row.version) == ("suspended", 2)
    (said,) = [each.words for each in await world.notices(BOB) if each.kind == "ending"]
    assert said.startswith(
        "Closing's e-mail gateway closed on 2027-03-31, so your registration is suspended and nobody can text"
    )
    assert "Use /phone register with a number of another carrier" in said
    assert said in await world.write(phone.show, BOB, world.shelf, world.clock())
    assert (await world.refused(ANN, BOB)).encode() == REFUSAL.encode()
    await work(world.relay(road), 2)
    assert road.tried == []
    assert (await world.standing(waiting))[0] in ("cancelled", "expired")


async def test_a_code_sent_before_the_end_makes_no_registration_after_it(world: World) -> None:
    world.clock.at = datetime(2027, 3, 30, 23, 55, tzinfo=UTC)
    await world.ask_code(BOB, carrier_slug=CLOSING)
    code = await world.code_of(BOB)
    world.clock.forward(minutes=7)
    assert not (await world.type_code(BOB, code)).proven
    assert await world.rows(Registration) == []


async def test_another_carrier_lifts_the_suspension_and_begins_anew(world: World) -> None:
    await world.register(BOB, carrier_slug=CLOSING)
    await at(world, 2027, 3, 31)
    await world.register(BOB)
    (row,) = await world.rows(Registration)
    assert (row.state, row.end_told, row.end_days_told) == ("active", None, None)
    await world.text(ANN, BOB)


async def test_what_an_editor_enabled_all_the_same_has_no_end(world: World) -> None:
    await at(world, 2027, 4, 1)
    await switch(world, EDITOR, CLOSING, True, confirmed=True)
    await world.register(BOB, carrier_slug=CLOSING)
    await at(world, 2027, 4, 2)
    assert (await world.rows(Registration))[0].state == "active"
    await world.text(ANN, BOB)


async def test_a_servers_own_entry_ends_with_its_gateway(world: World) -> None:
    await add(world, ADMIN, replace(OWN, domain="closing.example.net"))
    slug = slug_of(world, GUILD, "Ours")
    await world.register(BOB, carrier_slug=slug)
    await at(world, 2027, 3, 24)
    assert await told(world, BOB) == ["Ours's e-mail gateway closes on 2027-03-31, in 7 days"]
    await at(world, 2027, 3, 31)
    assert (await world.rows(Registration))[0].state == "suspended"
    with pytest.raises(UserError, match="closed on 2027-03-31"):
        carrier_to_register(world.shelf, GUILD, slug, world.clock())


async def test_a_brand_ends_with_its_companys_gateway_though_no_list_says_so(world: World) -> None:
    brand = replace(
        CATALOGUE.by_slug[CLOSING], slug="us-brand", name="Brand", kind=Kind.BRAND, retires_on=None
    )
    world.shelf = Shelf(Catalogue((*CATALOGUE.carriers, brand)), frozenset())
    await add(world, ADMIN, replace(OWN, domain="closing.example.net"))
    await world.register(BOB, carrier_slug="us-brand")
    await world.register(CARL, carrier_slug=slug_of(world, GUILD, "Ours"))
    await remove(world, EDITOR, CLOSING, confirmed=True)  # that changes nothing about the gateway
    await at(world, 2027, 3, 24)
    assert await told(world, BOB) == ["Brand's e-mail gateway closes on 2027-03-31, in 7 days"]
    assert await told(world, CARL) == ["Ours's e-mail gateway closes on 2027-03-31, in 7 days"]
    await at(world, 2027, 3, 31)
    assert {row.state for row in await world.rows(Registration)} == {"suspended"}


async def test_a_carrier_that_moved_to_another_gateway_does_not_end_with_the_old(world: World) -> None:
    await edit(world, EDITOR, CLOSING, Change(domain="two.example.net"))
    await world.register(BOB, carrier_slug=CLOSING)
    await at(world, 2027, 4, 1)
    assert await told(world, BOB) == []
    await world.text(ANN, BOB)


async def test_many_are_told_in_batches_and_once_though_two_processes_look(
    world: World, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.services.endings.AT_ONCE", 2)
    crowd = range(100, 107)
    for person in crowd:
        await world.register(person, carrier_slug=CLOSING, typed_number=f"206 555 0{person + 10}")
    other = replace(world, store=await open_store(store_url, [KEY]), shelf=Shelf(CATALOGUE, frozenset()))
    world.clock.at = datetime(2027, 3, 1, 12, tzinfo=UTC)
    try:
        await asyncio.gather(watch(world).one_pass(), watch(other).one_pass())
        for _ in range(2):
            await watch(world).one_pass()
    finally:
        await other.store.close()
    assert [len(await told(world, person)) for person in crowd] == [1] * len(crowd)


async def test_a_pass_on_the_same_day_asks_nothing_of_the_store(world: World) -> None:
    watching = watch(world)
    await watching.one_pass()
    await world.register(CARL, carrier_slug=CLOSING)
    world.clock.at = END.replace(hour=1)
    await watching.one_pass()
    assert (await world.rows(Registration))[0].state == "suspended"
    assert await world.rows(OutboxItem) == []
    await world.store.close()
    assert await watching.one_pass() == 1.0


async def test_a_stop_leaves_the_rest_to_the_next_start(world: World) -> None:
    await world.register(BOB, carrier_slug=CLOSING)
    world.clock.at = END
    stop = asyncio.Event()
    stop.set()
    await CarrierWatch(world.store, world.shelf, set, world.clock, stop).one_pass()
    assert (await world.rows(Registration))[0].state == "active"
    await watch(world).one_pass()
    assert (await world.rows(Registration))[0].state == "suspended"
