"""Read and write the catalogue as the TOML file that ships with the bot."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from bot.domain.allowance import Allowance, Subject
from bot.domain.catalogue import Carrier, Form, Gateway, Grade, Kind, Status
from bot.domain.errors import UserError

LONGEST_FILE_CHARS: Final = 1_000_000
MOST_ENTRIES: Final = 5_000
MOST_A_MINUTE: Final = 1_000_000
_NO_DATE: Final = "unknown"
_PART_OF_DATE: Final = re.compile(r"(\d{4})(?:-(\d{2}))?", re.ASCII)
_KEYS: Final = (
    *("slug", "name", "country", "brands", "kind", "host_network"),
    *("gateway", "form", "prefix", "mms_domain", "rate"),
    *("length", "subject", "links", "attachments"),
    *("status", "status_date", "retires_on", "successor", "note", "evidence", "grade"),
    *("needs", "supported", "why_not"),
)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Hold all entries, found by slug."""

    carriers: tuple[Carrier, ...]
    by_slug: Mapping[str, Carrier] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_slug = MappingProxyType({carrier.slug: carrier for carrier in self.carriers})
        object.__setattr__(self, "by_slug", by_slug)

    @property
    def domains(self) -> frozenset[str]:
        """Name the domains that texts may go to: those of phone carriers, brands and supported services."""
        return _domains(carrier for carrier in self.carriers if _sendable(carrier))


@lru_cache(maxsize=1)  # every start in one process reads the same list
def parse_catalogue(text: str) -> Catalogue:
    """Read a catalogue; raise UserError naming the first entry that cannot be read.

    Only the shape is checked here; `catalogue_check.problems` looks at what it says.
    """
    if len(text) > LONGEST_FILE_CHARS:
        raise UserError(f"The file is too long; a list has at most {LONGEST_FILE_CHARS:,} characters.")
    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        raise UserError("The file is not valid TOML; start from what the export writes.") from None
    entries = tables.get("carrier", [])
    if set(tables) - {"carrier"} or not isinstance(entries, list) or len(entries) > MOST_ENTRIES:
        raise UserError(f"A list is up to {MOST_ENTRIES:,} tables named [[carrier]] and nothing else.")
    carriers = tuple(_carrier(entry, place) for place, entry in enumerate(entries, 1))
    if len({carrier.slug for carrier in carriers}) < len(carriers):
        raise UserError("Two carriers of the file have the same slug; give each its own.")
    return Catalogue(carriers)


def write_catalogue(carriers: Iterable[Carrier]) -> str:
    """Write carriers as TOML, sorted by country and slug, without what is left at its default."""
    ordered = sorted(carriers, key=lambda carrier: (carrier.country or "", carrier.slug))
    return "\n".join(_table(carrier) for carrier in ordered)


def _sendable(carrier: Carrier) -> bool:
    return carrier.supported and carrier.kind in (Kind.CARRIER, Kind.BRAND, Kind.SERVICE)


def _domains(carriers: Iterable[Carrier]) -> frozenset[str]:
    found: set[str] = set()
    for carrier in carriers:
        if carrier.gateway:
            found.add(carrier.gateway.domain)
        if carrier.mms_domain:
            found.add(carrier.mms_domain)
    return frozenset(found)


def _carrier(entry: Any, place: int) -> Carrier:
    if not isinstance(entry, dict) or set(entry) - set(_KEYS):
        raise UserError(f"Entry {place} has a key that no carrier has; start from what the export writes.")
    try:
        return _read(entry)
    except (KeyError, TypeError, ValueError):
        raise UserError(
            f"Entry {place} has a value that cannot be read; compare it with an export."
        ) from None


