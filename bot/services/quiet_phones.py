"""Ask people to prove a phone again that showed no sign of life for a year: numbers get new owners (T22)."""

import asyncio
from datetime import date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import marks, notices, quiet
from bot.db.store import Store
from bot.domain.words import QUIET_TOLD

QUIET_AFTER = timedelta(days=365)
AT_ONCE = 200
NOTICE = "quiet"
_LOOKED = "quiet phones"
_LONGEST_GAP = timedelta(days=7)


async def see_to_quiet(store: Store, now: datetime, stop: asyncio.Event) -> None:
    """Silence and tell those whose year is over; doing it again changes nothing.

    Where the clock has leapt since the last look, the next day's look is the first that counts.
    """
    async with store.write() as session:
        steady = await _clock_is_steady(session, now.date())
    told = AT_ONCE
    while steady and told == AT_ONCE and not stop.is_set():
        async with store.write() as session:
            hit = await quiet.silence(session, now - QUIET_AFTER, AT_ONCE)
            await notices.add_for(session, hit, NOTICE, QUIET_TOLD, now)
        told = len(hit)


async def _clock_is_steady(session: AsyncSession, today: date) -> bool:
    before = await marks.mark(session, _LOOKED)
    await marks.set_mark(session, _LOOKED, today.isoformat())
    return before is not None and abs(today - date.fromisoformat(before)) <= _LONGEST_GAP
