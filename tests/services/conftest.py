"""The world that the tests of services live in."""

import pytest

from bot.db.store import Store
from bot.services import delivery
from bot.services.shelf import Shelf
from tests.services.world import CATALOGUE, Clock, Road, World


@pytest.fixture
def clock() -> Clock:
    """Start at noon."""
    return Clock()


@pytest.fixture
def world(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> World:
    """Give an empty world without limits."""
    # A bot that ends gives up soon on a disk that stalls; a test waits for it.
    monkeypatch.setattr(delivery, "RECORD_WITHIN_S", 20)
    return World(store, clock, Shelf(CATALOGUE, frozenset()))


@pytest.fixture
async def road() -> Road:
    """Give a mail server that takes everything."""
    return Road()
