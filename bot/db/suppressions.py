"""Remember numbers that said STOP, by their blind index alone."""

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.tables import Suppression
from bot.db.upsert import insert_or_replace


async def add(session: AsyncSession, number_index: bytes, at: datetime) -> None:
    """Note that a number said STOP."""
    values = {"number_index": number_index, "at": at}
    await session.execute(insert_or_replace(session, Suppression, values, ("number_index",)))


async def since(session: AsyncSession, number_index: bytes) -> datetime | None:
    """Tell when a number said STOP, or when the last code went to it since."""
    where = Suppression.number_index == number_index
    return await session.scalar(select(Suppression.at).where(where))


async def take_code(session: AsyncSession, number_index: bytes, before: datetime, now: datetime) -> bool:
    """Tell whether a code may go to a number: one that said STOP may get one where that was before.

    One statement counts it, so that of many who ask at once one gets it.
    """
    if await since(session, number_index) is None:
        return True
    due = update(Suppression).where(Suppression.number_index == number_index, Suppression.at <= before)
    taken = await session.execute(due.values(at=now).returning(Suppression.number_index))
    return taken.first() is not None


async def lift(session: AsyncSession, number_index: bytes) -> bool:
    """Forget that a number said STOP; False where it had not."""
    gone = delete(Suppression).where(Suppression.number_index == number_index)
    return (await session.execute(gone.returning(Suppression.number_index))).first() is not None
