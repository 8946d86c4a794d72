"""Delete what has served, so that nothing grows without bound."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import limits, notices, outbox, texts

KEEP_NOTICES = timedelta(days=7)
KEEP_PARKED = timedelta(days=30)
KEEP_TEXTS = timedelta(days=90)
LONGEST_LIMIT = timedelta(days=31)
AT_ONCE = 500


async def clean(session: AsyncSession, now: datetime) -> None:
    """Delete tokens of closed answers, told notices, counters that refuse nothing, and old texts."""
    await texts.forget_answers(session, now)
    await notices.forget_told(session, now - KEEP_NOTICES)
    await notices.forget_parked(session, now - KEEP_PARKED)
    await limits.forget_old(session, now, LONGEST_LIMIT)
    await outbox.forget_old(session, now - KEEP_TEXTS, AT_ONCE)
    await texts.forget_old(session, now - KEEP_TEXTS, AT_ONCE)
