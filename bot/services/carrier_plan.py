"""Compare a carrier file with the catalogue, and say what importing it would change."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from typing import Any

from bot.domain.carrier_csv import Row, Sheet
from bot.domain.carrier_wanted import Entry, Switch, Wanted, row_problems, wanted
from bot.domain.catalogue import refusal
from bot.services.carrier_change import CLOSED, OWN_CARRIERS_PER_GUILD
from bot.services.shelf import SHARED, Listed, Shelf
from bot.services.slices import in_slices

_ENABLED = {Switch.ENABLED: True, Switch.OFF: False}


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import changes, all of it or nothing.

    `version` is the catalogue that it was compared with; equal digests say that the same would change.
    """

    owner: int
    wants: tuple[Wanted, ...]
    same: int
    left: int
    new_domains: tuple[str, ...]
    reopened: tuple[str, ...]
    version: str
    entries: tuple[Mapping[str, Any], ...] = field(repr=False)
    dropped: tuple[str, ...]
    unproving: tuple[tuple[str, str, str, int], ...]
    audit: tuple[tuple[str, str, str, str], ...] = field(repr=False)
    digest: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a file cannot be imported, by line."""

    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ground:
    """What a file is compared with: taken from the catalogue at one moment."""

    owner: int
    is_editor: bool
    version: str
    there: Mapping[str, Entry]
    domains: frozenset[str]
    closed: frozenset[str]
    """Domains at which every shared entry is closed."""


def ground(shelf: Shelf, owner: int, *, is_editor: bool, today: date) -> Ground:
    """Take what a file of a guild's own entries, or of the shared ones (0), is compared with."""
    there = {slug: _entry(listed, gone) for slug, (listed, gone) in shelf.owned(owner).items()}
    shared = [listed.carrier for listed, _ in shelf.owned(SHARED).values()]
    reachable = {c.gateway.domain for c in shared if c.gateway and refusal(c, today) is None}
    closed = {c.gateway.domain for c in shared if c.gateway} - reachable
    return Ground(owner, is_editor, shelf.version, there, shelf.domains, frozenset(closed))


def _entry(listed: Listed, gone: bool) -> Entry:
    off = Switch.OFF if listed.off else Switch.ENABLED if listed.carrier.enabled else Switch.ON
    return Entry(listed.carrier, Switch.REMOVED if gone else off)


async def compare(sheet: Sheet, on: Ground, today: date) -> Plan | Wrong:
    """Say what a file changes, or all that is wrong with it."""
    problems, wants = list(sheet.problems), []
    own = on.owner != SHARED
    async for row in in_slices(sheet.rows):
        if own and _removes_nothing(row, on):
            continue
        there = on.there.get(row.cells["slug"].lower())
        want = wanted(row, there, today)
        if not want.after and there is not None:
            continue
        wrong = [
            *row_problems(want, there, today, own=own),
            *(() if on.is_editor else _beyond_rights(want, on)),
        ]
        problems += [f"line {row.line}: {problem}" for problem in wrong]
        wants.append(want)
    count = sum(not want.removes for want in wants if want.is_new) + len(on.there)
    count -= sum(want.removes for want in wants if not want.is_new)
    if own and count > OWN_CARRIERS_PER_GUILD:
        problems.append(
            f"the file would make it {count} carriers; a server has {OWN_CARRIERS_PER_GUILD} at most"
        )
    if problems:
        return Wrong(tuple(sorted(problems, key=_line)))
    return await _plan(tuple(wants), {row.cells["slug"].lower() for row in sheet.rows}, on)


def _line(problem: str) -> int:
    digits = problem.partition(":")[0].removeprefix("line ")
    return int(digits) if digits.isdecimal() else 0


def _removes_nothing(row: Row, on: Ground) -> bool:
    return row.cells.get("switch", "").lower() == Switch.REMOVED and row.cells["slug"].lower() not in on.there


def _beyond_rights(want: Wanted, on: Ground) -> Iterable[str]:
    for name in ("domain", "mms_domain"):
        domain = want.after.get(name)
        if domain and domain not in on.domains:
            yield f"{name}: {domain[:60]} is not on the bot owner's list of gateways; ask the owner to add it"
    if want.after.get("domain") in on.closed:
        yield "domain: this gateway is closed; only the bot's owner can use it again"
    gateway = on.there[want.slug].carrier.gateway if want.slug in on.there else None
    if _opens(want) and "domain" not in want.after and gateway and gateway.domain in on.closed:
        yield "status: this gateway is closed; only the bot's owner can use it again"
    if want.after.get("switch") == Switch.ENABLED:
        yield "switch: only the bot's owner can enable a carrier against its status"


async def _plan(wants: tuple[Wanted, ...], slugs: set[str], on: Ground) -> Plan:
    # A removed entry's too: /carrier enable brings it back without asking.
    domains = [want.after["domain"] for want in wants if "domain" in want.after]
    new = tuple(dict.fromkeys(domain for domain in domains if domain not in on.domains))
    dropped = tuple(want.slug for want in wants if want.removes and on.owner != SHARED)
    reopened = tuple(want.slug for want in wants if _reopens(want, on))
    audit = [
        ("carrier import", want.slug, _json(want.before), _json(want.after))
        async for want in in_slices(wants)
    ]
    return Plan(
        owner=on.owner,
        wants=wants,
        same=len(slugs) - len(wants),
        left=len(on.there.keys() - slugs),
        new_domains=new,
        reopened=reopened,
        version=on.version,
        entries=tuple([_row(want, on) async for want in in_slices(wants) if want.slug not in dropped]),
        dropped=dropped,
        unproving=tuple(
            _unproving(want) for want in wants if not want.is_new and (want.removes or want.gateway_changes)
        ),
        audit=(*(("domain add", domain, "{}", "{}") for domain in new), *audit),
        digest=_digest(on.owner, new, reopened, audit),
    )


def _unproving(want: Wanted) -> tuple[str, str, str, int]:
    return want.slug, want.after.get("domain", ""), want.after.get("form", ""), int(want.removes)


def _digest(owner: int, *shown: Iterable[Iterable[str]]) -> str:
    """Sum up what is shown and done: whose entries, and each list of it."""
    summed = hashlib.sha256(str(owner).encode())
    for line in chain(*shown):
        summed.update("\0".join(line).encode())
    return summed.hexdigest()


def _reopens(want: Wanted, on: Ground) -> bool:
    """Tell whether an editor should look twice: texts will go where they are known to fail."""
    return _opens(want) or want.after.get("switch") == Switch.ENABLED or want.after.get("domain") in on.closed


def _opens(want: Wanted) -> bool:
    return want.before.get("status") in CLOSED and want.after.get("status", "failing") not in CLOSED


def _row(want: Wanted, on: Ground) -> dict[str, Any]:
    before = on.there.get(want.slug)
    switch = Switch(want.after.get("switch", before.switch if before else Switch.ON))
    values = {name: cell for name, cell in want.after.items() if name != "switch"}
    return {
        "guild_id": on.owner,
        "slug": want.slug,
        **values,
        "enabled": _ENABLED.get(switch),
        "removed": switch is Switch.REMOVED,
    }


def _json(cells: Mapping[str, str]) -> str:
    return json.dumps(dict(cells), sort_keys=True)


def exported(shelf: Shelf, owner: int) -> list[dict[str, str]]:
    """Write every entry of a guild, or the shared ones (0), as rows of a file, by country and slug."""
    there = (_entry(listed, gone) for listed, gone in shelf.owned(owner).values())
    return sorted((entry.cells for entry in there), key=lambda cells: (cells["country"], cells["slug"]))
