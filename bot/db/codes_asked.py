"""Remember, by a keyed hash alone, for which numbers a person asked a code."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.store import vault_of
from bot.db.tables import CodeUse
from bot.db.upsert import insert_or_replace


async def note(session: AsyncSession, person_id: int, number_index: bytes, at: datetime) -> None:
    """Note that a person asked a code for a number; it is kept as long as the counters of codes."""
    values = {"key": _key(session, person_id, number_index), "times": "", "last_at": at}
    await session.execute(insert_or_replace(session, CodeUse, values, ("key",)))


async def asked(session: AsyncSession, person_id: int, number_index: bytes) -> bool:
    """Tell whether a person asked a code for a number lately."""
    where = CodeUse.key == _key(session, person_id, number_index)
    return await session.scalar(select(CodeUse.key).where(where)) is not None


def _key(session: AsyncSession, person_id: int, number_index: bytes) -> str:
    # Neither the person nor the number can be read from it, nor which rows are one person's.
    return f"asked:{vault_of(session).blind_index('asked', f'{person_id}:{number_index.hex()}').hex()}"