def _read(entry: dict[str, Any]) -> Carrier:
    status_date, parts = _date(entry.get("status_date"))
    return Carrier(
        slug=_string(entry, "slug"),
        name=_string(entry, "name"),
        country=_optional(entry, "country"),
        brands=_strings(entry, "brands"),
        host_network=_optional(entry, "host_network"),
        kind=Kind(entry.get("kind", Kind.CARRIER)),
        gateway=_gateway(entry),
        mms_domain=_optional(entry, "mms_domain"),
        rate=_rate(entry.get("rate")),
        allowance=_allowance(entry),
        status=Status(entry.get("status", Status.UNKNOWN)),
        status_date=status_date,
        status_date_parts=parts,
        retires_on=_date(entry.get("retires_on"))[0],
        successor=_optional(entry, "successor"),
        note=_optional(entry, "note") or "",
        evidence=_strings(entry, "evidence"),
        grade=Grade(entry.get("grade", Grade.UNKNOWN)),
        needs=_optional(entry, "needs") or "",
        supported=_yes(entry, "supported", absent=True) is not False,
        why_not=_optional(entry, "why_not") or "",
    )


def _gateway(entry: dict[str, Any]) -> Gateway | None:
    if "gateway" not in entry:
        return None
    form = Form(entry["form"]) if "form" in entry else None
    return Gateway(_string(entry, "gateway"), form, _optional(entry, "prefix") or "")


def _rate(value: object) -> int | None:
    if value is not None and (type(value) is not int or not 0 <= value <= MOST_A_MINUTE):
        raise ValueError("not a number of texts a minute")
    return value


def _allowance(entry: dict[str, Any]) -> Allowance:
    length = entry.get("length")
    if length is not None and type(length) is not int:
        raise TypeError("length")
    subject = Subject(entry.get("subject", Subject.UNKNOWN))
    return Allowance(length, subject, _yes(entry, "links"), _yes(entry, "attachments"))


def _string(entry: dict[str, Any], key: str) -> str:
    if not isinstance(entry[key], str):
        raise TypeError(key)
    return str(entry[key])


def _optional(entry: dict[str, Any], key: str) -> str | None:
    return _string(entry, key) if key in entry else None


def _strings(entry: dict[str, Any], key: str) -> tuple[str, ...]:
    values = entry.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError(key)
    return tuple(values)


def _yes(entry: dict[str, Any], key: str, *, absent: bool | None = None) -> bool | None:
    value = entry.get(key, absent)
    if value is not absent and not isinstance(value, bool):
        raise TypeError(key)
    return value


def _date(value: object) -> tuple[date | None, int]:
    """Read a TOML date, or the text `2016`, `2024-12` or `unknown` where only so much is known."""
    if value == _NO_DATE:
        return None, 0
    if value is None or type(value) is date:
        return value, 3
    match = _PART_OF_DATE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("not a date")
    return date(int(match[1]), int(match[2] or 1), 1), 2 if match[2] else 1


def _table(carrier: Carrier) -> str:
    """Write one entry; the keys stand in the order of `_KEYS`."""
    gateway = carrier.gateway or Gateway("")
    values: dict[str, object] = {
        "gateway": gateway.domain,
        "form": gateway.form,
        "prefix": gateway.prefix,
        "status_date": carrier.status_date if carrier.status_date_parts == 3 else _part_of_date(carrier),
        "length": carrier.allowance.length,
        "subject": "" if carrier.allowance.subject is Subject.UNKNOWN else carrier.allowance.subject,
        "links": carrier.allowance.links,
        "attachments": carrier.allowance.attachments,
    }
    default = Carrier(slug="", name="")
    lines = ["[[carrier]]"]
    for key in _KEYS:
        value = values[key] if key in values else getattr(carrier, key)
        if value not in (None, "", ()) and value != getattr(default, key, None):
            lines.append(f"{key} = {_toml(value)}")
    return "\n".join((*lines, ""))


def _part_of_date(carrier: Carrier) -> str:
    return carrier.status_when if carrier.status_date_parts else _NO_DATE


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(part) for part in value) + "]"
    text = value.value if isinstance(value, StrEnum) else str(value)
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    return f"\\u{ord(char):04x}" if ord(char) < 0x20 or char == "\x7f" else char
