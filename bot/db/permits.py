"""Look up, for a batch of claims at once, what decides whether each may still go."""

from collections.abc import Collection

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.tables import Block, OptIn

Pair = tuple[int, int]


async def audiences(session: AsyncSession, wanted: Collection[Pair]) -> dict[Pair, str]:
    """Tell who may text each person in each guild, by (person, guild); no entry without an opt-in."""
    if not wanted:
        return {}
    statement = select(OptIn.person_id, OptIn.guild_id, OptIn.audience)
    rows = await session.execute(statement.where(tuple_(OptIn.person_id, OptIn.guild_id).in_(wanted)))
    return {(person, guild): audience for person, guild, audience in rows}


async def blocked(session: AsyncSession, wanted: Collection[Pair]) -> set[Pair]:
    """Tell which (person, sender) pairs are blocked."""
    if not wanted:
        return set()
    statement = select(Block.person_id, Block.blocked_id)
    rows = await session.execute(statement.where(tuple_(Block.person_id, Block.blocked_id).in_(wanted)))
    return {(person, sender) for person, sender in rows}
