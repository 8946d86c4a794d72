"""Quiet hours end when the clock on the wall says so, also where clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import UserError
from bot.domain.quiet import Quiet, parse_clock, parse_zone, search_zones

NIGHT = Quiet(22 * 60, 7 * 60, "Europe/Berlin")
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "UTC"]


def at(year: int, month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        (at(2026, 11, 22, 20, 59), None),  # 21:59 in Berlin
        (at(2026, 11, 22, 21, 0), at(2026, 11, 23, 6)),
        (at(2026, 11, 23, 5, 59), at(2026, 11, 23, 6)),
        (at(2026, 11, 23, 6, 0), None),
        (at(2026, 7, 1, 20, 0), at(2026, 7, 2, 5)),  # an hour less in summer
        (at(2026, 3, 28, 22, 0), at(2026, 3, 29, 5)),  # the night that is an hour shorter
        (at(2026, 10, 24, 22, 0), at(2026, 10, 25, 6)),  # and the one that is an hour longer
    ],
)
def test_nights_in_berlin(now: datetime, ends: datetime | None) -> None:
    assert NIGHT.ends(now) == ends


def test_an_hour_that_comes_twice_is_quiet_until_its_second_end() -> None:
    quiet = Quiet(0, 2 * 60 + 30, "Europe/Berlin")
    assert quiet.ends(at(2026, 10, 25, 0, 45)) == at(2026, 10, 25, 1, 30)  # the first 2:45
    assert quiet.ends(at(2026, 10, 25, 1, 29)) == at(2026, 10, 25, 1, 30)  # the second 2:29
    assert quiet.ends(at(2026, 10, 25, 1, 30)) is None


def test_an_end_that_is_left_out_comes_after_the_gap() -> None:
    quiet = Quiet(0, 2 * 60 + 30, "Europe/Berlin")
    assert quiet.ends(at(2026, 3, 29, 0, 30)) == at(2026, 3, 29, 1, 30)  # 3:30, as 2:30 is left out


@given(
    start=st.integers(0, 1439),
    end=st.integers(0, 1439),
    zone=st.sampled_from(ZONES),
    now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
)
def test_quiet_hours_always_end_and_then_are_over(start: int, end: int, zone: str, now: datetime) -> None:
    if start == end:
        return
    ends = Quiet(start, end, zone).ends(now)
    if ends is None:
        return
    assert now < ends <= now + timedelta(hours=26)
    again = Quiet(start, end, zone).ends(ends)
    # Only where the clocks change may the next ones begin as these end.
    assert again is None or again - ends > timedelta(minutes=1)


@given(
    start=st.integers(0, 1439),
    end=st.integers(0, 1439),
    zone=st.sampled_from(ZONES),
    now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
)
def test_what_the_wall_clock_shows_as_quiet_is_quiet(start: int, end: int, zone: str, now: datetime) -> None:
    if start == end:
        return
    local = now.astimezone(ZoneInfo(zone))
    shown = local.hour * 60 + local.minute
    inside = start <= shown < end if start < end else shown >= start or shown < end
    if inside:
        assert Quiet(start, end, zone).ends(now) is not None


@pytest.mark.parametrize(
    ("typed", "minutes"),
    [("22:00", 1320), ("7", 420), ("7am", 420), ("10:30 pm", 1350), ("12 am", 0), ("12pm", 720),
     ("0730", 450), ("23:59", 1439), ("7 a.m.", 420)],
)  # fmt: skip
def test_times_as_people_write_them(typed: str, minutes: int) -> None:
    assert parse_clock(typed) == minutes


@pytest.mark.parametrize("typed", ["", "24:00", "7:60", "13pm", "0am", "noon", "٧:٠٠", "7:0", "1e1"])
def test_what_is_no_time_is_refused(typed: str) -> None:
    with pytest.raises(UserError, match=r"22:00"):
        parse_clock(typed)


def test_zones_are_found_by_any_part() -> None:
    assert search_zones("berl") == ["Europe/Berlin"]
    assert search_zones("new york")[0] == "America/New_York"
    assert len(search_zones("")) == 25
    assert parse_zone(" america/new york ") == "America/New_York"
    for wrong in ("", "Berlin", "../UTC", "Europe/Atlantis"):
        with pytest.raises(UserError, match=r"Europe/Berlin"):
            parse_zone(wrong)
