"""Query what was changed of the catalogue at run time, and the audit of it."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import table_of
from bot.db.marks import CATALOGUE as _VERSION
from bot.db.marks import POLICIES, count_up, counted, lock
from bot.db.tables import Audit, CarrierEntry, GatewayDomain
from bot.db.upsert import insert_or_ignore, insert_or_replace


async def take_turn(session: AsyncSession) -> None:
    """Wait for everybody else who is changing the catalogue: from here to the commit it is only us.

    What a change rests on (free names, how many there are) must be read after this.
    """
    await lock(session, _VERSION, "0")


async def versions(session: AsyncSession) -> tuple[str, str]:
    """Tell which state of the catalogue's changes this is, and which of guilds' policies."""
    found = await counted(session)
    return found.get(_VERSION, "0"), found.get(POLICIES, "0")


async def count_change(session: AsyncSession) -> None:
    """Let every process take over what was written."""
    await count_up(session, _VERSION)


async def entries(session: AsyncSession) -> Sequence[Any]:
    """List every change and every own entry, as rows with CarrierEntry's columns."""
    return (await session.execute(select(table_of(CarrierEntry)))).all()


async def admins_at_domain(session: AsyncSession, domain: str) -> set[int]:
    """Name who last changed each guild's own entry at a domain."""
    own = (CarrierEntry.guild_id != 0, CarrierEntry.domain == domain, CarrierEntry.enabled.is_not(False))
    return set(await session.scalars(select(CarrierEntry.changed_by).where(*own)))


async def admins_of_own(session: AsyncSession, domains: Collection[str]) -> dict[tuple[int, str], int]:
    """Name who last changed each guild's own entry at some domains, by guild and slug."""
    own = (CarrierEntry.guild_id != 0, CarrierEntry.domain.in_(domains))
    named = select(CarrierEntry.guild_id, CarrierEntry.slug, CarrierEntry.changed_by).where(*own)
    return {(guild, slug): admin for guild, slug, admin in await session.execute(named)}


async def listed_domains(session: AsyncSession) -> set[str]:
    """List the domains that editors put on the operator's list."""
    return set(await session.scalars(select(GatewayDomain.domain)))


async def add_domain(session: AsyncSession, domain: str, editor_id: int, at: datetime) -> None:
    """Put a domain on the operator's list."""
    values = {"domain": domain, "added_by": editor_id, "at": at}
    await session.execute(insert_or_ignore(session, GatewayDomain, [values]))
    await count_up(session, _VERSION)


async def put_entry(
    session: AsyncSession, guild_id: int, slug: str, values: Mapping[str, Any], actor_id: int, at: datetime
) -> None:
    """Write a change or an own entry; only the columns named in `values` change."""
    row = {
        "guild_id": guild_id,
        "slug": slug,
        "removed": False,
        # Whoever sets a status has taken note of what the look-ups found.
        **({"demoted": None} if "status" in values else {}),
        **values,
        "changed_by": actor_id,
        "changed_at": at,
    }
    await session.execute(insert_or_replace(session, CarrierEntry, row, ("guild_id", "slug")))
    await count_up(session, _VERSION)


async def drop_entry(session: AsyncSession, guild_id: int, slug: str) -> None:
    """Delete an own entry."""
    where = (CarrierEntry.guild_id == guild_id, CarrierEntry.slug == slug)
    await session.execute(delete(CarrierEntry).where(*where))
    await count_up(session, _VERSION)


async def audited(session: AsyncSession, guild_id: int, skip: int, most: int) -> tuple[Sequence[Any], int]:
    """List what was changed in a guild, newest first, as rows with Audit's columns; and how much there is."""
    table = table_of(Audit)
    here = table.c.guild_id == guild_id
    found = select(table).where(here).order_by(table.c.id.desc()).offset(skip).limit(most)
    count = await session.scalar(select(func.count()).select_from(table).where(here))
    return (await session.execute(found)).all(), count or 0


async def audit(
    session: AsyncSession,
    guild_id: int,
    actor_id: int,
    action: str,
    subject: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    at: datetime,
) -> None:
    """Write down who changed what."""
    session.add(
        Audit(
            guild_id=guild_id,
            actor_id=actor_id,
            action=action,
            subject=subject,
            before=json.dumps(dict(before), sort_keys=True),
            after=json.dumps(dict(after), sort_keys=True),
            at=at,
        )
    )
    await session.flush()
