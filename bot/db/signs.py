"""Count what gateways show by day, sum it up, and remember which are in doubt."""

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache

from sqlalchemy import Executable, case, delete, func, literal, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import table_of
from bot.db.given import given, rows
from bot.db.tables import GatewayDay, GatewayDoubt
from bot.db.types import microseconds
from bot.db.upsert import insert_in, insert_or_ignore
from bot.domain.signs import POSITIVE, WINDOW_DAYS, Day, Measured, Sign

KEEP_DAYS = 90
_DAYS = table_of(GatewayDay)
_COUNTS = [sign.value for sign in Sign]
_COLUMNS = ("domain", "day", *_COUNTS, "last_sign_at")
_EPOCH = date(1970, 1, 1)


def _number(day: date) -> int:
    return (day - _EPOCH).days


@cache
def _add(dialect: str) -> Executable:
    """Add counts to the rows of their gateways and days, all in one statement."""
    kinds = {name: str if name == "domain" else int for name in _COLUMNS}
    new = given(dialect, **kinds)
    insert = insert_in(dialect, _DAYS).from_select(_COLUMNS, select(*new.c).where(true()))
    added = {name: _DAYS.c[name] + insert.excluded[name] for name in _COUNTS}
    newer = func.coalesce(insert.excluded["last_sign_at"], _DAYS.c.last_sign_at)
    return insert.on_conflict_do_update(
        index_elements=["domain", "day"], set_={**added, "last_sign_at": newer}
    )


async def count(session: AsyncSession, signs: Mapping[str, Mapping[Sign, int]], now: datetime) -> None:
    """Count signs by gateway."""
    if not signs:
        return
    connection = await session.connection()
    today, at = _number(now.astimezone(UTC).date()), microseconds(now)
    # In one order for everybody: else two transactions could wait for each other.
    found = [
        (
            *(domain, today, *(counts.get(sign, 0) for sign in Sign)),
            at if POSITIVE & counts.keys() else None,
        )
        for domain, counts in sorted(signs.items())
    ]
    await connection.execute(_add(connection.dialect.name), await rows(session, found, *_COLUMNS))


async def measured(
    session: AsyncSession, now: datetime, domains: Collection[str] | None = None
) -> dict[str, Measured]:
    """Sum up what gateways showed in the last 30 days, by domain."""
    first = _number(now.astimezone(UTC).date()) - WINDOW_DAYS
    recent = [func.sum(case((_DAYS.c.day > first, _DAYS.c[name]), else_=literal(0))) for name in _COUNTS]
    statement = select(_DAYS.c.domain, func.max(_DAYS.c.last_sign_at), *recent).group_by(_DAYS.c.domain)
    if domains is not None:
        statement = statement.where(_DAYS.c.domain.in_(domains))
    return {
        domain: Measured(dict(zip(Sign, map(int, counts), strict=True)), last)
        for domain, last, *counts in await session.execute(statement)
    }


async def days(session: AsyncSession, now: datetime) -> dict[str, list[Day]]:
    """List the days of the last 30, by domain, of gateways that codes went to."""
    first = _number(now.astimezone(UTC).date()) - WINDOW_DAYS - 1
    positive = sum((_DAYS.c[sign.value] for sign in sorted(POSITIVE)), start=literal(0))
    statement = select(_DAYS.c.domain, _DAYS.c.day, _DAYS.c.codes_sent, positive)
    found: dict[str, list[Day]] = {}
    for domain, number, sent, signs in await session.execute(statement.where(_DAYS.c.day >= first)):
        found.setdefault(domain, []).append(Day(_EPOCH + timedelta(days=number), sent, signs))
    return found


async def doubts(session: AsyncSession) -> dict[str, datetime]:
    """Say which gateways are in doubt, and since when."""
    found = await session.execute(select(GatewayDoubt.domain, GatewayDoubt.since))
    return dict(found.all())


async def doubt(session: AsyncSession, domain: str, now: datetime) -> bool:
    """Put a gateway in doubt; False where it is already."""
    new = insert_or_ignore(session, GatewayDoubt, [{"domain": domain, "since": now}])
    return (await session.execute(new.returning(GatewayDoubt.domain))).first() is not None


async def lift_doubts(session: AsyncSession, domains: Collection[str]) -> bool:
    """Take gateways out of doubt; False where none was."""
    lifted = delete(GatewayDoubt).where(GatewayDoubt.domain.in_(domains)).returning(GatewayDoubt.domain)
    return (await session.execute(lifted)).first() is not None


async def forget_old(session: AsyncSession, now: datetime) -> None:
    """Delete days of long ago."""
    first = _number(now.astimezone(UTC).date()) - KEEP_DAYS
    await session.execute(delete(GatewayDay).where(GatewayDay.day < first))
