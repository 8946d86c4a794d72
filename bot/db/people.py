"""Query registrations, opt-ins, blocks and the consent ledger."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, delete, func, not_, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.store import vault_of
from bot.db.tables import (
    Block,
    Consent,
    Introduction,
    ListedSender,
    OptIn,
    Registration,
    UrgentSender,
    Verification,
)
from bot.db.upsert import insert_or_ignore, insert_or_replace
from bot.domain.quiet import Quiet

# Suspended: the gateway closed on its day; unproven: the entry was changed, and a new code is needed;
# quiet: no sign of life for a year, and a new code is needed.
ACTIVE, UNPROVEN, SUSPENDED, QUIET = "active", "unproven", "suspended", "quiet"
# Stopped: the phone said STOP; halted: what seems to be the phone did; returned: too many texts came back.
STOPPED, HALTED, RETURNED = "stopped", "halted", "returned"


class Phone(NamedTuple):
    """A proven registration. The number stays sealed until number() asks for it."""

    id: int
    version: int
    person_id: int
    country: str
    carrier: str
    carrier_guild: int
    domain: str
    form: str
    prefix: str
    state: str
    paused_until: datetime | None
    verified_at: datetime
    quiet_start: int | None
    quiet_end: int | None
    quiet_zone: str | None
    sealed: bytes

    def __repr__(self) -> str:
        """Leave the number out, sealed as it is."""
        return f"Phone({self.id})"

    def paused(self, now: datetime) -> bool:
        """Tell whether texts are paused at this time."""
        return self.paused_until is not None and self.paused_until > now

    @property
    def quiet(self) -> Quiet | None:
        """Return the quiet hours, where some are set."""
        if self.quiet_start is None or self.quiet_end is None or self.quiet_zone is None:
            return None
        return Quiet(self.quiet_start, self.quiet_end, self.quiet_zone)


def _phone(row: Registration) -> Phone:
    return Phone(
        row.id,
        row.version,
        row.person_id,
        row.country,
        row.carrier,
        row.carrier_guild,
        row.domain,
        row.form,
        row.prefix,
        row.state,
        row.paused_until,
        row.verified_at,
        row.quiet_start,
        row.quiet_end,
        row.quiet_zone,
        row.number_sealed,
    )


def number_of(session: AsyncSession, phone: Phone) -> str:
    """Open the number of a registration, in E.164 form."""
    return vault_of(session).open(phone.sealed)


def index_of(session: AsyncSession, phone: Phone) -> bytes:
    """Return the blind index of a registration's number."""
    return vault_of(session).number_index(number_of(session, phone))


async def phone_of(session: AsyncSession, person_id: int) -> Phone | None:
    """Find a person's registration."""
    row = await session.scalar(select(Registration).where(Registration.person_id == person_id))
    return _phone(row) if row else None


async def pause(session: AsyncSession, person_id: int, until: datetime | None) -> bool:
    """Pause texts until a time, or resume with None; False without a registration."""
    statement = update(Registration).where(Registration.person_id == person_id).values(paused_until=until)
    return (await session.execute(statement.returning(Registration.id))).first() is not None


async def move(session: AsyncSession, person_id: int, before: Collection[str], after: str) -> bool:
    """Move a registration from one of some states to another; False where it is in none of them."""
    which = (Registration.person_id == person_id, Registration.state.in_(before))
    moved = update(Registration).where(*which).values(state=after).returning(Registration.id)
    return (await session.execute(moved)).first() is not None


async def phones(session: AsyncSession, ids: Collection[int]) -> dict[int, Phone]:
    """Find registrations by id."""
    rows = await session.scalars(select(Registration).where(Registration.id.in_(ids)))
    return {row.id: _phone(row) for row in rows}


async def set_quiet(session: AsyncSession, person_id: int, quiet: Quiet | None) -> bool:
    """Set quiet hours, or none; False without a registration."""
    start, end, zone = (quiet.start, quiet.end, quiet.zone) if quiet else (None, None, None)
    values = {"quiet_start": start, "quiet_end": end, "quiet_zone": zone}
    statement = update(Registration).where(Registration.person_id == person_id).values(values)
    return (await session.execute(statement.returning(Registration.id))).first() is not None


async def people_on_carrier(session: AsyncSession, guild_id: int, slug: str) -> list[int]:
    """List the people whose registration uses a catalogue entry, the unproven included."""
    where = (Registration.carrier == slug, Registration.carrier_guild == guild_id)
    return list((await session.scalars(select(Registration.person_id).where(*where))).all())


