"""Know how many people use each carrier, counted now and then and kept in memory."""

from datetime import timedelta
from typing import Final

from bot.db import people
from bot.db.store import Store
from bot.services.shelf import Shelf

COUNT_EVERY: Final = timedelta(minutes=10)
FEWEST_SEEN: Final = 5
"""Fewer count as none: an order that moved for one person would tell who registered with what."""


async def count_use(store: Store, shelf: Shelf) -> float:
    """Count once and tell the catalogue; returns how many seconds to wait."""
    async with store.read() as session:
        counted = await people.use_of_shared(session)
    shelf.note_use({slug: count for slug, count in counted.items() if count >= FEWEST_SEEN})
    return COUNT_EVERY.total_seconds()
