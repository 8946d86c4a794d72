"""What a row of a carrier file wants an entry to be, checked by itself."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from bot.domain.carrier_csv import Row
from bot.domain.catalogue import Carrier, Form, Status
from bot.domain.countries import COUNTRIES
from bot.domain.names import domain_problem, name_problem

LONGEST_SLUG_CHARS: Final = 60
OWN_SLUG: Final = "own-"
_SLUG: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Switch(StrEnum):
    """Tell whether an entry is there: as its status says, against its status, switched off, removed."""

    ON = "on"
    ENABLED = "enabled"
    OFF = "off"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as a file can say it."""

    carrier: Carrier
    switch: Switch = Switch.ON

    @property
    def cells(self) -> dict[str, str]:
        """Name every column with what it is now; what is not known is empty."""
        carrier, gateway = self.carrier, self.carrier.gateway
        return {
            "slug": carrier.slug,
            "name": carrier.name,
            "country": carrier.country or "",
            "domain": gateway.domain if gateway else "",
            "form": gateway.form.value if gateway and gateway.form else "",
            "mms_domain": carrier.mms_domain or "",
            "status": carrier.status.value,
            "status_date": carrier.status_when,
            "switch": self.switch.value,
        }


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a row changes: each column with what it is now (empty for a new entry) and what it is to be."""

    line: int
    slug: str
    before: Mapping[str, str]
    after: Mapping[str, str]

    @property
    def is_new(self) -> bool:
        """Tell whether there is no such entry yet."""
        return not self.before

    @property
    def removes(self) -> bool:
        """Tell whether the entry goes."""
        return self.after.get("switch") == Switch.REMOVED

    @property
    def gateway_changes(self) -> bool:
        """Tell whether those who proved their phone there must prove it again."""
        return not self.is_new and bool({"domain", "form"} & self.after.keys())


def wanted(row: Row, now_there: Entry | None, today: date) -> Wanted:
    """Compare a row with the entry of that slug; an empty cell leaves what is there.

    A status that changes without a date is of today.
    """
    before = now_there.cells if now_there else {"status": Status.UNKNOWN.value, "switch": Switch.ON.value}
    cells = _tidied(row.cells)
    if cells.get("status", before["status"]) != before["status"]:
        cells.setdefault("status_date", today.isoformat())
    after = {name: cell for name, cell in cells.items() if name != "slug" and cell != before.get(name, "")}
    kept = {name: before[name] for name in after} if now_there else {}
    return Wanted(row.line, cells["slug"], kept, after)


def _tidied(cells: Mapping[str, str]) -> dict[str, str]:
    tidied = dict(cells)
    for name in ("slug", "domain", "form", "mms_domain", "status", "switch"):
        if name in tidied:
            tidied[name] = tidied[name].lower()
    if "country" in tidied:
        tidied["country"] = tidied["country"].upper()
    return tidied


def row_problems(want: Wanted, now_there: Entry | None, today: date, *, own: bool) -> Iterable[str]:
    """Say what is wrong with what a row wants; `own` is set for a server's own entries."""
    if _SLUG.fullmatch(want.slug) is None or len(want.slug) > LONGEST_SLUG_CHARS:
        yield "slug: use lower-case letters and digits with hyphens between, such as us-example"
    elif want.slug.startswith(OWN_SLUG) is not own:
        yield f"slug: a server's own carriers begin with {OWN_SLUG}, those for everyone do not"
    for name, cell in want.after.items():
        problem = _cell_problem(name, cell)
        if problem is not None:
            yield f"{name}: {problem}"
    if _is_day(day := want.after.get("status_date", "")) and day > today.isoformat():
        yield "status_date: that day is still to come; a status is of a day that was"
    if want.is_new and not {"name", "domain"} <= want.after.keys():
        yield "a new carrier needs a name and a domain"
    gateway = now_there.carrier.gateway if now_there else None
    if want.after.get("form") == Form.PREFIX and not (gateway and gateway.prefix):
        yield "form: no prefix is known for it; use national, trunk, country or plus"
    if "form" in want.after and gateway is None and "domain" not in want.after:
        yield "form: it has no domain"


def _cell_problem(name: str, cell: str) -> str | None:
    if name in ("domain", "mms_domain"):
        return domain_problem(cell)
    if name == "name":
        return name_problem(cell)
    if name == "country" and cell not in COUNTRIES:
        return "write it as its two letters, such as US"
    if name == "status_date" and not _is_day(cell):
        return "write the day as 2025-06-17"
    choices = {"form": Form, "status": Status, "switch": Switch}.get(name)
    if choices is not None and cell not in set(choices):
        return f"use {', '.join(choices)}"
    return None


def _is_day(cell: str) -> bool:
    if _DAY.fullmatch(cell) is None:
        return False
    try:
        date.fromisoformat(cell)
    except ValueError:
        return False
    return True
