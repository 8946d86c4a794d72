"""Say what a carrier is, which ones are offered, and what a person is told about the others."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from bot.domain.allowance import NOTHING_KNOWN, Allowance
from bot.domain.phone import is_nanp, trunk_prefix
from bot.domain.segments import cut_utf16


class Kind(StrEnum):
    """Tell what an entry is; a mailbox or paging entry is kept so that it is known, never offered."""

    CARRIER = "carrier"
    BRAND = "brand"
    SERVICE = "service"
    MAILBOX = "mailbox"
    PAGING = "paging"


class Status(StrEnum):
    """Tell what is known of a gateway on its status date."""

    ACTIVE = "active"
    UNKNOWN = "unknown"
    FAILING = "failing"
    RETIRED = "retired"


class Form(StrEnum):
    """Tell how a gateway wants the number written before the @."""

    NATIONAL = "national"
    TRUNK = "trunk"
    COUNTRY = "country"
    PLUS = "plus"
    PREFIX = "prefix"


class Grade(StrEnum):
    """Tell how good the evidence is: the company's own word, a third party's, public lists, none."""

    CONFIRMED = "confirmed"
    CLAIMED = "claimed"
    LISTED = "listed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Gateway:
    """Hold where a carrier takes mail and how it wants the number; `form` None means not known."""

    domain: str
    form: Form | None = None
    prefix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """Hold one entry of the catalogue; `country` None takes numbers of any country."""

    slug: str
    name: str
    country: str | None = None
    brands: tuple[str, ...] = ()
    host_network: str | None = None
    kind: Kind = Kind.CARRIER
    gateway: Gateway | None = None
    mms_domain: str | None = None
    rate: int | None = None
    """Texts a minute that the gateway takes, where that is known; 0 for any number."""
    allowance: Allowance = NOTHING_KNOWN
    status: Status = Status.UNKNOWN
    status_date: date | None = None
    status_date_parts: int = 3
    """How much of the date is known: 0 nothing, 1 the year, 2 year and month, 3 the day."""
    retires_on: date | None = None
    successor: str | None = None
    note: str = ""
    evidence: tuple[str, ...] = ()
    grade: Grade = Grade.UNKNOWN
    needs: str = ""
    """What a service asks of the operator first: an account, a registered sender."""
    supported: bool = True
    why_not: str = ""
    enabled: bool = False
    guild_id: int | None = None

    @property
    def status_when(self) -> str:
        """Write the status date as precisely as it is known (`2016`, `2024-12`, `2025-06-17`), or nothing."""
        written = self.status_date.isoformat() if self.status_date else ""
        return written[: {1: 4, 2: 7}.get(self.status_date_parts, 10)]

    @property
    def links_pass(self) -> bool:
        """Tell whether texts with links may go: carriers take them for spam, unless it is known otherwise."""
        known = self.allowance.links
        return self.kind is Kind.SERVICE if known is None else known

    @property
    def label(self) -> str:
        """Write one line of at most 100 characters, also in UTF-16, for a list of choices."""
        where = self.country or "any country"
        state = (
            ""
            if self.status in (Status.ACTIVE, Status.UNKNOWN)
            else f", {self.status} {self.status_when}".rstrip()
        )
        own = ", this server's own" if self.guild_id else ""
        known = f" ({where}{state}{own})"
        return cut_utf16(self.name, 100 - len(known)) + known


def offered(carrier: Carrier, today: date | None = None) -> bool:
    """Tell whether a person may register with this carrier."""
    return refusal(carrier, today) is None


def refusal(carrier: Carrier, today: date | None = None, instead: str = "") -> str | None:
    """Say why nobody may register with this carrier and what to do instead, or None where they may.

    `instead` names what carries its texts now: the one that took over, or a service that is on.
    """
    if carrier.kind is Kind.PAGING:
        return f"{carrier.name} takes pages for pagers, not texts for phones; choose your phone's carrier."
    if carrier.kind is Kind.MAILBOX:
        return f"{carrier.name} is a mailbox, not a way to texts; choose another carrier or service."
    if not carrier.supported or carrier.gateway is None:
        why = carrier.why_not or "No e-mail address for texts is known for it."
        return f"{carrier.name} cannot be used here. {why}"
    if carrier.enabled:
        return None
    if carrier.retires_on and today and today >= carrier.retires_on:
        return f"{_closing(carrier.name, carrier.retires_on, today)} {_way_out(carrier, instead)}"
    if carrier.status in (Status.FAILING, Status.RETIRED):
        return f"{_state(carrier)} {_way_out(carrier, instead)}"
    if carrier.kind is Kind.SERVICE:
        needs = f" It needs {carrier.needs}." if carrier.needs else ""
        return f"{carrier.name} is not switched on here; ask the bot's owner.{needs}"
    return None


def warning(carrier: Carrier, today: date) -> str | None:
    """Say what a person should know before choosing an offered carrier, or None."""
    if carrier.retires_on:
        return f"{_closing(carrier.name, carrier.retires_on, today)} {carrier.note}".rstrip()
    if carrier.status in (Status.FAILING, Status.RETIRED):
        return f"{_state(carrier)} An editor enabled it all the same; the code shows whether it works."
    if carrier.status is Status.UNKNOWN:
        return f"Nobody has lately confirmed that {carrier.name}'s gateway works; the code will show it."
    return None


def forms_to_try(carrier: Carrier) -> tuple[Form, ...]:
    """Name the form of the address, or the two that the person picks between where it is not known."""
    if carrier.gateway and carrier.gateway.form:
        return (carrier.gateway.form,)
    if is_nanp(carrier.country):
        return (Form.NATIONAL,)
    if carrier.country and trunk_prefix(carrier.country):
        return (Form.TRUNK, Form.COUNTRY)
    return (Form.NATIONAL, Form.COUNTRY)


def _closing(name: str, retires_on: date, today: date) -> str:
    days = (retires_on - today).days
    day = retires_on.isoformat()
    if days <= 0:
        return f"{name}'s e-mail gateway closed on {day}."
    return f"{name}'s e-mail gateway closes on {day}, in {'1 day' if days == 1 else f'{days} days'}."


def _state(carrier: Carrier) -> str:
    since = f" since {carrier.status_when}" if carrier.status_when else ""
    return f"{carrier.name} is marked {carrier.status}{since}. {carrier.note}".rstrip()


def _way_out(carrier: Carrier, instead: str) -> str:
    if instead:
        return f"{instead} carries texts instead: use /phone register with {instead} as the carrier."
    if carrier.successor:
        return "Choose the carrier that took over from it, or ask an admin for a service that takes mail."
    return "Ask an admin for a service that takes texts by mail, or register a number of another carrier."
