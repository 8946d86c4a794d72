"""The catalogue in memory answers while somebody types."""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import FrameType

from sqlalchemy import event

from bot.domain.catalogue_file import Catalogue
from bot.services.offers import offers
from bot.services.shelf import Shelf
from bot.services.views import MOST_VIEWS
from tests.services.editing import ADMIN, EDITOR, NEW, OWN, add, switch
from tests.services.world import CATALOGUE, GUILD, OTHER_GUILD, World

MANY = 5_000
# Calls of functions that one key press may cost for each carrier; at some 50 ns each 5,000 take 5 ms.
MOST_CALLS_A_CARRIER = 12


def many_carriers() -> Catalogue:
    plain, service = CATALOGUE.by_slug["us-one"], CATALOGUE.by_slug["any-service"]
    spread = (replace(plain, slug=f"us-{n}", name=f"Carrier {n}") for n in range(MANY - 1))
    return Catalogue((*spread, service))


def calls_of(act: Callable[[], object]) -> int:
    """Count the calls, ours and the interpreter's own, that an act makes."""
    count = 0

    def note(_frame: FrameType, kind: str, _argument: object) -> None:
        nonlocal count
        count += kind in ("call", "c_call")

    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
    return count


async def test_a_key_press_among_five_thousand_carriers_is_little_work_and_no_query(world: World) -> None:
    world.shelf = Shelf(many_carriers(), frozenset())
    await add(world, EDITOR, NEW, confirmed=True)
    await add(world, ADMIN, replace(OWN, domain="corner.example.org"))
    await switch(world, EDITOR, "any-service", True)
    today, queries = world.clock().date(), 0

    def count_query(*_: object) -> None:
        nonlocal queries
        queries += 1

    event.listen(world.store.engine.sync_engine, "before_cursor_execute", count_query)
    for guild in (GUILD, OTHER_GUILD, None):
        offers(world.shelf, guild, "", "US", today)  # the first press after a change puts the view together
        for typed in ("", "c", "carrier 4", "carrier 49999", "nothing like it", "ours", "x" * 100):
            press = partial(offers, world.shelf, guild, typed, "US", today)
            assert calls_of(press) < MOST_CALLS_A_CARRIER * MANY, typed
            assert len(press()) <= 25
    assert queries == 0
    assert [found.name for found in world.shelf.search(GUILD, "corner", "US")] == ["Corner", "Ours"]
    assert [found.name for found in world.shelf.search(OTHER_GUILD, "corner", "US")] == ["Corner"]


async def test_a_change_shows_at_the_next_key_press(world: World) -> None:
    assert world.shelf.search(GUILD, "corner", "US") == []
    await add(world, EDITOR, NEW, confirmed=True)
    (found,) = world.shelf.search(GUILD, "corner", "US")
    await switch(world, ADMIN, found.slug, False)
    assert world.shelf.search(GUILD, "corner", "US") == []
    assert world.shelf.search(OTHER_GUILD, "corner", "US") == [found]


async def test_however_many_servers_hide_something_all_are_answered(world: World) -> None:
    for guild in range(MOST_VIEWS + 6):
        await switch(world, replace(ADMIN, guild_id=guild + 1), "us-one", False)
    for _ in range(2):
        for guild in range(MOST_VIEWS + 6):
            assert world.shelf.search(guild + 1, "one", "US") == []
    assert [found.slug for found in world.shelf.search(9_999, "one", "US")] == ["us-one"]
