"""Query what look-ups found of domains, and which domains are in use."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import table_of
from bot.db.marks import lock, mark, set_mark
from bot.db.tables import DomainLook, Registration
from bot.db.upsert import insert_for
from bot.domain.domain_look import Known

_TURN = "domain look-ups"
_AT_ONCE = 500


async def known(session: AsyncSession) -> dict[str, Known]:
    """Read what earlier nights found."""
    rows = await session.execute(select(table_of(DomainLook)))
    return {
        row.domain: Known(row.looked_at, row.good_at, row.gone_at, row.nights, row.demoted_at) for row in rows
    }


async def keep(session: AsyncSession, found: Mapping[str, Known], in_use: Collection[str]) -> None:
    """Write what is known now, and forget domains that nobody uses any more."""
    insertion = insert_for(session, DomainLook)
    columns = ("looked_at", "good_at", "gone_at", "nights", "demoted_at")
    statement = insertion.on_conflict_do_update(
        index_elements=["domain"], set_={name: insertion.excluded[name] for name in columns}
    )
    rows = [{"domain": domain, **asdict(each)} for domain, each in found.items()]
    for start in range(0, len(rows), _AT_ONCE):
        await session.execute(statement, rows[start : start + _AT_ONCE])
    old = sorted(set(await session.scalars(select(DomainLook.domain))) - set(in_use))
    for start in range(0, len(old), _AT_ONCE):
        some = old[start : start + _AT_ONCE]
        await session.execute(delete(DomainLook).where(DomainLook.domain.in_(some)))


async def domains_of_people(session: AsyncSession) -> set[str]:
    """List the domains that people are registered at."""
    return set(await session.scalars(select(Registration.domain).distinct()))


async def take_turn(session: AsyncSession, night: datetime, since: datetime, now: datetime) -> bool:
    """Set out to look all domains up, if that did not come off this night, and nobody tried since then."""
    await lock(session, _TURN, "")
    looked_at = await session.scalar(select(func.max(DomainLook.looked_at)))
    if looked_at is not None and night <= looked_at <= now:
        return False
    tried = await mark(session, _TURN)
    if tried and since <= datetime.fromisoformat(tried) <= now:
        return False
    await set_mark(session, _TURN, now.isoformat())
    return True
