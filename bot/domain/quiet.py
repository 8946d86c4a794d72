"""Say when a person's quiet hours end, in their own time zone, over changes of the clocks too."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from bot.domain.errors import UserError

MINUTES_A_DAY: Final = 24 * 60
MOST_OFFERED: Final = 25
_TIME: Final = re.compile(r"(\d{1,2})(?::?(\d{2}))?\s*([ap])?\.?m?\.?", re.ASCII | re.IGNORECASE)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of each day in which texts wait: minutes since midnight, and the zone's name."""

    start: int
    end: int
    zone: str

    def ends(self, now: datetime) -> datetime | None:
        """Tell when the quiet hours end that `now` lies in; None outside of them."""
        zone = _zone(self.zone)
        today = now.astimezone(zone).date()
        for day in (today - _DAY, today):
            begins = min(_instants(day, self.start, zone))
            ends = max(_instants(day if self.start < self.end else day + _DAY, self.end, zone))
            if begins <= now < ends:
                return ends
        return None

    def __str__(self) -> str:
        """Write them as people do."""
        return f"{clock(self.start)} to {clock(self.end)} ({self.zone})"


def _zone(name: str) -> tzinfo:
    """Find a time zone; UTC where this system's list has it no more, so that one name stops nobody else."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return UTC


def _instants(day: date, minutes: int, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return both times that the clock on the wall may mean.

    They differ only where the clocks change: an hour that comes twice, or one that is left out. The earlier
    one begins quiet hours and the later one ends them, so no text ever comes in them.
    """
    local = datetime.combine(day, time(minutes // 60, minutes % 60), zone)
    return local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)


def clock(minutes: int) -> str:
    """Write minutes since midnight as 07:30."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def parse_clock(typed: str) -> int:
    """Read `22:00`, `7`, `7am` or `10:30 pm` as minutes since midnight. Raises UserError."""
    found = _TIME.fullmatch(typed.strip())
    if found:
        hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "").lower()
        if half and 1 <= hour <= 12:
            hour = hour % 12 + (12 if half == "p" else 0)
        elif half:
            hour = MINUTES_A_DAY
        if hour < 24 and minute < 60:
            return hour * 60 + minute
    raise UserError("Write the time like 22:00 or 7am.")


@cache
def _zones() -> dict[str, str]:
    return {name.lower(): name for name in sorted(available_timezones()) if "/" in name or name == "UTC"}


def parse_zone(typed: str) -> str:
    """Find the time zone that was typed. Raises UserError."""
    found = _zones().get(typed.strip().replace(" ", "_").lower())
    if found is None:
        raise UserError("Pick your time zone from the list that appears, such as Europe/Berlin.")
    return found


def search_zones(typed: str) -> list[str]:
    """List zones that hold what was typed, those of which a part begins so first."""
    wanted = typed.strip().replace(" ", "_").lower()
    found = [(name, low) for low, name in _zones().items() if wanted in low]
    found.sort(key=lambda one: not any(part.startswith(wanted) for part in one[1].split("/")))
    return [name for name, _ in found[:MOST_OFFERED]]
