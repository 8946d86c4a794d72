"""A From address names a phone, at a domain from which its carrier answers."""

import pytest

from bot.domain.replies_from import may_answer, numbers_meant

NUMBER = "+12065550101"


@pytest.mark.parametrize(
    "local",
    ["2065550101", "12065550101", "+12065550101", "+12065550101/TYPE=PLMN", "12065550101/type=plmn"],
)
def test_a_number_is_read_however_a_gateway_writes_it(local: str) -> None:
    assert NUMBER in numbers_meant(f"{local}@vtext.com", {"US"})


@pytest.mark.parametrize(
    "author",
    [
        *("", "@vtext.com", "bob@vtext.com", "2065550101", "206555@vtext.com", "2065550101x@vtext.com"),
        *("2065550101@", "12345678901234567@vtext.com", "２０６５５５０１０１@vtext.com"),
        "2065550101+a@vtext.com",
    ],
)
def test_what_is_no_number_means_nobody(author: str) -> None:
    assert numbers_meant(author, {"US"}) == set()


def test_numbers_of_other_countries_are_read_at_home_and_whole() -> None:
    assert numbers_meant("07400123456@example.co.uk", {"GB"}) == {"+447400123456"}
    assert "+447400123456" in numbers_meant("447400123456@example.co.uk", {"GB"})
    assert numbers_meant("07400123456@example.co.uk", set()) == set()


@pytest.mark.parametrize(
    ("gateway", "domain", "answers"),
    [
        ("vtext.com", "vtext.com", True),
        ("vtext.com", "vzwpix.com", True),
        ("vtext.com", "mypix.vzwpix.com", True),
        ("vtext.com", "evilvtext.com", False),
        ("vtext.com", "vtext.com.evil.example", False),
        ("vtext.com", "tmomail.net", False),
        ("txt.att.net", "mms.att.net", True),
        ("sms.example.org", "sms.example.org", True),
        ("sms.example.org", "mms.example.org", False),
        ("vtext.com", "", False),
    ],
)
def test_a_carrier_answers_from_its_own_domains(gateway: str, domain: str, answers: bool) -> None:
    assert may_answer(gateway, domain) is answers
    assert may_answer(gateway, "pictures.example", ("pictures.example",))
