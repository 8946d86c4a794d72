"""Empty SQLite's journal once something was erased: it still holds the pages as they were before."""

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import marks
from bot.db.prepared import dialect_of
from bot.db.store import Store

_DUE = "scrub"
# Each waits as long as a writer does for its turn.
TRIES = 10


async def note_erased(session: AsyncSession) -> None:
    """Remember, also across a crash, that the journal is to be emptied."""
    if dialect_of(session).name == "sqlite":
        await marks.set_mark(session, _DUE, "due")


async def scrub(store: Store) -> None:
    """Empty the journal where that is due; where somebody reads from it just now, the next call does it."""
    async with store.read() as session:
        due = await marks.mark(session, _DUE) is not None
    for _ in range(TRIES if due else 0):
        if await _emptied(store):
            async with store.write() as session:
                await marks.drop_mark(session, _DUE)
            return


async def _emptied(store: Store) -> bool:
    async with store.writer.connect() as connection:
        # Outside any transaction: SQLite empties no journal from within one.
        driver = (await connection.get_raw_connection()).driver_connection
        cursor = driver.cursor() if driver is not None else None
        if cursor is None:
            return False
        await cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        ((busy, *_),) = await cursor.fetchall()
    return bool(busy == 0)
