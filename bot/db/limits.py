"""Count uses so that limits hold across tasks, processes and restarts."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import BigInteger, Executable, bindparam, delete, literal, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import table_of
from bot.db.given import given, rows
from bot.db.tables import CodeUse, Usage
from bot.db.types import Instant, microseconds
from bot.db.upsert import insert_for, insert_in

# Clocks of two machines differ by less. A use from later than that was counted by a clock that ran ahead.
CLOCKS_DIFFER = timedelta(minutes=5)
_USAGES = table_of(Usage)


@cache
def _make_or_lock(dialect: str) -> Executable:
    """Make the counters that are missing and lock the others, in the given order; return them all."""
    keys = given(dialect, key=str)
    at = bindparam("now", type_=Instant())
    new = select(keys.c.key, at.label("started_at"), literal(0, BigInteger), at.label("ends_at")).where(
        true()
    )
    insert = insert_in(dialect, _USAGES).from_select(["key", "started_at", "used", "ends_at"], new)
    locked = insert.on_conflict_do_update(index_elements=["key"], set_={"used": _USAGES.c.used})
    return locked.returning(_USAGES.c.key, _USAGES.c.used, _USAGES.c.ends_at)


@cache
def _count(dialect: str) -> Executable:
    counted = given(dialect, key=str, used=int)
    return update(_USAGES).where(_USAGES.c.key == counted.c.key).values(used=counted.c.used)


@cache
def _open(dialect: str) -> Executable:
    opened = given(dialect, key=str, used=int, started_at=int, ends_at=int)
    values = {name: opened.c[name] for name in ("used", "started_at", "ends_at")}
    return update(_USAGES).where(_USAGES.c.key == opened.c.key).values(values)


class Counters:
    """Counters that this transaction holds: nobody else counts on them until it ends.

    A first use starts a window. What `use` counts is kept by `save`.
    """

    def __init__(self) -> None:
        self._windows: dict[str, tuple[int, datetime]] = {}
        self._counted: set[str] = set()
        self._opened: dict[str, datetime] = {}

    async def hold(self, session: AsyncSession, keys: Collection[str], now: datetime) -> None:
        """Make or lock counters. Whoever holds several at once asks for kinds of keys in the same order."""
        if not keys:
            return
        connection = await session.connection()
        dialect = connection.dialect.name
        # In one order for everybody: else two transactions could wait for each other.
        bound = rows(dialect, [(key,) for key in sorted(keys)], "key")
        found = await connection.execute(_make_or_lock(dialect), {**bound, "now": now})
        self._windows.update((key, (used, ends_at)) for key, used, ends_at in found)

    def use(self, key: str, most: int, per: timedelta, now: datetime) -> datetime | None:
        """Count one use of a held key; None where it fits, else the time from which the next one does."""
        if most <= 0:
            return now + per
        used, ends_at = self._windows[key]
        if ends_at <= now or ends_at > now + per + CLOCKS_DIFFER:
            self._windows[key], self._opened[key] = (1, now + per), now
            return None
        if used >= most:
            return ends_at
        self._windows[key] = (used + 1, ends_at)
        self._counted.add(key)
        return None

    async def save(self, session: AsyncSession) -> None:
        """Write down what was counted."""
        connection = await session.connection()
        dialect = connection.dialect.name
        counted = [(key, self._windows[key][0]) for key in self._counted - self._opened.keys()]
        if counted:
            await connection.execute(_count(dialect), rows(dialect, counted, "key", "used"))
        opened = [
            (key, self._windows[key][0], microseconds(at), microseconds(self._windows[key][1]))
            for key, at in self._opened.items()
        ]
        if opened:
            bound = rows(dialect, opened, "key", "used", "started_at", "ends_at")
            await connection.execute(_open(dialect), bound)
        self._counted.clear()
        self._opened.clear()


async def use(session: AsyncSession, key: str, most: int, per: timedelta, now: datetime) -> datetime | None:
    """Count one use of `key`; None where it fits, else the time from which the next one does."""
    counters = Counters()
    await counters.hold(session, [key], now)
    next_at = counters.use(key, most, per, now)
    await counters.save(session)
    return next_at


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
