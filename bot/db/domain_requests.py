"""Query admins' requests for gateway domains."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.tables import DomainRequest
from bot.db.types import never_used_id
from bot.db.upsert import insert_or_ignore

ALLOWED, REFUSED = "allowed", "refused"


@dataclass(frozen=True, slots=True)
class Answered:
    """A request that was just answered."""

    guild_id: int
    domain: str
    asked_by: int


async def ask(session: AsyncSession, guild_id: int, domain: str, person_id: int, now: datetime) -> int | None:
    """Keep a request; returns its id, or None where this guild's request for the domain waits already."""
    values = {
        "id": never_used_id(),
        "guild_id": guild_id,
        "domain": domain,
        "asked_by": person_id,
        "asked_at": now,
    }
    new = insert_or_ignore(session, DomainRequest, [values]).returning(DomainRequest.id)
    return (await session.scalars(new)).first()


async def count(session: AsyncSession, guild_id: int, since: datetime) -> int:
    """Count a guild's requests since a time, answered or not."""
    asked = (DomainRequest.guild_id == guild_id, DomainRequest.asked_at > since)
    return await session.scalar(select(func.count()).select_from(DomainRequest).where(*asked)) or 0


async def answer(session: AsyncSession, request_id: int, what: str) -> Answered | None:
    """Answer a request that waits; None where it does not wait any more."""
    which = (DomainRequest.id == request_id, DomainRequest.answer.is_(None))
    found = await session.execute(
        update(DomainRequest)
        .where(*which)
        .values(answer=what)
        .returning(DomainRequest.guild_id, DomainRequest.domain, DomainRequest.asked_by)
    )
    row = found.first()
    return Answered(*row) if row else None


async def allow_all(session: AsyncSession, domain: str) -> set[int]:
    """Answer every request for a domain that is on the list now; returns who asked."""
    waiting = (DomainRequest.domain == domain, DomainRequest.answer.is_(None))
    allowed = update(DomainRequest).where(*waiting).values(answer=ALLOWED)
    return set(await session.scalars(allowed.returning(DomainRequest.asked_by)))


async def forget_old(session: AsyncSession, before: datetime) -> None:
    """Delete requests of long ago."""
    await session.execute(delete(DomainRequest).where(DomainRequest.asked_at < before))
