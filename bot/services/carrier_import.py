"""Import a file of carriers: all of it or nothing, and nothing that was not shown before."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import carrier_bulk as bulk
from bot.db import carriers as entries
from bot.db import notices
from bot.domain.carrier_csv import Sheet, read_sheet
from bot.domain.errors import UserError
from bot.domain.words import CARRIER_CHANGED
from bot.services.carrier_change import Actor
from bot.services.carrier_plan import Plan, Wrong, compare, ground
from bot.services.shelf import SHARED, Shelf

_MOVED = "The carriers have changed since the difference was shown. Import the file again to see the new one."
_TRIES = 3


async def read(content: bytes) -> Sheet:
    """Read a file beside everything else; raises UserError where it is no list of carriers."""
    return await asyncio.to_thread(read_sheet, content)


async def plan(shelf: Shelf, sheet: Sheet, actor: Actor, now: datetime) -> Plan | Wrong:
    """Say what a file would change: of the shared entries for an editor, else of the guild's own."""
    _may(actor)
    owner = SHARED if actor.is_editor else actor.guild_id
    today = now.date()
    return await compare(sheet, ground(shelf, owner, is_editor=actor.is_editor, today=today), today)


async def carry_out(
    digest: str,
    again: Callable[[], Awaitable[Plan | Wrong]],
    write: Callable[[Plan], Awaitable[int | None]],
) -> tuple[Plan, int]:
    """Write what was shown, if it is still what the file changes; returns how many must prove their phone.

    Somebody else may change the catalogue between the look and the write, so the look is repeated.
    """
    for _ in range(_TRIES):
        fresh = await again()
        if isinstance(fresh, Wrong) or fresh.digest != digest:
            break
        hit = await write(fresh)
        if hit is not None:
            return fresh, hit
    raise UserError(_MOVED)


async def write(session: AsyncSession, plan: Plan, actor: Actor, now: datetime) -> int | None:
    """Write a plan; None, with nothing written, where the catalogue is not what it was compared with."""
    _may(actor)
    if plan.owner != (SHARED if actor.is_editor else actor.guild_id):
        raise UserError(_MOVED)
    await entries.take_turn(session)
    if (await entries.versions(session))[0] != plan.version:
        return None
    await bulk.add_domains(session, plan.new_domains, actor.person_id, now)
    await bulk.put_entries(session, plan.entries, actor.person_id, now)
    await bulk.drop_entries(session, plan.owner, plan.dropped)
    await bulk.audit_all(session, actor.guild_id, actor.person_id, plan.audit, now)
    hit = await bulk.unprove_all(session, plan.owner, plan.unproving)
    await notices.add_for(session, hit, "unproven", CARRIER_CHANGED, now)
    await entries.count_change(session)
    return len(hit)


def _may(actor: Actor) -> None:
    if not (actor.is_editor or actor.is_admin):
        raise UserError("Only members with Manage Server, or the bot's owner, can change carriers.")
