"""The deployment's bounds: how often, per whom; and durations as people write them."""

import re
from dataclasses import dataclass, fields, replace
from datetime import timedelta

_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_LONGEST = timedelta(days=30)
_DURATION = re.compile(r"([0-9]{1,7})([smhd])")
_RATE = re.compile(r"([0-9]{1,7})/([smhd])")


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so long."""

    count: int
    per: timedelta


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds per sender, sender and recipient, recipient, guild, for all codes, and for all texts."""

    sender: Rate = Rate(30, _UNITS["h"])
    pair: Rate = Rate(20, _UNITS["h"])
    recipient: Rate = Rate(60, _UNITS["h"])
    guild: Rate = Rate(600, _UNITS["h"])
    codes: Rate = Rate(20, _UNITS["h"])
    # Of all texts together: off unless it is set, since every text then counts on one row.
    deployment: Rate | None = None


def parse_limits(written: str) -> Limits | None:
    """Read `sender=30/h,codes=20/h`; what is not named keeps its default; `off` is None, else ValueError."""
    if written.strip().lower() == "off":
        return None
    known = [field.name for field in fields(Limits)]
    rates: dict[str, Rate] = {}
    for part in written.split(","):
        name, _, rate = (piece.strip() for piece in part.partition("="))
        found = _RATE.fullmatch(rate)
        if name not in known or name in rates or not found or not int(found[1]):
            raise ValueError(
                "write it like sender=30/h,pair=20/h,recipient=60/h,guild=600/h,codes=20/h, or off"
            )
        rates[name] = Rate(int(found[1]), _UNITS[found[2]])
    return replace(Limits(), **rates)


def parse_duration(written: str) -> timedelta:
    """Read `90m`, `12h` or `2d`, from one second to 30 days. Raises ValueError."""
    found = _DURATION.fullmatch(written.strip().lower())
    wanted = int(found[1]) * _UNITS[found[2]] if found else timedelta()
    if not timedelta() < wanted <= _LONGEST:
        raise ValueError("write it like 90m, 12h or 2d, 30 days at most")
    return wanted
