"""Count the texts of one guild: what waits at which gateway, and what became of those of a day."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.tables import Lane, OutboxItem, TextRow

_DISCORD_EPOCH_MS = 1_420_070_400_000
# As words, not as parameters: only so SQLite sees which of its partial indexes fit.
_OPEN, _HELD = text("outbox.turn IS NOT NULL"), text("outbox.state = 'held'")


class Waiting(NamedTuple):
    """What waits at one gateway: texts, since when the oldest does, and until when the gateway is closed."""

    domain: str
    held: bool
    texts: int
    oldest: datetime
    closed_until: datetime | None


async def waiting(session: AsyncSession, guild_id: int) -> list[Waiting]:
    """Count a guild's waiting and held texts by gateway."""
    found = []
    for held, which in ((False, _OPEN), (True, _HELD)):
        oldest = func.min(TextRow.created_at, type_=TextRow.created_at.type)
        counted = (
            select(OutboxItem.domain, func.count(TextRow.id.distinct()), oldest, Lane.closed_until)
            .join(TextRow, TextRow.id == OutboxItem.text_id)
            .outerjoin(Lane, Lane.domain == OutboxItem.domain)
            .where(which, OutboxItem.guild_id == guild_id)
            .group_by(OutboxItem.domain, Lane.closed_until)
        )
        rows = await session.execute(counted)
        found += [Waiting(domain, held, count, since, until) for domain, count, since, until in rows]
    return sorted(found)


async def since(session: AsyncSession, guild_id: int, at: datetime) -> dict[str, int]:
    """Count a guild's texts from a time on, by state."""
    # A text's id is its interaction's, whose upper bits are the time: so the key finds them.
    first = (int(at.timestamp() * 1000) - _DISCORD_EPOCH_MS) << 22
    recent = TextRow.id >= first
    counted = select(TextRow.state, func.count()).where(recent, TextRow.guild_id == guild_id)
    found = (await session.execute(counted.group_by(TextRow.state))).all()
    return {row[0]: row[1] for row in found}
