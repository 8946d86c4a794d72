"""Remember how far each gateway's pace and breaker are, for every relay process alike."""

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import partial

from sqlalchemy import Executable, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import table_of
from bot.db.given import given, rows
from bot.db.prepared import Prepared, dialect_of
from bot.db.tables import Lane as LaneRow
from bot.db.types import microseconds
from bot.db.upsert import insert_or_ignore
from bot.domain.lanes import Lane

_LANES = table_of(LaneRow)
# A scan that hops from domain to domain, whatever waits in between. Both databases know it.
_WAITING = Prepared(
    lambda _: text(
        "WITH RECURSIVE lane(domain) AS ("
        " SELECT min(domain) FROM outbox WHERE state = 'waiting'"
        " UNION ALL"
        " SELECT (SELECT min(o.domain) FROM outbox o WHERE o.state = 'waiting' AND o.domain > lane.domain)"
        " FROM lane WHERE lane.domain IS NOT NULL"
        ") SELECT domain, EXISTS (SELECT 1 FROM outbox o WHERE o.state = 'waiting' AND o.domain = lane.domain"
        " AND o.priority = 0 AND o.due_at <= :now) FROM lane WHERE domain IS NOT NULL"
    )
)


async def waiting(session: AsyncSession, now: datetime) -> dict[str, bool]:
    """Name the gateways that mails wait for, and whether one of them is a code that may go."""
    found = await _WAITING.run(session, now=microseconds(now))
    return {domain: bool(has_code) for domain, has_code in found}


async def troubled(session: AsyncSession, domains: Collection[str]) -> set[str]:
    """Name those of the lanes that are closed or have refused lately; none on SQLite, which locks none."""
    if not domains or dialect_of(session).name == "sqlite":
        return set()
    trouble = or_(LaneRow.closed_until.is_not(None), LaneRow.refused != "")
    return set(
        (await session.scalars(select(LaneRow.domain).where(LaneRow.domain.in_(domains), trouble))).all()
    )


async def take(session: AsyncSession, domains: Collection[str], *, wait: bool = False) -> dict[str, Lane]:
    """Hold lanes to the end of this transaction; those that another relay holds just now are left out.

    With `wait` they are waited for; whoever waits takes all such lanes in one call, and before any others.
    """
    if not domains:
        return {}
    found = await _locked(session, domains, wait=wait)
    missing = set(domains) - found.keys()
    if missing:
        new = [{"domain": domain, "recent": "", "closings": 0, "refused": ""} for domain in sorted(missing)]
        await session.execute(insert_or_ignore(session, LaneRow, new))
        found |= await _locked(session, missing, wait=wait)
    return found


async def _locked(session: AsyncSession, domains: Collection[str], *, wait: bool) -> dict[str, Lane]:
    listed = await rows(session, ((each,) for each in domains), "domain")
    found = await (_WAIT_FOR if wait else _LOCK_FREE).run(session, **listed)
    return {
        domain: Lane(domain, _read(recent), closed_until, closings, tuple(map(int, refused.split())))
        for domain, recent, closed_until, closings, refused in found
    }


def _lock(dialect: str, *, skip: bool) -> Executable:
    columns = (_LANES.c.domain, _LANES.c.recent, _LANES.c.closed_until, _LANES.c.closings, _LANES.c.refused)
    wanted = select(given(dialect, domain=str).c.domain)
    asked = select(*columns).where(_LANES.c.domain.in_(wanted)).order_by(_LANES.c.domain)
    return asked.with_for_update(skip_locked=skip)


_LOCK_FREE, _WAIT_FOR = Prepared(partial(_lock, skip=True)), Prepared(partial(_lock, skip=False))


async def keep(session: AsyncSession, lanes: Iterable[Lane]) -> None:
    """Write lanes down that we hold."""
    for lane in lanes:
        values = {
            "recent": " ".join(f"{second}:{count}" for second, count in lane.recent),
            "closed_until": lane.closed_until,
            "closings": lane.closings,
            "refused": " ".join(map(str, lane.refused)),
        }
        await session.execute(update(LaneRow).where(LaneRow.domain == lane.domain).values(values))


def _read(recent: str) -> tuple[tuple[int, int], ...]:
    pairs = (pair.partition(":") for pair in recent.split())
    return tuple((int(second), int(count)) for second, _, count in pairs)
