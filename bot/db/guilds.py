"""Remember which guilds the bot has left, and delete what belongs to one."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, select, union
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.guild_tables import GUILD_COLUMNS
from bot.db.tables import Audit, CarrierEntry, GuildLeft, OptIn, Usage
from bot.db.upsert import insert_or_ignore

# So many in one statement: SQLite takes some 32,000 values.
AT_ONCE = 5_000


async def known(session: AsyncSession) -> set[int]:
    """Name the guilds of which something is kept."""
    columns = (OptIn.guild_id, CarrierEntry.guild_id, Audit.guild_id)
    found = await session.scalars(union(*(select(column) for column in columns)))
    return set(found) - {0}


async def is_kept(session: AsyncSession, guild_id: int) -> bool:
    """Tell whether anything is kept that belongs to a guild."""
    for held in GUILD_COLUMNS:
        here = select(held.column).where(held.column == guild_id).limit(1)
        if held.goes and (await session.execute(here)).first() is not None:
            return True
    return False


async def note_left(session: AsyncSession, guild_ids: Collection[int], at: datetime) -> int:
    """Note that the bot is not in these any more; returns how many are new. The others keep their time."""
    new = 0
    for some in _slices(sorted(guild_ids)):
        rows = [{"guild_id": guild_id, "at": at} for guild_id in some]
        noted = insert_or_ignore(session, GuildLeft, rows).returning(GuildLeft.guild_id)
        new += len((await session.scalars(noted)).all())
    return new


async def note_back(session: AsyncSession, guild_ids: Collection[int]) -> None:
    """Note that the bot is in these."""
    for some in _slices(sorted(guild_ids)):
        await session.execute(delete(GuildLeft).where(GuildLeft.guild_id.in_(some)))


def _slices(found: Sequence[int]) -> list[Sequence[int]]:
    return [found[begin : begin + AT_ONCE] for begin in range(0, len(found), AT_ONCE)]


async def left_before(session: AsyncSession, before: datetime, most: int) -> list[int]:
    """List guilds that the bot left before a time."""
    wanted = select(GuildLeft.guild_id).where(GuildLeft.at <= before).order_by(GuildLeft.at).limit(most)
    return list((await session.scalars(wanted)).all())


async def own_carriers(session: AsyncSession, guild_id: int) -> list[str]:
    """Name a guild's own entries of the catalogue, by slug."""
    found = await session.scalars(select(CarrierEntry.slug).where(CarrierEntry.guild_id == guild_id))
    return list(found.all())


async def purge(session: AsyncSession, guild_id: int) -> None:
    """Delete all rows of a guild; what still waits to be sent from there goes with its text."""
    for held in GUILD_COLUMNS:
        if held.goes:
            gone = delete(held.table).where(held.column == guild_id)
            # Else the session first reads the key of every row.
            await session.execute(gone, execution_options={"synchronize_session": False})
    await session.execute(delete(Usage).where(Usage.key == f"guild:{guild_id}"))
