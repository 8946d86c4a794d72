"""When a gateway is in doubt, and what is said of its counts."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.outcome import REFUSED, Outcome
from bot.domain.signs import (
    FEWEST_CODES,
    FEWEST_CODES_TO_SHOW,
    WINDOW_DAYS,
    Day,
    Measured,
    Sign,
    doubtful,
    measured_words,
    sign_of,
    trouble_words,
)

TODAY = date(2026, 11, 22)
AT = datetime(2026, 11, 22, 10, tzinfo=UTC)


def ago(days: int, codes: int = 0, positive: int = 0) -> Day:
    return Day(TODAY - timedelta(days=days), codes, positive)


AGES = st.integers(0, WINDOW_DAYS + 10)
HISTORIES = st.dictionaries(AGES, st.tuples(st.integers(0, 8), st.integers(0, 3))).map(
    lambda known: [ago(age, *counts) for age, counts in known.items()]
)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ([], False),
        ([ago(1, 3), ago(2, 2)], True),
        ([ago(1, 2), ago(2, 2)], False),
        ([ago(1, 50)], False),
        ([ago(0, 50), ago(1, 4)], False),
        ([ago(1, 3), ago(2, 2), ago(3, 9, 1)], True),
        ([ago(1, 3), ago(2, 2, 1), ago(3, 9)], False),
        ([ago(0, 0, 1), ago(1, 3), ago(2, 2)], False),
        ([ago(WINDOW_DAYS, 3), ago(1, 2)], True),
        ([ago(WINDOW_DAYS + 1, 3), ago(1, 2)], False),
    ],
    ids=str,
)
def test_codes_of_two_days_must_stay_away(days: list[Day], expected: bool) -> None:
    assert doubtful(days, TODAY) is expected


@given(days=HISTORIES)
def test_a_sign_of_today_ends_every_doubt(days: list[Day]) -> None:
    assert not doubtful([*(each for each in days if each.day != TODAY), ago(0, 9, 1)], TODAY)


@given(days=HISTORIES, codes=st.integers(1, 5), age=AGES)
def test_more_codes_that_stay_away_never_end_a_doubt(days: list[Day], codes: int, age: int) -> None:
    more = [replace(each, codes_sent=each.codes_sent + codes * (each == ago(age))) for each in days]
    assert doubtful(more, TODAY) >= doubtful(days, TODAY)


@given(days=HISTORIES, age=AGES)
def test_one_more_sign_never_makes_a_doubt(days: list[Day], age: int) -> None:
    signed = [replace(each, positive=each.positive + (each.day == ago(age).day)) for each in days]
    assert doubtful([*signed, ago(age, 0, 1)], TODAY) <= doubtful(days, TODAY)


@given(days=HISTORIES)
def test_neither_order_nor_what_is_outside_counts(days: list[Day]) -> None:
    inside = [each for each in days if 0 < (TODAY - each.day).days <= WINDOW_DAYS or each.positive]
    assert doubtful(sorted(days, key=lambda each: each.day), TODAY) == doubtful(days[::-1], TODAY)
    assert doubtful(inside, TODAY) == doubtful(days, TODAY)


@given(days=HISTORIES)
def test_a_doubt_rests_on_enough_codes(days: list[Day]) -> None:
    if doubtful(days, TODAY):
        assert sum(each.codes_sent for each in days) >= FEWEST_CODES


def test_what_is_counted_of_an_attempt() -> None:
    assert sign_of(Outcome.SENT, is_code=True) is Sign.CODE_SENT
    assert sign_of(Outcome.SENT, is_code=False) is None
    assert sign_of(Outcome.GATEWAY_GONE, is_code=False) is Sign.REFUSED_GONE
    for outcome in set(Outcome) - {Outcome.SENT, *REFUSED}:
        assert sign_of(outcome, is_code=True) is None


def test_what_is_measured_is_said_in_a_few_words() -> None:
    measured = Measured({Sign.CODE_SENT: 11, Sign.CODE_TYPED: 10}, AT)
    assert measured_words(measured, exact=False) == (
        f"90 % of codes came back in 30 days, last <t:{int(AT.timestamp())}:R>"
    )
    assert measured_words(Measured({Sign.CODE_SENT: 11}), exact=False) == "0 % of codes came back in 30 days"
    assert measured_words(Measured(), exact=True) == ""


def test_few_codes_are_told_to_editors_alone() -> None:
    few = Measured({Sign.CODE_SENT: FEWEST_CODES_TO_SHOW - 1, Sign.CODE_TYPED: 1, Sign.REFUSED_PERSON: 1}, AT)
    assert measured_words(few, exact=False) == trouble_words(few, exact=False) == ""
    assert measured_words(few, exact=True).startswith("11 % of codes came back")
    assert trouble_words(few, exact=True) == "In 30 days refused for the number: 1."


def test_reasons_of_refusals_and_bounces_stand_apart() -> None:
    counts = {Sign.REFUSED_CONTENT: 2, Sign.BOUNCED_PERSON: 3, Sign.REPLY: 4}
    assert trouble_words(Measured(counts), exact=True) == (
        "In 30 days sent back for the number: 3; refused for what it said: 2; replies: 4."
    )
