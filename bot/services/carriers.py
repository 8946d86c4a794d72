"""Let carrier editors and guild admins change the catalogue at run time, audited."""

import re
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import carriers as entries
from bot.db import notices, people
from bot.domain.catalogue import refusal
from bot.domain.errors import UserError
from bot.domain.words import CARRIER_CHANGED
from bot.services.carrier_change import (
    NOTHING,
    OWN_CARRIERS_PER_GUILD,
    Actor,
    Ask,
    Change,
    Done,
    as_values,
    checked,
    entry_values,
    opening,
)
from bot.services.carrier_list import find
from bot.services.carrier_words import (
    enabling,
    ready_service,
    removed_words,
    removing,
    stranded,
    switched_on,
    unproved,
)
from bot.services.gateway_domains import open_domain
from bot.services.offers import way_out
from bot.services.shelf import SHARED, Listed, Shelf


async def add(
    session: AsyncSession, shelf: Shelf, actor: Actor, change: Change, now: datetime, *, confirmed: bool
) -> Done | Ask:
    """Add an entry: shared for an editor, else the guild's own on a listed domain."""
    await _begin(session, shelf, actor)
    if change.name is None or change.domain is None:
        raise UserError("A carrier needs a name and a domain.")
    change = checked(change)
    owner = SHARED if actor.is_editor else actor.guild_id
    _has_room(shelf, owner)
    ask = await open_domain(session, shelf, actor, change, now, confirmed=confirmed)
    if ask is not None:
        return ask
    # A guild's own entry must never share its slug with one that is added for everyone later.
    kind = "" if owner == SHARED else "own "
    slug = _free_slug(shelf, actor.guild_id, f"{kind}{change.country or 'any'} {change.name}")
    values = as_values(change)
    # An entry of this slug may have been removed: nothing of it comes back.
    await entries.put_entry(session, owner, slug, {**NOTHING, **values}, actor.person_id, now)
    await entries.audit(session, actor.guild_id, actor.person_id, "carrier add", slug, {}, values, now)
    whose = "for everyone" if owner == SHARED else "for this server"
    return Done(
        f"Added {change.name} at {change.domain} {whose}. People can now use it with /phone register."
    )


async def edit(
    session: AsyncSession,
    shelf: Shelf,
    actor: Actor,
    slug: str,
    change: Change,
    now: datetime,
    *,
    confirmed: bool,
) -> Done | Ask:
    """Change an entry; a new domain or form takes the proof from the people who use it, and tells them."""
    listed = await _owned(session, shelf, actor, slug)
    slug = listed.carrier.slug  # what was typed may have been the name
    change = checked(change)
    values = as_values(change)
    if not values:
        raise UserError("Say what to change: name, domain, form or status.")
    opened = opening(change, listed.carrier)
    ask = await open_domain(session, shelf, actor, opened, now, confirmed=confirmed)
    if ask is not None:
        return ask
    if "status" in values:
        values["status_date"] = now.date().isoformat()
    before = entry_values(listed.carrier)
    await entries.put_entry(session, listed.guild, slug, values, actor.person_id, now)
    await entries.audit(
        session,
        actor.guild_id,
        actor.person_id,
        "carrier edit",
        slug,
        {k: before.get(k) for k in values},
        values,
        now,
    )
    told = ""
    if any(name in values and values[name] != before.get(name) for name in ("domain", "form")):
        hit = await people.unprove(session, listed.guild, slug, values.get("domain"), values.get("form"))
        await notices.add_for(session, hit, "unproven", CARRIER_CHANGED, now)
        told = unproved(actor, len(hit))
    return Done(f"Changed {change.name or listed.carrier.name}.{told} /carrier show shows it.")


