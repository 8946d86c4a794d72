"""Count uses so that limits hold across tasks, processes and restarts."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import case, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.tables import CodeUse, Usage
from bot.db.upsert import insert_for

# Clocks of two machines differ by less. A use from later than that was counted by a clock that ran ahead.
CLOCKS_DIFFER = timedelta(minutes=5)


async def use(session: AsyncSession, key: str, most: int, per: timedelta, now: datetime) -> datetime | None:
    """Count one use of `key`; None where it fits, else the time from which the next one does.

    One statement decides, so no two transactions can both take the last place. The first use starts a window.
    """
    if most <= 0:
        return now + per
    insert = insert_for(session, Usage).values(key=key, started_at=now, used=1, ends_at=now + per)
    over = or_(Usage.ends_at <= now, Usage.ends_at > now + per + CLOCKS_DIFFER)
    statement = insert.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "used": case((over, 1), else_=Usage.used + 1),
            "started_at": case((over, insert.excluded.started_at), else_=Usage.started_at),
            "ends_at": case((over, insert.excluded.ends_at), else_=Usage.ends_at),
        },
        where=or_(over, Usage.used < most),
    ).returning(Usage.used)
    if (await session.execute(statement)).first() is not None:
        return None
    return await session.scalar(select(Usage.ends_at).where(Usage.key == key)) or now + per


async def use_exact(
    session: AsyncSession, key: str, rates: Sequence[tuple[int, timedelta]], now: datetime
) -> datetime | None:
    """Count one use under several rates, exact over any window; None where it fits, else when it will.

    For rare and dangerous things (codes). One statement makes the row, or locks and reads it: no clean-up
    can delete it in between.
    """
    insert = insert_for(session, CodeUse).values(key=key, times="", last_at=now)
    locked = insert.on_conflict_do_update(index_elements=["key"], set_={"key": key}).returning(CodeUse.times)
    longest = max(per for _, per in rates)
    known = _parse(await session.scalar(locked) or "", now)
    times = [time for time in known if now - longest < time <= now + CLOCKS_DIFFER]
    waits = [
        recent[-most] + per
        for most, per in rates
        if len(recent := [t for t in times if t > now - per]) >= most
    ]
    if waits:
        return max(waits)
    written = ",".join(str(int(time.timestamp() * 1000)) for time in [*times, now])
    await session.execute(update(CodeUse).where(CodeUse.key == key).values(times=written, last_at=now))
    return None


def _parse(times: str, now: datetime) -> list[datetime]:
    return [datetime.fromtimestamp(int(ms) / 1000, now.tzinfo) for ms in times.split(",") if ms]


async def forget_old(session: AsyncSession, now: datetime, longest: timedelta) -> None:
    """Drop counters that can refuse nothing any more."""
    await session.execute(delete(Usage).where(Usage.ends_at <= now))
    await session.execute(delete(CodeUse).where(CodeUse.last_at <= now - longest))
