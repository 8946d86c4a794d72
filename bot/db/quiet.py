"""Find phones that have shown no sign of life for long: their numbers may be somebody else's by now."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.people import ACTIVE, QUIET
from bot.db.tables import Registration


async def silence(session: AsyncSession, before: datetime, most: int) -> list[int]:
    """Stop texts to some phones without a sign since then, until they are proved again; returns whose."""
    last_sign = func.coalesce(Registration.sign_at, Registration.verified_at)
    where = (last_sign < before, Registration.state == ACTIVE)
    # Of two processes at once the second passes over what the first has.
    some = select(Registration.id).where(*where).limit(most).with_for_update(skip_locked=True)
    values = {"state": QUIET, "version": Registration.version + 1}
    changed = update(Registration).where(Registration.id.in_(some)).values(values)
    return sorted((await session.scalars(changed.returning(Registration.person_id))).all())


async def note_sign(session: AsyncSession, person_id: int, at: datetime) -> None:
    """Note that a person's phone showed a sign of life."""
    await session.execute(update(Registration).where(Registration.person_id == person_id).values(sign_at=at))
