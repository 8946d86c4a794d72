"""Remember which number each code went to, by its blind index alone, while its mail may be answered."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.tables import CodeUse, Registration, Verification
from bot.db.upsert import insert_for


def _key(verification_id: int) -> str:
    return f"went:{verification_id}"


async def note(session: AsyncSession, verification_id: int, number_index: bytes, now: datetime) -> None:
    """Note that a code goes to a number; it is forgotten with the other counters of codes."""
    values = {"key": _key(verification_id), "times": number_index.hex(), "last_at": now}
    await session.execute(insert_for(session, CodeUse).values(values))


async def of(session: AsyncSession, verification_id: int) -> bytes | None:
    """Tell which number a code went to; None where that was no code, or is forgotten."""
    index = await session.scalar(select(CodeUse.times).where(CodeUse.key == _key(verification_id)))
    return bytes.fromhex(index) if index is not None else None


async def asker(session: AsyncSession, number_index: bytes, now: datetime) -> tuple[int, int] | None:
    """Tell who waits for a code on a number, and for which."""
    where = (Verification.number_index == number_index, Verification.expires_at > now)
    found = await session.execute(select(Verification.person_id, Verification.id).where(*where))
    row = found.first()
    return (row[0], row[1]) if row else None


async def holder(session: AsyncSession, number_index: bytes) -> int | None:
    """Tell whose registration has a number."""
    return await session.scalar(
        select(Registration.person_id).where(Registration.number_index == number_index)
    )
