"""Wake other processes on the same PostgreSQL when there is work for them; SQLite has no other processes."""

import asyncio
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.prepared import dialect_of
from bot.db.store import Store

# A bell is a kindness: whoever missed it looks again within a second all the same.
LISTEN_SLICE_S = 1.0


class Bell(StrEnum):
    """What there is to do."""

    OUTBOX = "textbridge_outbox"
    NOTICES = "textbridge_notices"


async def ring(session: AsyncSession, *bells: Bell) -> None:
    """Wake whoever listens, once this transaction is committed."""
    if dialect_of(session).name == "postgresql":
        for bell in bells:
            await session.execute(text("SELECT pg_notify(:bell, '')"), {"bell": bell.value})


class Listener:
    """Hears the bells on a connection of its own."""

    def __init__(self, store: Store, wakes: Mapping[Bell, asyncio.Event]) -> None:
        self._store, self._wakes = store, wakes

    async def listen(self, stop: asyncio.Event) -> float:
        """Set the events whose bells ring, until `stop`; raises what the database does."""
        engine = self._store.engine.execution_options(isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            for bell in self._wakes:
                await connection.execute(text(f"LISTEN {bell.value}"))
            driver: Any = (await connection.get_raw_connection()).driver_connection
            # Whatever was rung before we listened.
            for wake in self._wakes.values():
                wake.set()
            try:
                while not stop.is_set():
                    async for rung in driver.notifies(timeout=LISTEN_SLICE_S, stop_after=1):
                        self._wakes[Bell(rung.channel)].set()
            finally:
                # It must not go back to the pool: it would listen for ever.
                await connection.invalidate()
        return 0.0
