"""Look all gateway domains up, and demote the entries whose domain is gone for good."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import carrier_bulk as bulk
from bot.db import carriers as entries
from bot.db import domain_looks, notices
from bot.domain.catalogue import Status
from bot.domain.domain_look import (
    CONTROLS,
    NIGHTS,
    Known,
    Look,
    Verdict,
    after_look,
    distrust,
    reason,
    told_to_admin,
    told_to_editors,
)
from bot.services.shelf import SHARED, Listed, Shelf

LookUp = Callable[[str], Awaitable[Look]]
AT_ONCE = 16
LONGEST_S = 900.0
_NOT_ASKED = Look(Verdict.UNSURE, "not asked")
_BY_LOOK_UP = 0


@dataclass(frozen=True, slots=True)
class Looks:
    """What was found of every domain in use, and of the domains that tell a broken resolver."""

    domains: Mapping[str, Look]
    controls: Mapping[str, Look]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: why it proves nothing, if so, what is known of each domain, and what was demoted."""

    distrusted: str | None
    known: Mapping[str, Known]
    demoted: tuple[tuple[int, str], ...] = ()


def shelf_domains(shelf: Shelf) -> set[str]:
    """List the domains of all entries, and those on the operator's list."""
    found = set(shelf.domains)
    for carrier in (listed.carrier for listed in shelf.everywhere()):
        found.update([carrier.gateway.domain] if carrier.gateway else [])
        found.update([carrier.mms_domain] if carrier.mms_domain else [])
    return found


async def in_use(session: AsyncSession, shelf: Shelf) -> set[str]:
    """List every domain that texts go to, or may."""
    await shelf.refresh(session)
    return shelf_domains(shelf) | await domain_looks.domains_of_people(session)


async def look_all(
    domains: Collection[str],
    look: LookUp,
    progress: Callable[[int, int], None] = lambda done, whole: None,
    controls: Collection[str] = CONTROLS,
) -> Looks:
    """Look domains up, some at a time; stops early where the resolver is broken, or never comes to an end."""
    before = await _each(controls, look)
    if any(each.verdict is not Verdict.GOOD for each in before.values()):
        return Looks(dict.fromkeys(sorted(domains), _NOT_ASKED), before)
    found = await _each(domains, look, progress)
    # The resolver may have broken meanwhile.
    after = await _each(controls, look)
    return Looks(found, {domain: min(before[domain], after[domain], key=_certainty) for domain in before})


def _certainty(look: Look) -> bool:
    return look.verdict is Verdict.GOOD


async def _each(
    domains: Collection[str],
    look: LookUp,
    progress: Callable[[int, int], None] = lambda done, whole: None,
) -> dict[str, Look]:
    waiting = sorted(domains, reverse=True)
    found = dict.fromkeys(sorted(domains), _NOT_ASKED)
    done = 0

    async def work() -> None:
        nonlocal done
        while waiting:
            domain = waiting.pop()
            found[domain] = await look(domain)
            done += 1
            progress(done, len(found))

    workers = [asyncio.create_task(work(), name="look-up") for _ in range(min(AT_ONCE, len(found)))]
    try:
        if workers:
            await asyncio.wait(workers, timeout=LONGEST_S)
    finally:
        for worker in workers:
            worker.cancel()
        ended = await asyncio.gather(*workers, return_exceptions=True)
    for bug in ended:
        if isinstance(bug, Exception):
            raise bug
    return found


async def record(
    session: AsyncSession,
    shelf: Shelf,
    looks: Looks,
    now: datetime,
    *,
    editors: Collection[int] = (),
    needed: int = NIGHTS,
) -> Outcome:
    """Remember what was found; demote what has been gone for so many nights, and tell the editors once.

    Where the look proves nothing, nothing at all is written.
    """
    await entries.take_turn(session)
    await shelf.refresh(session)
    known = await domain_looks.known(session)
    distrusted = distrust(looks.domains, looks.controls, known)
    if distrusted is not None:
        return Outcome(distrusted, known)
    there, gone = _after(looks, known, now, needed)
    await domain_looks.keep(session, there, looks.domains)
    admins = await entries.admins_of_own(session, gone)  # a demotion is written over their name
    demoted = await _demote(session, shelf, gone, now)
    await _tell(session, demoted, editors, now)
    await _tell_admins(session, demoted, admins, now)
    return Outcome(None, there, tuple((listed.guild, listed.carrier.slug) for listed in demoted))


