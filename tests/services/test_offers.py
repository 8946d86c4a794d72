"""What a person is offered to register with: by country and use, and the way out where carriers are dead."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from sqlalchemy import insert

from bot.db.tables import Registration
from bot.domain.catalogue import Carrier
from bot.domain.catalogue_file import Catalogue
from bot.domain.errors import UserError
from bot.services.offers import offers, service_for
from bot.services.registration import carrier_to_register
from bot.services.shelf import Shelf
from bot.services.use_counts import FEWEST_SEEN, count_use
from tests.services.editing import ADMIN, EDITOR, OWN, add, slug_of, switch
from tests.services.world import BOB, CATALOGUE, GUILD, OTHER_GUILD, World


def slugs(carriers: Iterable[Carrier]) -> list[str]:
    return [carrier.slug for carrier in carriers]


def offered(world: World, typed: str, country: str = "US", guild: int | None = GUILD) -> list[str]:
    return slugs(offers(world.shelf, guild, typed, country, world.clock().date()))


async def fill(world: World, slug: str, count: int, guild: int = 0, first: int = 10_000) -> None:
    """Let many people be registered with an entry."""
    blank = {"number_sealed": b"", "country": "US", "domain": "x.example", "form": "national", "prefix": ""}
    rows = [
        {
            **blank,
            "id": first + n,
            "person_id": first + n,
            "number_index": (first + n).to_bytes(8, "big"),
            "carrier": slug,
            "carrier_guild": guild,
            "state": "active",
            "verified_at": world.clock(),
            "sign_at": world.clock(),
        }
        for n in range(count)
    ]
    async with world.store.write() as session:
        await session.execute(insert(Registration), rows)


async def test_until_a_service_is_on_a_carrier_must_be_named(world: World) -> None:
    today = world.clock().date()
    assert "any-service" not in offered(world, "")
    with pytest.raises(UserError, match="choose carrier"):
        service_for(world.shelf, GUILD, "US", today)
    with pytest.raises(UserError, match="Ask an admin for a service"):
        carrier_to_register(world.shelf, GUILD, "us-retired", world.clock())


async def test_a_service_that_is_on_needs_no_carrier_and_is_the_way_out(world: World) -> None:
    await switch(world, EDITOR, "any-service", True)
    today = world.clock().date()
    assert service_for(world.shelf, GUILD, "DE", today).slug == "any-service"
    assert offered(world, "")[0] == "any-service"
    assert offered(world, "retired") == ["any-service", "us-retired"]
    assert offered(world, "no such company") == ["any-service"]
    assert offered(world, "two") == ["us-two"]
    assert offered(world, "servi") == ["any-service"]
    with pytest.raises(UserError, match="Service carries texts instead: use /phone register with Service"):
        carrier_to_register(world.shelf, GUILD, "us-retired", world.clock())


async def test_the_one_that_took_over_is_named(world: World) -> None:
    gone = replace(world.shelf.search(GUILD, "retired", "US")[0], slug="us-gone", successor="us-one")
    world.shelf = Shelf(Catalogue((*CATALOGUE.carriers, gone)), frozenset())
    with pytest.raises(UserError, match="One carries texts instead: use /phone register with One as"):
        carrier_to_register(world.shelf, GUILD, "us-gone", world.clock())
    await switch(world, EDITOR, "us-one", False)
    with pytest.raises(UserError, match="Choose the carrier that took over from it"):
        carrier_to_register(world.shelf, GUILD, "us-gone", world.clock())


async def test_a_service_that_a_server_hides_is_not_offered_there(world: World) -> None:
    await switch(world, EDITOR, "any-service", True)
    await switch(world, ADMIN, "any-service", False)
    assert "any-service" not in offered(world, "")
    assert offered(world, "", guild=OTHER_GUILD)[0] == "any-service"
    assert offered(world, "", guild=None)[0] == "any-service"
    with pytest.raises(UserError, match="choose carrier"):
        service_for(world.shelf, GUILD, "US", world.clock().date())


async def test_of_carriers_that_fit_the_one_that_many_use_comes_first(world: World) -> None:
    assert offered(world, "")[:3] == ["us-closing", "us-one", "us-two"]
    await fill(world, "us-two", FEWEST_SEEN + 1)
    await fill(world, "us-one", FEWEST_SEEN, first=20_000)
    assert await count_use(world.store, world.shelf) > 60
    assert offered(world, "")[:3] == ["us-two", "us-one", "us-closing"]
    assert offered(world, "", country="DE")[0] == "de-open"
    await fill(world, "us-retired", 100, first=30_000)
    await count_use(world.store, world.shelf)
    closed = offered(world, "").index("us-retired")
    assert closed > offered(world, "").index("us-closing")


async def test_the_order_does_not_tell_of_a_few_or_of_a_servers_own(world: World) -> None:
    await add(world, ADMIN, OWN)
    own = slug_of(world, GUILD, "Ours")
    before = offered(world, "")
    await world.register(BOB)
    await fill(world, own, 100, guild=GUILD)
    await fill(world, "us-two", FEWEST_SEEN - 1, first=20_000)
    await count_use(world.store, world.shelf)
    assert offered(world, "") == before
    assert own in before
    assert own not in offered(world, "", guild=OTHER_GUILD)
