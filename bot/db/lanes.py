"""Remember how far each gateway's pace and breaker are, for every relay process alike."""

from collections.abc import Collection, Iterable

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.tables import Lane as LaneRow
from bot.db.upsert import insert_or_ignore
from bot.domain.lanes import Lane

# A scan that hops from domain to domain, whatever waits in between. Both databases know it.
_WAITING = text(
    "WITH RECURSIVE lane(domain) AS ("
    " SELECT min(domain) FROM outbox WHERE state = 'waiting'"
    " UNION ALL"
    " SELECT (SELECT min(o.domain) FROM outbox o WHERE o.state = 'waiting' AND o.domain > lane.domain)"
    " FROM lane WHERE lane.domain IS NOT NULL"
    ") SELECT domain FROM lane WHERE domain IS NOT NULL"
)


async def waiting(session: AsyncSession) -> list[str]:
    """Name the gateways that mails wait for."""
    return list((await session.scalars(_WAITING)).all())


async def take(session: AsyncSession, domains: Collection[str]) -> dict[str, Lane]:
    """Hold lanes to the end of this transaction; those that another relay holds just now are left out."""
    if not domains:
        return {}
    found = await _locked(session, domains)
    missing = set(domains) - found.keys()
    if missing:
        rows = [{"domain": domain, "closings": 0, "refused": ""} for domain in sorted(missing)]
        await session.execute(insert_or_ignore(session, LaneRow, rows))
        found |= await _locked(session, missing)
    return found


async def _locked(session: AsyncSession, domains: Collection[str]) -> dict[str, Lane]:
    columns = (LaneRow.domain, LaneRow.paced_to, LaneRow.closed_until, LaneRow.closings, LaneRow.refused)
    statement = select(*columns).where(LaneRow.domain.in_(domains)).with_for_update(skip_locked=True)
    return {
        domain: Lane(domain, paced_to, closed_until, closings, tuple(map(int, refused.split())))
        for domain, paced_to, closed_until, closings, refused in await session.execute(statement)
    }


async def keep(session: AsyncSession, lanes: Iterable[Lane]) -> None:
    """Write lanes down that we hold."""
    for lane in lanes:
        values = {
            "paced_to": lane.paced_to,
            "closed_until": lane.closed_until,
            "closings": lane.closings,
            "refused": " ".join(map(str, lane.refused)),
        }
        await session.execute(update(LaneRow).where(LaneRow.domain == lane.domain).values(values))
