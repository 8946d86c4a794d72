"""Bounds and durations are read as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.limits import Limits, Rate, parse_duration, parse_limits

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@given(st.integers(1, 9_999_999), st.sampled_from("smhd"))
def test_a_rate_is_a_count_and_a_unit(count: int, unit: str) -> None:
    limits = parse_limits(f"pair={count}/{unit}")
    assert limits == Limits(pair=Rate(count, timedelta(seconds=UNITS[unit])))


@given(st.integers(1, 30 * 24), st.sampled_from(["{}h", " {}H "]))
def test_hours_are_hours(hours: int, form: str) -> None:
    assert parse_duration(form.format(hours)) == timedelta(hours=hours)


@given(st.text(max_size=20))
def test_anything_else_is_a_sentence(written: str) -> None:
    for rule in (parse_limits, parse_duration):
        wrong = ""
        try:
            rule(written)
        except ValueError as error:
            wrong = str(error)
        assert not wrong or (wrong.startswith("write it like ") and "\n" not in wrong)


@pytest.mark.parametrize("written", ["OFF", " off "])
def test_off_is_no_limit(written: str) -> None:
    assert parse_limits(written) is None


@pytest.mark.parametrize(
    "written", ["0h", "-1h", "1.5h", "12", "12w", "721h", "31d", "\u0661h", "1h 2m", "9999999s"]
)
def test_a_duration_out_of_bounds_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="30 days at most"):
        parse_duration(written)