def _after(
    looks: Looks, known: Mapping[str, Known], now: datetime, needed: int
) -> tuple[dict[str, Known], dict[str, datetime]]:
    """Say what is known of each domain now, and which are to be demoted, with the time since when."""
    there = {domain: each for domain, each in known.items() if domain in looks.domains}
    gone = {}
    for domain, look in looks.domains.items():
        after, demotes = after_look(look, known.get(domain), now, needed)
        if look.verdict is not Verdict.UNSURE:
            there[domain] = after
        if demotes:
            gone[domain] = after.gone_at or now
    return there, gone


async def _tell(
    session: AsyncSession, demoted: Collection[Listed], editors: Collection[int], now: datetime
) -> None:
    domains = {listed.carrier.gateway.domain for listed in demoted if listed.carrier.gateway}
    if domains:
        people = sorted({notices.OPERATOR, *editors})
        await notices.add_for(session, people, "domains", told_to_editors(domains), now)


async def _tell_admins(
    session: AsyncSession, demoted: Collection[Listed], admins: Mapping[tuple[int, str], int], now: datetime
) -> None:
    """Tell of each domain whoever last changed a server's own entries there, of those alone."""
    names: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
    for listed in demoted:
        carrier, admin = listed.carrier, admins.get((listed.guild, listed.carrier.slug))
        if carrier.gateway and admin:
            names[admin, carrier.gateway.domain].add(carrier.name)
    for (admin, domain), there in sorted(names.items()):
        await notices.add(session, admin, "domains", now, words=told_to_admin(domain, there))


async def _demote(
    session: AsyncSession, shelf: Shelf, gone: Mapping[str, datetime], now: datetime
) -> list[Listed]:
    """Mark entries failing whose gateway is at one of these domains; never any other way round."""
    hit = [
        listed
        for listed in shelf.everywhere()
        if listed.carrier.gateway
        and listed.carrier.gateway.domain in gone
        and listed.carrier.status in (Status.ACTIVE, Status.UNKNOWN)
    ]
    changes = [_change(listed, gone) for listed in hit]
    await bulk.put_entries(session, changes, _BY_LOOK_UP, now)
    for guild in sorted({listed.guild for listed in hit}):
        lines = [
            _line(listed, change)
            for listed, change in zip(hit, changes, strict=True)
            if listed.guild == guild
        ]
        await bulk.audit_all(session, guild, _BY_LOOK_UP, lines, now)
    if hit:
        await entries.count_change(session)
    return hit


def _change(listed: Listed, gone: Mapping[str, datetime]) -> dict[str, Any]:
    carrier = listed.carrier
    domain = carrier.gateway.domain if carrier.gateway else ""
    return {
        "guild_id": carrier.guild_id or SHARED,
        "slug": carrier.slug,
        "status": Status.FAILING.value,
        "status_date": gone[domain].date().isoformat(),
        "demoted": reason(domain, gone[domain]),
        "enabled": False if listed.off else carrier.enabled or None,
        "removed": False,
    }


def _line(listed: Listed, change: Mapping[str, Any]) -> tuple[str, str, str, str]:
    before = {"status": listed.carrier.status.value, "status_date": listed.carrier.status_when}
    after = {name: change[name] for name in ("status", "status_date", "demoted")}
    return (
        "carrier demoted",
        listed.carrier.slug,
        json.dumps(before, sort_keys=True),
        json.dumps(after, sort_keys=True),
    )
