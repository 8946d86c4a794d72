"""Numbers that people type, and the forms they are written in."""

import json
import time

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.countries import COUNTRIES, country_name, country_title
from bot.domain.errors import UserError
from bot.domain.phone import (
    Number,
    country_code_digits,
    is_nanp,
    mask,
    national_digits,
    parse_number,
    trunk_digits,
    trunk_prefix,
)
from tests.domain.corpora import corpus

TAKES_TEXTS = ("MOBILE", "FIXED_LINE_OR_MOBILE", "VOIP")
REFUSED = (
    "FIXED_LINE",
    "TOLL_FREE",
    "PREMIUM_RATE",
    "SHARED_COST",
    "PAGER",
    "VOICEMAIL",
    "UAN",
    "PERSONAL_NUMBER",
)


def examples() -> list[dict[str, str]]:
    """Read libphonenumber's example numbers that the installed metadata also hold valid."""
    found = json.loads(corpus("phone-libphonenumber/examples.json").read_text())
    kinds = {value: name for name, value in vars(phonenumbers.PhoneNumberType).items() if name.isupper()}
    kept = []
    for one in found:
        parsed = phonenumbers.parse(f"+{one['cc']}{one['national']}")
        if phonenumbers.is_valid_number(parsed) and one["region"] in COUNTRIES:
            kept.append(one | {"type": kinds[phonenumbers.number_type(parsed)]})
    return kept


def refusal(typed: str, country: str = "US") -> str:
    """Give the sentence that a typed number is refused with."""
    with pytest.raises(UserError) as caught:
        parse_number(typed, country)
    return str(caught.value)


@pytest.mark.parametrize("last", range(100, 200))
def test_every_test_number_is_taken(last: int) -> None:
    assert parse_number(f"206 555 0{last}", "US") == Number(f"+12065550{last}", "US")


@pytest.mark.parametrize("area", ["212", "415", "907"])
def test_a_fictitious_number_of_any_area_is_taken(area: str) -> None:
    assert parse_number(f"({area}) 555-0142", "US").e164 == f"+1{area}5550142"


def test_a_fictitious_number_belongs_to_the_country_of_its_area() -> None:
    assert parse_number("416 555 0123", "CA") == Number("+14165550123", "CA")
    assert "Canada" in refusal("416 555 0123", "US")


@pytest.mark.parametrize(
    "typed",
    [
        "2065550123",
        "206-555-0123",
        "(206) 555.0123",
        " +1 206 555 0123 ",
        "1 206 555 0123",
        "[206] 555/0123",
        "２０６５５５０１２３",
        "＋１（２０６）５５５－０１２３",
        "٢٠٦٥٥٥٠١٢٣",
        "২০৬৫৫৫০১২৩",
        "206\u2011555\u20110123",
        "206\u00a0555\u202f0123",
        "\u202a+1 206 555 0123\u202c",
    ],
)
def test_a_number_is_read_however_it_is_typed(typed: str) -> None:
    assert parse_number(typed, "US").e164 == "+12065550123"


@pytest.mark.parametrize(
    ("typed", "country", "e164"),
    [
        ("07400 123456", "GB", "+447400123456"),
        ("+44 (0)7400 123456", "GB", "+447400123456"),
        ("0044 7400 123456", "GB", "+447400123456"),
        ("0044 (0)7400-123456", "GB", "+447400123456"),
        ("0151 12345678", "DE", "+4915112345678"),
        ("312 345 6789", "IT", "+393123456789"),
        ("06 20 123 4567", "HU", "+36201234567"),
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("787 234 5678", "PR", "+17872345678"),
    ],
)
def test_a_number_is_read_as_its_country_dials_it(typed: str, country: str, e164: str) -> None:
    assert parse_number(typed, country) == Number(e164, country)


def test_a_carrier_of_the_mainland_serves_the_territories() -> None:
    assert parse_number("787 234 5678", "US") == Number("+17872345678", "PR")
    assert parse_number("07911 123456", "GB") == Number("+447911123456", "GG")


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("", "not a phone number"),
        ("+", "not a phone number"),
        ("()- ", "not a phone number"),
        ("hello", "not a phone number"),
        ("206 555 0123 ext 5", "extension"),
        ("206 555 0123x5", "extension"),
        ("206 555 0123;ext=5", "extension"),
        ("206 555 0123#5", "extension"),
        ("1-800-FLOWERS", "letters"),
        ("++12065550123", "not a phone number"),
        ("206+5550123", "not a phone number"),
        ("2065550123, 2065550124", "not a phone number"),
        ("206555²123", "not a phone number"),
        ("206", "too short"),
        ("5550123", "too short"),
        ("20655501234", "too long"),
        ("2" * 40, "too long"),
        ("2" * 4000, "too long"),
        ("(" * 4000, "too long"),
        ("٢" * 4000, "too long"),
        ("000 555 0123", "not a number that exists"),
        ("0206 555 0123", "not a number that exists"),
        ("123 555 0123", "not a number that exists"),
        ("+999 2065550123", "No country"),
        ("+44 7400 123456", "the United Kingdom"),
        ("416 234 5678", "Canada"),
        ("+800 1234 5678", "another country"),
        ("800 234 5678", "toll-free"),
        ("900 234 5678", "premium"),
    ],
)
def test_a_wrong_number_gets_one_sentence_that_never_repeats_it(typed: str, word: str) -> None:
    sentence = refusal(typed)
    assert word in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert not any(char.isdecimal() for char in sentence)


