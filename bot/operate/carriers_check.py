"""`carriers check`: look up every gateway domain in use, and look at the mail server."""

import asyncio
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from bot import exits
from bot.config import Config, load
from bot.domain.domain_look import NIGHTS, Verdict
from bot.domain.errors import ConfigError, UserError
from bot.mail.domains import Lookups, NoResolver
from bot.mail.relay_look import RelayLook, look_at_relay
from bot.operate.carriers_store import opened, shipped
from bot.services.domain_check import Looks, Outcome, in_use, look_all, record, shelf_domains
from bot.services.shelf import Shelf

_STEP = 50


@dataclass(frozen=True, slots=True)
class Report:
    """All that was found."""

    looks: Looks
    outcome: Outcome | None
    carriers: Mapping[str, list[str]]
    relay: RelayLook | None


def check(*, as_json: bool, demote: bool, server: tuple[str, int] | None, controls: list[str]) -> int:
    """Look everything up and print it; 69 where the DNS does not answer."""
    try:
        config: Config | None = load()
    except ConfigError:
        config = None
        print(
            "The settings are not complete, so only the list that ships is looked up; see `run`.",
            file=sys.stderr,
        )
    try:
        lookups = Lookups(server)
    except NoResolver:
        raise UserError("This machine names no DNS server; name one with --server.") from None
    report = asyncio.run(_check(config, lookups, controls, needed=1 if demote else NIGHTS))
    print(json.dumps(_as_json(report), indent=2) if as_json else _as_text(report))
    silent = any(look.verdict is not Verdict.GOOD for look in report.looks.controls.values())
    return exits.UNAVAILABLE if silent else exits.OK


async def _check(config: Config | None, lookups: Lookups, controls: list[str], needed: int) -> Report:
    if config is None:
        shelf = Shelf(shipped(), frozenset())
        looks = await look_all(shelf_domains(shelf), lookups.look, _progress, controls)
        return Report(looks, None, _carriers(shelf), None)
    relay = asyncio.create_task(look_at_relay(config.smtp, datetime.now(UTC)))
    try:
        async with opened() as there:
            async with there.store.read() as session:
                domains = await in_use(session, there.shelf)
            looks = await look_all(domains, lookups.look, _progress, controls)
            async with there.store.write() as session:
                outcome = await record(
                    session,
                    there.shelf,
                    looks,
                    datetime.now(UTC),
                    editors=config.carrier_editors,
                    needed=needed,
                )
            return Report(looks, outcome, _carriers(there.shelf), await relay)
    finally:
        relay.cancel()
        await asyncio.gather(relay, return_exceptions=True)


def _carriers(shelf: Shelf) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for carrier in (listed.carrier for listed in shelf.everywhere()):
        for domain in {carrier.gateway.domain if carrier.gateway else None, carrier.mms_domain} - {None}:
            found[str(domain)].append(carrier.slug)
    return found


def _progress(done: int, whole: int) -> None:
    if sys.stderr.isatty():
        print(
            f"\r{done} of {whole} looked up", end="\n" if done == whole else "", file=sys.stderr, flush=True
        )
    elif done % _STEP == 0 or done == whole:
        print(f"{done} of {whole} looked up", file=sys.stderr, flush=True)


def _counts(report: Report) -> dict[str, int]:
    counts = Counter(look.verdict.value for look in report.looks.domains.values())
    return {verdict.value: counts[verdict.value] for verdict in Verdict}


def _as_json(report: Report) -> dict[str, Any]:
    outcome = report.outcome
    return {
        "counts": _counts(report),
        "distrusted": outcome.distrusted if outcome else None,
        "demoted": [slug for _, slug in outcome.demoted] if outcome else [],
        "controls": {domain: asdict(look) for domain, look in report.looks.controls.items()},
        "domains": [
            {
                "domain": domain,
                **asdict(look),
                "carriers": report.carriers.get(domain, []),
                **_nights(report, domain),
            }
            for domain, look in report.looks.domains.items()
        ],
        "relay": asdict(report.relay) if report.relay else None,
    }


def _nights(report: Report, domain: str) -> dict[str, Any]:
    known = report.outcome.known.get(domain) if report.outcome else None
    gone_at = known.gone_at.isoformat() if known and known.gone_at else None
    return {"nights": known.nights if known else 0, "gone_since": gone_at}


def _as_text(report: Report) -> str:
    lines = []
    for domain, look in report.looks.domains.items():
        if look.verdict is not Verdict.GOOD:
            nights = _nights(report, domain)["nights"]
            counted = (
                f"; {nights} of {NIGHTS} nights" if look.verdict is Verdict.GONE and report.outcome else ""
            )
            whose = ", ".join(report.carriers.get(domain, [])) or "no carrier"
            lines.append(f"{look.verdict.value}: {domain} ({whose}): {look.why}{counted}")
    counts = ", ".join(f"{count} {verdict}" for verdict, count in _counts(report).items())
    lines.append(f"{len(report.looks.domains)} domains: {counts}.")
    if report.outcome and report.outcome.distrusted:
        lines.append(f"Nothing of this counts: {report.outcome.distrusted}.")
    if report.outcome and report.outcome.demoted:
        lines.append(f"Marked failing: {', '.join(slug for _, slug in report.outcome.demoted)}.")
    if report.relay:
        lines += _about_relay(report.relay)
    return "\n".join(lines)


def _about_relay(relay: RelayLook) -> list[str]:
    lines = [f"Mail server: {relay.banner or 'no banner'}"]
    if relay.days_left is not None:
        lines.append(f"Its certificate is for {relay.certificate}; {relay.days_left} days are left.")
    if relay.problem:
        lines.append(f"Mail server: {relay.problem}.")
    return lines
