"""What an admin may ask to change of a carrier, checked."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.domain.catalogue import Carrier, Form, Status
from bot.domain.countries import COUNTRIES
from bot.domain.errors import UserError
from bot.domain.names import domain_problem, name_problem

OWN_CARRIERS_PER_GUILD = 50
CLOSED = (Status.FAILING, Status.RETIRED)
# Every column that a change can set, empty.
NOTHING: Mapping[str, Any] = dict.fromkeys(
    ("name", "domain", "country", "form", "mms_domain", "status", "status_date", "enabled")
)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: an editor changes shared entries, a guild's admin that guild's own and what it shows."""

    person_id: int
    guild_id: int
    is_editor: bool
    is_admin: bool
    guild_name: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What to change; None leaves a field as it is."""

    name: str | None = None
    domain: str | None = None
    country: str | None = None
    form: Form | None = None
    mms_domain: str | None = None
    status: Status | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """The change is made."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Ask:
    """The same call with confirmed=True goes on, once the editor has read this."""

    sentence: str


def checked(change: Change) -> Change:
    """Tidy what was typed; raises UserError for the first thing that is wrong."""
    domain = change.domain.strip().lower() if change.domain is not None else None
    mms = change.mms_domain.strip().lower() if change.mms_domain is not None else None
    country = change.country.strip().upper() if change.country is not None else None
    name = change.name.strip() if change.name is not None else None
    problems = [domain_problem(d) for d in (domain, mms) if d is not None]
    problems += [name_problem(name)] if name is not None else []
    problems += (
        ["Write the country as its two letters, such as US."] if country and country not in COUNTRIES else []
    )
    for problem in problems:
        if problem is not None:
            raise UserError(problem)
    return Change(name, domain, country, change.form, mms, change.status)


def opening(change: Change, carrier: Carrier) -> Change:
    """Name the domain too where a status alone has texts go again to where they were known to fail."""
    opens = carrier.status in CLOSED and change.status is not None and change.status not in CLOSED
    if not opens or change.domain is not None or carrier.gateway is None:
        return change
    return replace(change, domain=carrier.gateway.domain)


def as_values(change: Change) -> dict[str, Any]:
    """Name the columns that a change sets."""
    fields = {
        "name": change.name,
        "domain": change.domain,
        "country": change.country,
        "form": change.form.value if change.form else None,
        "mms_domain": change.mms_domain,
        "status": change.status.value if change.status else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def entry_values(carrier: Carrier) -> dict[str, Any]:
    """Name the same columns with what they are now."""
    gateway = carrier.gateway
    change = Change(
        carrier.name,
        gateway.domain if gateway else None,
        carrier.country,
        gateway.form if gateway else None,
        carrier.mms_domain,
        carrier.status,
    )
    return as_values(change)
