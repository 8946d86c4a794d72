"""Query phones that wait for their code, and turn a proof into a registration."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Executable, bindparam, case, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import table_of
from bot.db.people import ACTIVE
from bot.db.prepared import Prepared
from bot.db.store import vault_of
from bot.db.tables import OptIn, Registration, Verification
from bot.db.types import Instant
from bot.domain.consent import EVERYONE
from bot.domain.numbering import ANOTHER_NUMBER

_INDEX_BYTES = 32


@dataclass(frozen=True, slots=True)
class Claim:
    """What a person says of their phone. The number's repr never shows."""

    person_id: int
    handle: str
    number: str
    country: str
    carrier: str
    carrier_guild: int
    domain: str
    form: str
    prefix: str
    guild_id: int | None
    wording: str

    def __repr__(self) -> str:
        """Leave the number out."""
        return f"Claim(person {self.person_id} on {self.carrier})"


async def start(session: AsyncSession, claim: Claim, code: str, expires_at: datetime) -> int:
    """Keep a new code; an earlier one for the same person or number is dead from here on. Returns its id."""
    vault = vault_of(session)
    index = vault.number_index(claim.number)
    await end(session, claim.person_id, index)
    row = Verification(
        person_id=claim.person_id,
        handle=claim.handle,
        number_sealed=vault.seal(claim.number),
        number_index=index,
        country=claim.country,
        carrier=claim.carrier,
        carrier_guild=claim.carrier_guild,
        domain=claim.domain,
        form=claim.form,
        prefix=claim.prefix,
        code_mac=vault.code_mac(claim.person_id, index, code),
        guild_id=claim.guild_id,
        wording=claim.wording,
        expires_at=expires_at,
    )
    session.add(row)
    await session.flush()
    return row.id


async def start_decoy(session: AsyncSession, claim: Claim, expires_at: datetime) -> None:
    """Keep what looks like a waiting code but proves nothing: no number, and a MAC that no code has."""
    await end(session, claim.person_id)
    session.add(
        Verification(
            person_id=claim.person_id,
            handle=claim.handle,
            number_sealed=vault_of(session).seal(""),
            number_index=secrets.token_bytes(_INDEX_BYTES),
            country=claim.country,
            carrier=claim.carrier,
            carrier_guild=claim.carrier_guild,
            domain=claim.domain,
            form=claim.form,
            prefix=claim.prefix,
            code_mac=b"",
            guild_id=claim.guild_id,
            wording=claim.wording,
            expires_at=expires_at,
        )
    )
    await session.flush()


async def end(session: AsyncSession, person_id: int, number_index: bytes | None = None) -> None:
    """Drop the waiting code of a person, and of a number."""
    which = Verification.person_id == person_id
    if number_index is not None:
        which = or_(which, Verification.number_index == number_index)
    await session.execute(delete(Verification).where(which))


async def end_number(session: AsyncSession, number_index: bytes) -> int | None:
    """Drop the code that waits for a number; returns who asked for it, if anybody."""
    gone = delete(Verification).where(Verification.number_index == number_index)
    return await session.scalar(gone.returning(Verification.person_id))


async def number_asked(session: AsyncSession, person_id: int) -> bytes | None:
    """Find the number, as its blind index, that a person last asked a code for."""
    where = Verification.person_id == person_id
    return await session.scalar(select(Verification.number_index).where(where))


async def live(session: AsyncSession, person_id: int, now: datetime) -> Verification | None:
    """Find the code a person can still type."""
    where = (Verification.person_id == person_id, Verification.expires_at > now)
    return await session.scalar(select(Verification).where(*where))


async def live_by_id(session: AsyncSession, ids: set[int], now: datetime) -> dict[int, Verification]:
    """Find waiting codes by id, for a batch of claims."""
    where = (Verification.id.in_(ids), Verification.expires_at > now)
    return {row.id: row for row in await session.scalars(select(Verification).where(*where))}


async def take_try(session: AsyncSession, person_id: int, most: int, now: datetime) -> Verification | None:
    """Use up one try before the code is looked at; None where none is left or nothing waits.

    One statement: fifty wrong codes at once still get `most` tries between them. Guessing on costs us little.
    """
    taken = await _TAKE_TRY.run(session, person_id=person_id, now=now, most=most)
    if not taken:
        return None
    wanted = select(Verification).where(Verification.id == taken[0][0])
    return await session.scalar(wanted, execution_options={"populate_existing": True})


def _take_try(dialect: str) -> Executable:
    row = table_of(Verification).c
    mine = row.person_id == bindparam("person_id", type_=BigInteger())
    alive = row.expires_at > bindparam("now", type_=Instant())
    left = row.tries < bindparam("most", type_=BigInteger())
    return (
        update(table_of(Verification)).where(mine, alive, left).values(tries=row.tries + 1).returning(row.id)
    )


_TAKE_TRY = Prepared(_take_try)


async def prove(session: AsyncSession, waiting: Verification, now: datetime) -> int | None:
    """Make the registration that a typed code proved; returns whom it took the number from, if anybody."""
    await _lock_both(session, waiting)
    evicted = await session.scalar(
        delete(Registration)
        .where(Registration.number_index == waiting.number_index, Registration.person_id != waiting.person_id)
        .returning(Registration.person_id)
    )
    if evicted is not None:
        # Whoever registers again says anew where texts may come from; what was narrower stands.
        await session.execute(delete(OptIn).where(OptIn.person_id == evicted, OptIn.audience == EVERYONE))
    values = {
        "number_sealed": waiting.number_sealed,
        "number_index": waiting.number_index,
        "country": waiting.country,
        "carrier": waiting.carrier,
        "carrier_guild": waiting.carrier_guild,
        "domain": waiting.domain,
        "form": waiting.form,
        "prefix": waiting.prefix,
        "state": ACTIVE,
        "verified_at": now,
        "sign_at": now,
        "end_told": None,
        "end_days_told": None,
    }
    same_number = Registration.number_index == waiting.number_index
    further = Registration.version + case((same_number, 1), else_=ANOTHER_NUMBER)
    again = (
        update(Registration)
        .where(Registration.person_id == waiting.person_id)
        .values(**values, version=further)
        .returning(Registration.id)
    )
    if (await session.execute(again)).first() is None:
        session.add(Registration(person_id=waiting.person_id, version=1, paused_until=None, **values))
        await session.flush()
    await end(session, waiting.person_id)
    return evicted


async def _lock_both(session: AsyncSession, waiting: Verification) -> None:
    # The person's and the number's row in one order: two who swap numbers at once would wait for each other.
    which = or_(
        Registration.person_id == waiting.person_id, Registration.number_index == waiting.number_index
    )
    await session.execute(select(Registration.id).where(which).order_by(Registration.id).with_for_update())


async def forget_old(session: AsyncSession, now: datetime) -> None:
    """Delete what nobody proved in time: it holds a number."""
    await session.execute(delete(Verification).where(Verification.expires_at <= now))
