"""Describe the catalogue as a guild sees it: what is said of each carrier, and what was measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import signs
from bot.domain.catalogue import Carrier, Kind, Status, refusal, warning
from bot.domain.errors import UserError
from bot.domain.segments import utf16_units
from bot.domain.signs import Measured, doubt_words, measured_words, trouble_words
from bot.domain.words import NO_SUCH_CARRIER
from bot.services.carrier_change import Actor
from bot.services.shelf import Listed, Shelf

LINES = 10
# So that ten lines, each with what was measured, fit into one answer of Discord.
LONGEST_LINE_CHARS = 120
# So that a button's id holds it.
LONGEST_SEARCH_UNITS = 60


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries somebody asked for; None leaves a filter out."""

    country: str | None = None
    status: Status | None = None
    search: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the list, counted from 1."""

    words: str
    number: int
    last: int


async def page(
    session: AsyncSession, shelf: Shelf, actor: Actor, wanted: Wanted, number: int, now: datetime
) -> Page:
    """Write one page of entries, a line each; a page that is no more there is the last. Raises UserError."""
    if wanted.search and utf16_units(wanted.search) > LONGEST_SEARCH_UNITS:
        raise UserError(f"Search for at most {LONGEST_SEARCH_UNITS} characters.")
    found = [listed for listed in shelf.seen_in(actor.guild_id) if _matches(listed.carrier, wanted)]
    if not found:
        raise UserError("No carrier fits that. Leave out country, status or search to see more.")
    found.sort(key=lambda listed: _place(listed.carrier, shelf.home))
    last = -(-len(found) // LINES)
    number = min(max(number, 1), last)
    shown = found[(number - 1) * LINES : number * LINES]
    domains = {x.carrier.gateway.domain for x in shown if x.carrier.gateway is not None}
    measured = await signs.measured(session, now, domains)
    lines = [_measured_line(listed, shelf, measured, exact=actor.is_editor) for listed in shown]
    if last > 1:
        lines.append(f"Page {number} of {last}. Narrow it with country, status or search.")
    return Page("\n".join(lines), number, last)


def _place(carrier: Carrier, home: str) -> tuple[bool, bool, str, str, str]:
    """Put home first and phone companies before services."""
    is_company = carrier.kind in (Kind.CARRIER, Kind.BRAND)
    return carrier.country != home, not is_company, carrier.country or "", carrier.name.lower(), carrier.slug


def _matches(carrier: Carrier, wanted: Wanted) -> bool:
    if wanted.country and (carrier.country or "").upper() != wanted.country.strip().upper():
        return False
    if wanted.status and carrier.status is not wanted.status:
        return False
    words = [carrier.name, *carrier.brands, carrier.gateway.domain if carrier.gateway else "", carrier.slug]
    search = (wanted.search or "").strip().lower()
    return not search or any(search in word.lower() for word in words)


def _line(listed: Listed) -> str:
    carrier = listed.carrier
    domain = carrier.gateway.domain if carrier.gateway else "takes no texts by mail"
    if not carrier.supported:
        domain = f"{domain}, not supported"
    own = ", this server's own" if carrier.guild_id else ""
    off = (
        ", off"
        if listed.off
        else ", enabled"
        if carrier.enabled and carrier.status is not Status.ACTIVE
        else ""
    )
    when = f" {carrier.status_when}" if carrier.status_when else ""
    ends = f", closes {carrier.retires_on.isoformat()}" if carrier.retires_on else ""
    where = carrier.country or "Any country:"
    return f"{where} {carrier.name} ({domain}): {carrier.status}{when}{ends}{off}{own}"


def _measured_line(listed: Listed, shelf: Shelf, measured: Mapping[str, Measured], *, exact: bool) -> str:
    line = _line(listed)
    if len(line) > LONGEST_LINE_CHARS:
        line = f"{line[: LONGEST_LINE_CHARS - 1]}…"
    gateway = listed.carrier.gateway
    if gateway is None:
        return line
    said = measured_words(measured.get(gateway.domain, Measured()), exact=exact)
    in_doubt = "codes stay away" if gateway.domain in shelf.doubts else ""
    return " · ".join(part for part in (line, in_doubt, said) if part)


def find(shelf: Shelf, guild_id: int | None, typed: str, *, removed: bool = False) -> Listed:
    """Find the entry that a typed slug or name means, a removed one only if asked for; raises UserError."""
    listed = shelf.named(guild_id, typed, removed=removed)
    if listed is not None:
        return listed
    gone = shelf.named(guild_id, typed, removed=True)
    if gone is None:
        raise UserError(NO_SUCH_CARRIER)
    name = gone.carrier.name
    raise UserError(
        f"{name} was removed for everyone. The bot's owner can bring it back with /carrier enable."
    )


async def describe(session: AsyncSession, shelf: Shelf, actor: Actor, slug: str, now: datetime) -> str:
    """Say all that is known of one entry, and what was measured of its gateway."""
    listed = find(shelf, actor.guild_id, slug)
    carrier = listed.carrier
    lines = [f"**{carrier.name}**", _line(listed)]
    lines += await _measured_lines(session, shelf, carrier, now, exact=actor.is_editor)
    lines += [f"Brands: {', '.join(carrier.brands)}"] if carrier.brands else []
    lines += [f"Network: {carrier.host_network}"] if carrier.host_network else []
    lines += [f"Form of numbers: {carrier.gateway.form or 'not known'}"] if carrier.gateway else []
    lines += [f"Pictures: {carrier.mms_domain}"] if carrier.mms_domain else []
    lines += [f"Limits: {carrier.allowance}"] if str(carrier.allowance) else []
    known = "; ".join(carrier.evidence) or "none on file"
    lines.append(f"Evidence ({carrier.grade}): {known}")
    told = (
        "Switched off here." if listed.off else refusal(carrier, now.date()) or warning(carrier, now.date())
    )
    lines += [carrier.note] if carrier.note and carrier.note not in (told or "") else []
    lines += [told] if told else []
    return "\n".join(lines)


async def _measured_lines(
    session: AsyncSession, shelf: Shelf, carrier: Carrier, now: datetime, *, exact: bool
) -> list[str]:
    if carrier.gateway is None:
        return []
    domain = carrier.gateway.domain
    measured = (await signs.measured(session, now, [domain])).get(domain, Measured())
    since = shelf.doubts.get(domain)
    lines = [f"Measured: {measured_words(measured, exact=exact) or 'too few codes in 30 days to say'}."]
    lines += [trouble] if (trouble := trouble_words(measured, exact=exact)) else []
    return lines + ([doubt_words(carrier.name, since)] if since else [])
