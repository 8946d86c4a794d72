"""The catalogue in memory answers while somebody types."""

import time
from dataclasses import replace

from bot.domain.catalogue_file import Catalogue
from bot.services.shelf import Shelf
from tests.services.editing import EDITOR, NEW, add
from tests.services.world import CATALOGUE, GUILD, World


async def test_five_thousand_carriers_are_searched_in_milliseconds(world: World) -> None:
    plain = CATALOGUE.carriers[0]
    many = Catalogue(tuple(replace(plain, slug=f"us-{n}", name=f"Carrier {n}") for n in range(5000)))
    world.shelf = Shelf(many, frozenset())
    await add(world, EDITOR, NEW, confirmed=True)
    started = time.process_time()
    for _ in range(10):
        assert len(world.shelf.search(GUILD, "carrier 4", "US")) == 25
    assert (time.process_time() - started) / 10 < 0.1
    assert [found.name for found in world.shelf.search(GUILD, "corner", "US")] == ["Corner"]
