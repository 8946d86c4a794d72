"""Query what guilds' admins set: their policy, and whom they let send nothing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import table_of
from bot.db.marks import POLICIES, count_up, mark
from bot.db.tables import GuildBlock, GuildPolicy
from bot.db.upsert import insert_or_ignore, insert_or_replace


async def changed_since(session: AsyncSession, version: int) -> Sequence[Any]:
    """List the policies that changed after a version, as rows with GuildPolicy's columns."""
    table = table_of(GuildPolicy)
    return (await session.execute(select(table).where(table.c.version > version))).all()


async def policy_row(session: AsyncSession, guild_id: int) -> Any | None:
    """Find a guild's policy and let nobody else change it before this transaction ends."""
    table = table_of(GuildPolicy)
    await count_up(session, POLICIES)  # whoever changes a policy takes turns by this mark
    return (await session.execute(select(table).where(table.c.guild_id == guild_id))).first()


async def put_policy(session: AsyncSession, guild_id: int, values: dict[str, Any]) -> None:
    """Write a guild's policy, after policy_row()."""
    version = int(await mark(session, POLICIES) or 0)
    row = {"guild_id": guild_id, **values, "version": version}
    await session.execute(insert_or_replace(session, GuildPolicy, row, ("guild_id",)))


async def bar(session: AsyncSession, guild_id: int, person_id: int, by: int, at: datetime) -> bool:
    """Let somebody send nothing in a guild; False where it was so already."""
    values = {"guild_id": guild_id, "person_id": person_id, "blocked_by": by, "at": at}
    insert = insert_or_ignore(session, GuildBlock, [values]).returning(GuildBlock.person_id)
    return (await session.execute(insert)).first() is not None


async def barred(session: AsyncSession, guild_id: int, most: int) -> tuple[list[int], int]:
    """Return who may send nothing in a guild, the latest first and at most so many, and how many they are."""
    theirs = GuildBlock.guild_id == guild_id
    latest = select(GuildBlock.person_id).where(theirs).order_by(GuildBlock.at.desc(), GuildBlock.person_id)
    count = await session.scalar(select(func.count()).select_from(GuildBlock).where(theirs))
    return list(await session.scalars(latest.limit(most))), count or 0


async def lift(session: AsyncSession, guild_id: int, person_id: int) -> bool:
    """Let somebody send again; False where nothing was in their way."""
    where = (GuildBlock.guild_id == guild_id, GuildBlock.person_id == person_id)
    return (
        await session.execute(delete(GuildBlock).where(*where).returning(GuildBlock.at))
    ).first() is not None
