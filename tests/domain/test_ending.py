"""Which notice of a closing gateway is due, and what it says."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.catalogue import Carrier, Gateway
from bot.domain.ending import STEPS_DAYS, closing_words, gateway_ends, step_began, step_due, suspended_words

END = date(2027, 3, 31)
VERIZON = Carrier(slug="us-verizon", name="Verizon", gateway=Gateway("vtext.com"), retires_on=END)


@pytest.mark.parametrize(
    ("left", "step"), [(91, None), (90, 90), (31, 90), (30, 30), (8, 30), (7, 7), (1, 7), (0, 0), (-400, 0)]
)
def test_the_last_step_that_began_is_due(left: int, step: int | None) -> None:
    assert step_due(END, END - timedelta(days=left)) == step


@given(today=st.dates(END - timedelta(days=200), END + timedelta(days=200)))
def test_a_step_is_due_from_the_day_it_begins(today: date) -> None:
    step = step_due(END, today)
    began = [each for each in (0, *STEPS_DAYS) if step_began(END, each) <= today]
    assert step == (min(began) if began else None)


def test_a_gateway_ends_with_the_last_of_its_entries_and_only_if_all_do() -> None:
    later = replace(VERIZON, slug="b", retires_on=END + timedelta(days=9))
    other = replace(VERIZON, slug="c", gateway=Gateway("other.net"), retires_on=None)
    assert gateway_ends([VERIZON, later, other]) == {"vtext.com": END + timedelta(days=9)}
    for order in ([VERIZON, replace(later, retires_on=None)], [replace(later, retires_on=None), VERIZON]):
        assert gateway_ends(order) == {}


def test_each_notice_says_when_and_what_to_do() -> None:
    said = closing_words(VERIZON, END, date(2027, 3, 30), "")
    assert said.startswith(
        "Verizon's e-mail gateway closes on 2027-03-31, in 1 day; nobody can text your phone"
    )
    assert "Before then, use /phone register with a number of another carrier, or ask an admin" in said
    said = suspended_words(VERIZON, END, "ClickSend")
    assert said.startswith("Verizon's e-mail gateway closed on 2027-03-31, so your registration is suspended")
    assert said.endswith("Use /phone register with ClickSend instead.")
