"""Query how often texts to a phone came back, and the way that a text took."""

from collections.abc import Collection
from datetime import UTC, date, datetime
from typing import NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.tables import BounceDay, OutboxItem, Registration
from bot.db.upsert import insert_for
from bot.domain.returned import SCORE_DAYS

_EPOCH = date(1970, 1, 1)


def _number(now: datetime) -> int:
    return (now.astimezone(UTC).date() - _EPOCH).days


class Way(NamedTuple):
    """Where a text's mails went: the registration as it was then, and the gateway."""

    registration_id: int | None
    version: int | None
    domain: str


async def way_of(session: AsyncSession, text_id: int) -> Way | None:
    """Find the way that a text took."""
    columns = (OutboxItem.registration_id, OutboxItem.registration_version, OutboxItem.domain)
    found = await session.execute(select(*columns).where(OutboxItem.text_id == text_id).limit(1))
    row = found.first()
    return Way(*row) if row else None


async def score(session: AsyncSession, registration_id: int, halves: int, now: datetime) -> tuple[bool, int]:
    """Hold a bounce against a phone; returns whether this made the day worse, and the halves of all its days.

    A day counts as its worst bounce.
    """
    today = _number(now)
    statement = insert_for(session, BounceDay).values(
        registration_id=registration_id, day=today, halves=halves
    )
    worse = statement.on_conflict_do_update(
        index_elements=["registration_id", "day"], set_={"halves": halves}, where=BounceDay.halves < halves
    )
    changed = (await session.execute(worse.returning(BounceDay.day))).first() is not None
    recent = (BounceDay.registration_id == registration_id, BounceDay.day > today - SCORE_DAYS)
    return changed, int(await session.scalar(select(func.sum(BounceDay.halves)).where(*recent)) or 0)


async def forget(session: AsyncSession, registration_ids: Collection[int]) -> None:
    """Begin anew: the phone was proved again, or is gone."""
    await session.execute(delete(BounceDay).where(BounceDay.registration_id.in_(registration_ids)))


async def forget_old(session: AsyncSession, now: datetime) -> None:
    """Delete days that count no more, and those of phones that are gone."""
    gone = BounceDay.registration_id.not_in(select(Registration.id))
    await session.execute(delete(BounceDay).where((BounceDay.day <= _number(now) - SCORE_DAYS) | gone))
