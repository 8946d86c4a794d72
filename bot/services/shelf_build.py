"""Put the catalogue together from what ships and what was changed at run time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from bot.domain.allowance import NOTHING_KNOWN
from bot.domain.catalogue import Carrier, Form, Gateway, Status
from bot.domain.catalogue_file import Catalogue
from bot.domain.ending import gateway_ends
from bot.services.slices import in_slices

SHARED = 0


@dataclass(frozen=True, slots=True)
class Listed:
    """A catalogue entry as one guild sees it; `off` is set where an editor or the guild switched it off."""

    carrier: Carrier
    off: bool = False

    @property
    def guild(self) -> int:
        """Tell whose entry it is: a guild's own, or 0 for the shared one."""
        return self.carrier.guild_id or SHARED


@dataclass(frozen=True, slots=True)
class Built:
    """The catalogue with its changes; `kept` is what entries are to those who registered before a look-up."""

    entries: dict[tuple[int, str], Listed]
    hidden: set[tuple[int, str]]
    removed: dict[str, Listed]
    kept: dict[tuple[int, str], Carrier]
    rates: dict[str, int]
    carriers: Sequence[Carrier]
    """All of them, the removed ones too."""


async def build(shipped: Catalogue, changed: Iterable[Any]) -> Built:
    """Apply changes, given as rows with CarrierEntry's columns."""
    merged = {(SHARED, c.slug): Listed(c) for c in shipped.carriers}
    hidden, removed, kept = set(), {}, {}
    # Without a pause: the store's writer may be waiting for us.
    async for row in in_slices(sorted(changed, key=lambda row: int(row.guild_id)), 0):
        key = (row.guild_id, row.slug)
        # A guild's own entry has a domain; without one the row only hides a shared entry from it.
        if row.guild_id != SHARED and (row.domain is None or (SHARED, row.slug) in merged):
            if row.enabled is False:
                hidden.add(key)
            continue
        before = merged.pop(key, None)
        patched = _patched(before.carrier if before else None, row)
        if row.removed:
            removed[row.slug] = Listed(patched, off=True)
            continue
        merged[key] = Listed(patched, row.enabled is False)
        if row.demoted:
            kept[key] = replace(patched, status=Status.UNKNOWN)
    _end_with_gateways(merged, removed, shipped)
    carriers = [listed.carrier for listed in (*merged.values(), *removed.values())]
    return Built(merged, hidden, removed, kept, rates(merged.values()), carriers)


def _end_with_gateways(
    merged: dict[tuple[int, str], Listed], removed: Mapping[str, Listed], shipped: Catalogue
) -> None:
    """Give entries the end date of their gateway: it closes for added ones, and brands, as for its owner."""
    known = (merged.get((SHARED, carrier.slug)) or removed.get(carrier.slug) for carrier in shipped.carriers)
    ends = gateway_ends(listed.carrier for listed in known if listed is not None)
    for (owner, slug), listed in merged.items():
        gateway = listed.carrier.gateway
        says_itself = owner == SHARED and slug in shipped.by_slug and listed.carrier.retires_on is not None
        if not says_itself and gateway is not None and gateway.domain in ends:
            ending = replace(listed.carrier, retires_on=ends[gateway.domain])
            merged[owner, slug] = replace(listed, carrier=ending)


def rates(entries: Iterable[Listed]) -> dict[str, int]:
    """Say how many texts a minute gateways take, by domain, where their entries say so."""
    found: dict[str, int] = {}
    for carrier in (listed.carrier for listed in entries):
        if carrier.gateway is not None and carrier.rate is not None:
            domain = carrier.gateway.domain
            found[domain] = min(carrier.rate, found.get(domain, carrier.rate))
    return found


def _patched(carrier: Carrier | None, row: Any) -> Carrier:
    changes = _changes(carrier.gateway if carrier else None, row)
    if carrier is not None:
        return replace(carrier, **changes)
    return Carrier(slug=row.slug, guild_id=row.guild_id or None, **{"name": row.slug, **changes})


def _changes(gateway: Gateway | None, row: Any) -> Mapping[str, Any]:
    """Name the fields that a row changes."""
    changes: dict[str, Any] = {"enabled": bool(row.enabled)}
    if row.domain or (row.form and gateway):
        domain = row.domain or (gateway.domain if gateway else "")
        form = Form(row.form) if row.form else (gateway.form if gateway else None)
        changes["gateway"] = Gateway(domain, form, gateway.prefix if gateway else "")
        if gateway is None or domain != gateway.domain:
            # What was known of the gateway that ships does not hold for another.
            changes |= {"allowance": NOTHING_KNOWN, "retires_on": None}
    for name in ("name", "country", "mms_domain"):
        if value := getattr(row, name):
            changes[name] = value
    if row.status:
        changes["status"] = Status(row.status)
    if row.status_date:
        changes |= {"status_date": date.fromisoformat(row.status_date), "status_date_parts": 3}
    if row.demoted:
        changes["note"] = row.demoted
    return changes
