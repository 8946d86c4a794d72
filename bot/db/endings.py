"""Find the people on a carrier whose gateway closes, each once for each notice."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.people import ACTIVE, SUSPENDED
from bot.db.tables import Registration


async def tell(
    session: AsyncSession, guild_id: int, slug: str, ends_on: date, step: int, began: date, most: int
) -> list[int]:
    """Note for some people on a catalogue entry that they hear of its end now; returns whom.

    Left out are who heard of this step, or a later one, and who registered since the step began.
    """
    day = ends_on.isoformat()
    news = or_(
        Registration.end_told.is_(None),
        Registration.end_told != day,
        Registration.end_days_told > step,
    )
    before = Registration.verified_at < datetime.combine(began, time(), UTC)
    which = _some(guild_id, slug, most, news, before)
    return await _set(session, which, {"end_told": day, "end_days_told": step})


async def suspend(session: AsyncSession, guild_id: int, slug: str, most: int) -> list[int]:
    """Suspend some people on a catalogue entry; returns whom."""
    values = {"state": SUSPENDED, "version": Registration.version + 1}
    return await _set(session, _some(guild_id, slug, most), values)


def _some(guild_id: int, slug: str, most: int, *more: ColumnElement[bool]) -> ColumnElement[bool]:
    mine = (Registration.carrier == slug, Registration.carrier_guild == guild_id)
    where = (*mine, Registration.state == ACTIVE, *more)
    # Of two processes at once the second passes over what the first has: it is done in a moment.
    some = select(Registration.id).where(*where).limit(most).with_for_update(skip_locked=True)
    return Registration.id.in_(some)


async def _set(session: AsyncSession, which: ColumnElement[bool], values: Mapping[str, object]) -> list[int]:
    changed = update(Registration).where(which).values(values).returning(Registration.person_id)
    return sorted((await session.scalars(changed)).all())