async def switch(
    session: AsyncSession, shelf: Shelf, actor: Actor, slug: str, on: bool, now: datetime, *, confirmed: bool
) -> Done | Ask:
    """Switch an entry on or off: for everyone as an editor, else in this guild."""
    await _begin(session, shelf, actor)
    # What an editor removed is still there to be enabled again.
    listed = find(shelf, actor.guild_id, slug, removed=on and actor.is_editor)
    carrier, slug = listed.carrier, listed.carrier.slug
    everywhere = shelf.find(None, slug)
    if on and not actor.is_editor and listed.guild == SHARED and everywhere and everywhere.off:
        raise UserError(f"{carrier.name} is switched off for everyone. Only the bot's owner can enable it.")
    owner = listed.guild if actor.is_editor or listed.guild != SHARED else actor.guild_id
    closed = refusal(replace(carrier, enabled=False) if actor.is_editor else carrier, now.date())
    if on and closed is not None:
        if not actor.is_editor:
            raise UserError(f"{closed} Only the bot's owner can enable it.")
        still_closed = refusal(replace(carrier, enabled=True), now.date())
        if still_closed is not None:
            raise UserError(still_closed)
        if not confirmed and not ready_service(carrier):
            return Ask(enabling(carrier))
    # Only what an editor enabled against its status is marked so: for the rest a closing date still counts.
    enabled = (True if closed is not None else None) if on else False
    await entries.put_entry(session, owner, slug, {"enabled": enabled}, actor.person_id, now)
    action = "carrier enable" if on else "carrier disable"
    before = {"off": listed.off, "enabled": carrier.enabled, "removed": shelf.is_removed(slug)}
    after = {"off": not on, "enabled": bool(enabled), "removed": False}
    await entries.audit(session, actor.guild_id, actor.person_id, action, slug, before, after, now)
    whose = "for everyone" if owner == SHARED else "in this server"
    if on:
        return Done(switched_on(carrier, whose, await _shown_again(session, shelf, actor, owner, slug, now)))
    count = len(await people.people_on_carrier(session, listed.guild, slug)) if owner == listed.guild else 0
    hit = stranded(carrier, actor, count) if owner == listed.guild else ""
    return Done(f"{carrier.name} is off {whose}.{hit} /carrier enable turns it on again.")


async def remove(
    session: AsyncSession, shelf: Shelf, actor: Actor, slug: str, now: datetime, *, confirmed: bool
) -> Done | Ask:
    """Remove an entry; those who use it are counted first, and told."""
    listed = await _owned(session, shelf, actor, slug)
    slug = listed.carrier.slug
    users = await people.people_on_carrier(session, listed.guild, slug)
    is_shared = listed.guild == SHARED
    if not confirmed:
        return Ask(removing(listed.carrier, actor, len(users), shared=is_shared))
    if is_shared:
        await entries.put_entry(session, SHARED, slug, {"removed": True}, actor.person_id, now)
    else:
        await entries.drop_entry(session, listed.guild, slug)
    before = entry_values(listed.carrier)
    await entries.audit(session, actor.guild_id, actor.person_id, "carrier remove", slug, before, {}, now)
    hit = await people.unprove(session, listed.guild, slug)
    instead = way_out(shelf, actor.guild_id, listed.carrier, now.date())
    await notices.add_for(session, hit, "unproven", removed_words(listed.carrier, instead), now)
    back = " /carrier enable brings it back." if is_shared else ""
    return Done(f"Removed {listed.carrier.name}.{unproved(actor, len(hit))}{back}")


async def _begin(session: AsyncSession, shelf: Shelf, actor: Actor) -> None:
    if not (actor.is_editor or actor.is_admin):
        raise UserError("Only members with Manage Server, or the bot's owner, can change carriers.")
    await entries.take_turn(session)
    await shelf.refresh(session)


async def _owned(session: AsyncSession, shelf: Shelf, actor: Actor, slug: str) -> Listed:
    await _begin(session, shelf, actor)
    listed = find(shelf, actor.guild_id, slug)
    if listed.guild == SHARED and not actor.is_editor:
        raise UserError(
            f"{listed.carrier.name} is shared by all servers, so only the bot's owner can change it. "
            "You can /carrier disable it here, or /carrier add your own."
        )
    return listed


def _has_room(shelf: Shelf, owner: int) -> None:
    own = sum(1 for listed in shelf.seen_in(owner) if listed.guild == owner) if owner != SHARED else 0
    if own >= OWN_CARRIERS_PER_GUILD:
        raise UserError(
            f"This server has {OWN_CARRIERS_PER_GUILD} carriers of its own, which is the most. "
            "Remove one with /carrier remove first."
        )


async def _shown_again(
    session: AsyncSession, shelf: Shelf, actor: Actor, owner: int, slug: str, now: datetime
) -> str:
    """Lift the guild's own hide too, where an editor switches an entry on from there."""
    if owner != SHARED or not shelf.hides(actor.guild_id, slug):
        return ""
    await entries.drop_entry(session, actor.guild_id, slug)
    hidden = {"hidden": True}, {"hidden": False}
    await entries.audit(session, actor.guild_id, actor.person_id, "carrier enable", slug, *hidden, now)
    return " This server had hidden it, and shows it again."


def _free_slug(shelf: Shelf, guild_id: int, words: str) -> str:
    base = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:40] or "carrier"
    slug, number = base, 1
    while shelf.is_taken(guild_id, slug):
        number += 1
        slug = f"{base}-{number}"
    return slug
