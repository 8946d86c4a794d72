"""Describe the catalogue as a guild sees it."""

from datetime import datetime

from bot.domain.catalogue import Carrier, Kind, Status, refusal, warning
from bot.domain.errors import UserError
from bot.domain.words import NO_SUCH_CARRIER
from bot.services.shelf import Listed, Shelf

LINES = 20


def page(
    shelf: Shelf, guild_id: int | None, country: str | None, status: Status | None, search: str | None
) -> str:
    """List entries, a line each, at most 20; what is left out is counted."""
    wanted = [
        listed for listed in shelf.seen_in(guild_id) if _matches(listed.carrier, country, status, search)
    ]
    if not wanted:
        raise UserError("No carrier fits that. Leave out country, status or search to see more.")
    wanted.sort(key=lambda listed: _place(listed.carrier, shelf.home))
    lines = [_line(listed) for listed in wanted[:LINES]]
    if len(wanted) > LINES:
        lines.append(f"…and {len(wanted) - LINES} more. Narrow it with country, status or search.")
    return "\n".join(lines)


def _place(carrier: Carrier, home: str) -> tuple[bool, bool, str, str]:
    """Put home first and phone companies before services."""
    is_company = carrier.kind in (Kind.CARRIER, Kind.BRAND)
    return (carrier.country != home, not is_company, carrier.country or "", carrier.name.lower())


def _matches(carrier: Carrier, country: str | None, status: Status | None, search: str | None) -> bool:
    if country and (carrier.country or "").upper() != country.strip().upper():
        return False
    if status and carrier.status is not status:
        return False
    words = [carrier.name, *carrier.brands, carrier.gateway.domain if carrier.gateway else "", carrier.slug]
    return not search or any(search.strip().lower() in word.lower() for word in words)


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
    return f"{carrier.country or 'Any country:'} {carrier.name} ({domain}): {carrier.status}{when}{off}{own}"


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


def describe(shelf: Shelf, guild_id: int | None, slug: str, now: datetime) -> str:
    """Say all that is known of one entry."""
    listed = find(shelf, guild_id, slug)
    carrier = listed.carrier
    lines = [f"**{carrier.name}**", _line(listed)]
    lines += [f"Brands: {', '.join(carrier.brands)}"] if carrier.brands else []
    lines += [f"Network: {carrier.host_network}"] if carrier.host_network else []
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