def test_a_landline_is_refused_where_the_metadata_know() -> None:
    assert "landline" in refusal("020 7946 0958", "GB")
    assert "landline" in refusal("06 1234 5678", "IT")


def test_garbage_takes_no_time() -> None:
    started = time.perf_counter()
    for char in "2+(-٢x \u202a":
        refusal(char * 4000)
    assert time.perf_counter() - started < 1


def test_the_example_numbers_of_every_country_are_read_or_refused_by_kind() -> None:
    found = examples()
    taken = [one for one in found if one["type"] in TAKES_TEXTS]
    refused = [one for one in found if one["type"] in REFUSED]
    assert len(taken) > 180
    assert len(refused) > 300
    for one in taken:
        number = parse_number(f"+{one['cc']} {one['national']}", one["region"])
        assert number.e164 == f"+{one['cc']}{one['national']}"
        assert national_digits(number) == one["national"]
        assert country_code_digits(number) == f"{one['cc']}{one['national']}"
        assert parse_number(trunk_digits(number), number.country) == number
    for one in refused:
        sentence = refusal(f"+{one['cc']} {one['national']}", one["region"])
        assert one["national"] not in sentence


def test_a_number_of_another_country_is_refused_in_every_country() -> None:
    strangers = 0
    for one in examples():
        if one["type"] == "MOBILE" and one["cc"] not in ("1", "44"):
            strangers += 1
            assert "looks like a number of" in refusal(f"+{one['cc']}{one['national']}", "US")
    assert strangers > 100


def test_a_service_for_any_country_takes_any_number() -> None:
    assert parse_number("+44 7400 123456", "US", anywhere=True) == Number("+447400123456", "GB")
    assert parse_number("206 555 0123", "US", anywhere=True) == Number("+12065550123", "US")
    with pytest.raises(UserError):
        parse_number("+44 20 7946 0958", "US", anywhere=True)


def test_the_trunk_prefix_stands_only_where_a_country_has_one_that_starts_with_0() -> None:
    assert trunk_digits(Number("+4915112345678", "DE")) == "015112345678"
    assert trunk_digits(Number("+36201234567", "HU")) == "06201234567"
    assert trunk_digits(Number("+34612345678", "ES")) == "612345678"
    assert trunk_digits(Number("+12065550123", "US")) == "2065550123"
    assert [trunk_prefix(code) for code in ("GB", "IT", "US", "RU", "XX")] == ["0", "", "", "", ""]


def test_the_leading_zero_of_italy_stays() -> None:
    assert national_digits(Number("+390612345678", "IT")) == "0612345678"


def test_the_countries_of_plus_one_are_known() -> None:
    assert all(is_nanp(code) for code in ("US", "CA", "PR", "JM", "DO"))
    assert not any(is_nanp(code) for code in ("GB", "MX", "RU", None, "ZZ"))


def test_a_number_is_masked_wherever_it_is_shown() -> None:
    number = Number("+12065550123", "US")
    assert mask(number.e164) == "+1***0123"
    for shown in (repr(number), str(number), f"{number}", f"{[number]}"):
        assert "555" not in shown
        assert "+1***0123" in shown


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_a_mask_never_shows_more_than_country_code_and_four_digits(e164: str) -> None:
    shown = "".join(char for char in mask(e164) if char.isdigit())
    assert len(shown) <= 7
    assert len(e164) - 1 - len(shown) >= 2


@given(st.text(max_size=40))
def test_a_mask_of_anything_else_shows_nothing(text: str) -> None:
    if not (text.isascii() and text.removeprefix("+").isdigit()):
        assert mask(text) == "***"


@given(
    st.text(alphabet=st.characters() | st.sampled_from("0123456789+-() "), max_size=90),
    st.sampled_from(sorted(COUNTRIES)),
)
def test_whatever_is_typed_gives_a_number_or_one_sentence(typed: str, country: str) -> None:
    try:
        number = parse_number(typed, country)
    except UserError as error:
        said = str(error)
    else:
        said = "."
        assert number.e164.removeprefix("+").isdecimal()
        assert number.e164.isascii()
        assert parse_number(number.e164, country) == number
    assert said.endswith(".")


def test_every_country_with_phone_numbers_has_a_name() -> None:
    assert set(phonenumbers.SUPPORTED_REGIONS) == set(COUNTRIES)
    assert (country_name("US"), country_title("US")) == ("the United States", "United States")
    assert country_name(None) == country_name("??") == "another country"