async def use_of_shared(session: AsyncSession) -> dict[str, int]:
    """Count the registrations of each shared catalogue entry."""
    shared = Registration.carrier_guild == 0
    counted = select(Registration.carrier, func.count()).where(shared).group_by(Registration.carrier)
    return {row[0]: row[1] for row in await session.execute(counted)}


async def unprove(
    session: AsyncSession, guild_id: int, slug: str, domain: str | None = None, form: str | None = None
) -> list[int]:
    """Take the proof from everybody on a catalogue entry who proved another domain or form than those given.

    Without either it is everybody; codes that wait to be typed are dead too. Returns whom it hit.
    """

    def which(table: type[Registration] | type[Verification]) -> ColumnElement[bool]:
        same = [table.domain == domain] if domain else []
        same += [table.form == form] if form else []
        return and_(
            table.carrier == slug, table.carrier_guild == guild_id, not_(and_(*same)) if same else true()
        )

    values = {"state": UNPROVEN, "version": Registration.version + 1}
    proven = update(Registration).where(which(Registration), Registration.state == ACTIVE).values(values)
    waiting = delete(Verification).where(which(Verification))
    hit = set(await session.scalars(proven.returning(Registration.person_id)))
    hit.update(await session.scalars(waiting.returning(Verification.person_id)))
    return sorted(hit)


async def forget_phone(session: AsyncSession, person_id: int) -> bool:
    """Delete a person's registration and all they said about who may text them; False without one."""
    gone = delete(Registration).where(Registration.person_id == person_id).returning(Registration.id)
    had = (await session.execute(gone)).first() is not None
    for table in (OptIn, Block, ListedSender, UrgentSender, Introduction):
        await session.execute(delete(table).where(table.person_id == person_id))
    return had


async def hold_phone(session: AsyncSession, person_id: int) -> bool:
    """Let nobody remove or change a registration before this transaction ends; texts come on.

    False without a registration.
    """
    row = select(Registration.id).where(Registration.person_id == person_id)
    return await session.scalar(row.with_for_update(key_share=True)) is not None


async def audience(session: AsyncSession, person_id: int, guild_id: int) -> str | None:
    """Tell who may text a person in a guild; None without an opt-in there."""
    return await session.scalar(
        select(OptIn.audience).where(OptIn.person_id == person_id, OptIn.guild_id == guild_id)
    )


async def opt_ins(session: AsyncSession, person_id: int) -> list[tuple[int, str]]:
    """List (guild, audience) of a person."""
    rows = await session.execute(select(OptIn.guild_id, OptIn.audience).where(OptIn.person_id == person_id))
    return [(guild_id, who) for guild_id, who in rows]


async def allow(session: AsyncSession, person_id: int, guild_id: int, who: str, at: datetime) -> None:
    """Set who may text a person in a guild."""
    values = {"person_id": person_id, "guild_id": guild_id, "audience": who, "at": at}
    await session.execute(insert_or_replace(session, OptIn, values, ("person_id", "guild_id")))


async def block(session: AsyncSession, person_id: int, blocked_id: int, at: datetime) -> None:
    """Block a sender; blocking twice is fine."""
    values = {"person_id": person_id, "blocked_id": blocked_id, "at": at}
    await session.execute(insert_or_ignore(session, Block, [values]))


async def unblock(session: AsyncSession, person_id: int, blocked_id: int) -> bool:
    """Lift a block; False where there was none."""
    where = (Block.person_id == person_id, Block.blocked_id == blocked_id)
    return (await session.execute(delete(Block).where(*where).returning(Block.person_id))).first() is not None


async def blocked_by(session: AsyncSession, person_id: int, most: int) -> tuple[list[int], int]:
    """Return whom a person blocked, the latest first and at most so many, and how many there are."""
    theirs = Block.person_id == person_id
    found = await session.scalars(
        select(Block.blocked_id).where(theirs).order_by(Block.at.desc(), Block.blocked_id).limit(most)
    )
    count = await session.scalar(select(func.count()).select_from(Block).where(theirs))
    return list(found), count or 0


async def is_blocked(session: AsyncSession, person_id: int, sender_id: int) -> bool:
    """Tell whether a person blocked a sender."""
    where = (Block.person_id == person_id, Block.blocked_id == sender_id)
    return (await session.scalar(select(Block.person_id).where(*where))) is not None


async def add_consent(
    session: AsyncSession,
    person_id: int,
    kind: str,
    wording: str,
    guild_id: int | None,
    at: datetime,
    other_id: int | None = None,
) -> None:
    """Add a line to the consent ledger."""
    line = Consent(
        person_id=person_id, kind=kind, wording=wording, guild_id=guild_id, other_id=other_id, at=at
    )
    session.add(line)
    await session.flush()
