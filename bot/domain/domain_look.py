"""Judge what look-ups found of gateway domains: which are gone, and which nights count."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

NIGHTS: Final = 3
"""So many nights must find a domain gone, and none between them find it there."""
NIGHT_APART: Final = timedelta(hours=20)
CONTROLS: Final = ("gmail.com", "outlook.com", "icloud.com")
"""Domains that take mail for certain: where they look gone, it is the resolver that is broken."""
_MOST_UNSURE, _MOST_FALLEN, _MOST_GONE = 0.25, 0.2, 0.75
_FEW = 5


class Verdict(StrEnum):
    """Tell what a look-up found: a way for mail, surely none, or nothing that can be relied on."""

    GOOD = "good"
    GONE = "gone"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Look:
    """Hold what was found of one domain, with the reason in words and the hosts that take its mail."""

    verdict: Verdict
    why: str
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """Hold what earlier nights found of a domain."""

    looked_at: datetime
    good_at: datetime | None = None
    gone_at: datetime | None = None
    nights: int = 0
    demoted_at: datetime | None = None


def distrust(
    looks: Mapping[str, Look], controls: Mapping[str, Look], known: Mapping[str, Known]
) -> str | None:
    """Say why a look at all domains proves nothing, or None where it counts."""
    silent = sorted(domain for domain, look in controls.items() if look.verdict is not Verdict.GOOD)
    if silent:
        return f"the resolver finds no mail server even for {', '.join(silent)}"
    gone = {domain for domain, look in looks.items() if look.verdict is Verdict.GONE}
    unsure = sum(look.verdict is Verdict.UNSURE for look in looks.values())
    if unsure > max(_FEW, _MOST_UNSURE * len(looks)):
        return f"{unsure} of {len(looks)} look-ups failed"
    stood = [domain for domain in looks if domain in known and known[domain].nights == 0]
    fallen = sum(domain in gone for domain in stood)
    if fallen > max(_FEW, _MOST_FALLEN * len(stood)):
        return f"{fallen} domains that were there before are gone at once"
    if len(gone) > max(_FEW, _MOST_GONE * len(looks)):
        return f"{len(gone)} of {len(looks)} domains are gone at once"
    return None


def after_look(look: Look, known: Known | None, now: datetime, needed: int = NIGHTS) -> tuple[Known, bool]:
    """Say what is known of a domain after a look that counts, and whether it is to be demoted now.

    A second look within one night adds nothing. What was demoted is not demoted again until it was there
    in between: an editor may have decided otherwise.
    """
    before = known or Known(now)
    if look.verdict is Verdict.UNSURE:
        return before, False
    if look.verdict is Verdict.GOOD:
        return Known(now, good_at=now), False
    same_night = before.nights > 0 and abs(now - before.looked_at) < NIGHT_APART
    nights = before.nights if same_night else before.nights + 1
    demotes = nights >= needed and before.demoted_at is None
    return (
        Known(
            looked_at=before.looked_at if same_night else now,
            good_at=before.good_at,
            gone_at=before.gone_at or now,
            nights=nights,
            demoted_at=now if demotes else before.demoted_at,
        ),
        demotes,
    )


def reason(domain: str, gone_at: datetime) -> str:
    """Say in a sentence why an entry was demoted."""
    return f"Look-ups have found no mail server at {domain} since {gone_at.date().isoformat()}."


def told_to_editors(domains: Collection[str]) -> str:
    """Tell editors once which domains are gone."""
    first = ", ".join(sorted(domains)[:10])
    more = f" and {len(domains) - 10} more" if len(domains) > 10 else ""
    return (
        f"Look-ups find no mail server any more at {first}{more}. New registrations there are refused; "
        "those who are registered keep what they have until you change the carrier: see /carrier show."
    )


def told_to_admin(domain: str, names: Collection[str]) -> str:
    """Tell a server's admin once that the gateway of its own entries is gone."""
    return (
        f"Look-ups find no mail server any more at {domain}, so nobody can register with "
        f"{', '.join(sorted(names)[:5])} in your server. See /carrier show; /carrier remove takes it away."
    )
