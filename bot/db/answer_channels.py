"""Remember in which channel the answers to a text are shown."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.tables import AnswerChannel


async def add(session: AsyncSession, rows: Sequence[tuple[int, int, int]], at: datetime) -> None:
    """Keep the channels of texts, given as (text, guild, channel)."""
    for text_id, guild_id, channel_id in rows:
        session.add(AnswerChannel(text_id=text_id, guild_id=guild_id, channel_id=channel_id, at=at))
    if rows:
        await session.flush()


async def of(session: AsyncSession, text_id: int) -> int | None:
    """Find the channel of a text."""
    return await session.scalar(select(AnswerChannel.channel_id).where(AnswerChannel.text_id == text_id))


async def forget_old(session: AsyncSession, before: datetime) -> None:
    """Delete the channels of texts of long ago."""
    await session.execute(delete(AnswerChannel).where(AnswerChannel.at < before))
