"""Count uses so that limits hold across tasks, processes and restarts."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import BigInteger, Executable, delete, literal, select, true, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import table_of
from bot.db.given import given, rows
from bot.db.prepared import Prepared, dialect_of
from bot.db.tables import CodeUse, Usage
from bot.db.types import MICROSECOND, instant, microseconds
from bot.db.upsert import insert_for, insert_in

# Clocks of two machines differ by less. A use from later than that was counted by a clock that ran ahead.
CLOCKS_DIFFER = timedelta(minutes=5)
_USAGES = table_of(Usage)
_COLUMNS = ("key", "started_at", "used", "ends_at")
# As the numbers that they are in the store.
_HELD = [_USAGES.c.key, *(type_coerce(_USAGES.c[name], BigInteger) for name in _COLUMNS[1:])]


def _look(dialect: str) -> Executable:
    """Look counters up. On SQLite whoever writes is alone, so nothing need be locked."""
    return select(*_HELD).where(_USAGES.c.key.in_(select(given(dialect, key=str).c.key)))


def _make_or_lock(dialect: str) -> Executable:
    """Make the counters that are missing and lock the others, in the given order; return them all."""
    keys = given(dialect, key=str)
    zero = literal(0, BigInteger)
    new = select(keys.c.key, zero.label("started_at"), zero.label("used"), zero.label("ends_at"))
    insert = insert_in(dialect, _USAGES).from_select(_COLUMNS, new.where(true()))
    locked = insert.on_conflict_do_update(index_elements=["key"], set_={"used": _USAGES.c.used})
    return locked.returning(*_HELD)


def _count(dialect: str) -> Executable:
    counted = given(dialect, key=str, started_at=int, used=int, ends_at=int)
    insert = insert_in(dialect, _USAGES).from_select(_COLUMNS, select(counted).where(true()))
    changed = {name: insert.excluded[name] for name in _COLUMNS[1:]}
    return insert.on_conflict_do_update(index_elements=["key"], set_=changed)


_LOOK, _MAKE_OR_LOCK, _COUNT = Prepared(_look), Prepared(_make_or_lock), Prepared(_count)


class _Window(NamedTuple):
    """From when something was counted (microseconds since 1970), how often, and until when."""

    started_at: int
    used: int
    ends_at: int


_NEVER = _Window(0, 0, 0)


class Counters:
    """Counters that this transaction holds: nobody else counts on them until it ends.

    A first use starts a window. What `use` counts is kept by `save`.
    """

    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {}
        self._counted: set[str] = set()

    async def hold(self, session: AsyncSession, keys: Collection[str]) -> None:
        """Make or lock counters. Whoever holds several at once asks for kinds of keys in the same order."""
        if not keys:
            return
        # In one order for everybody: else two transactions could wait for each other.
        bound = await rows(session, ((key,) for key in sorted(keys)), "key")
        on_sqlite = dialect_of(session).name == "sqlite"
        found = await (_LOOK if on_sqlite else _MAKE_OR_LOCK).run(session, **bound)
        self._windows |= dict.fromkeys(keys, _NEVER)
        self._windows.update((key, _Window(*window)) for key, *window in found)

    def use(self, key: str, most: int, per: timedelta, now: datetime) -> datetime | None:
        """Count one use of a held key; None where it fits, else the time from which the next one does."""
        if most <= 0:
            return now + per
        started_at, used, ends_at = self._windows[key]
        at = microseconds(now)
        if ends_at <= at or ends_at > at + (per + CLOCKS_DIFFER) // MICROSECOND:
            started_at, used, ends_at = at, 0, at + per // MICROSECOND
        if used >= most:
            return instant(ends_at)
        self._windows[key] = _Window(started_at, used + 1, ends_at)
        self._counted.add(key)
        return None

    async def save(self, session: AsyncSession) -> None:
        """Write down what was counted."""
        if not self._counted:
            return
        cells = ((key, *self._windows[key]) for key in self._counted)
        await _COUNT.run(session, **await rows(session, cells, *_COLUMNS))
        self._counted.clear()


async def use(session: AsyncSession, key: str, most: int, per: timedelta, now: datetime) -> datetime | None:
    """Count one use of `key`; None where it fits, else the time from which the next one does."""
    counters = Counters()
    await counters.hold(session, [key])
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
