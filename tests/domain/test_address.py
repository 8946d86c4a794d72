"""Only digits at a listed domain may ever be written to."""

import json
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.address import ForbiddenRecipient, check_recipient, recipient
from bot.domain.catalogue import Form, Gateway
from bot.domain.names import domain_problem, name_problem
from bot.domain.phone import Number
from tests.domain.corpora import corpus

BOB = Number("+12065550100", "US")
HANS = Number("+4915112345678", "DE")
LISTED = frozenset({"vtext.com", "tmomail.net"})
SENTENCES = (
    "the part before the @ is not a phone number",
    "the domain is not on the operator's list",
)


def passes(address: str, domains: frozenset[str] = LISTED) -> bool:
    """Tell whether mail to an address may leave; a refusal is a fixed sentence, so it tells no address."""
    try:
        check_recipient(address, domains)
    except ForbiddenRecipient as error:
        said = str(error)
    else:
        return True
    assert said in SENTENCES
    return False


@pytest.mark.parametrize(
    ("form", "local"),
    [
        (Form.NATIONAL, "15112345678"),
        (Form.TRUNK, "015112345678"),
        (Form.COUNTRY, "4915112345678"),
        (Form.PLUS, "+4915112345678"),
        (Form.PREFIX, "7715112345678"),
    ],
)
def test_each_form_writes_the_number_its_way(form: Form, local: str) -> None:
    address = recipient(HANS, Gateway("sms.example.net", form, "77" if form is Form.PREFIX else ""))
    assert address == f"{local}@sms.example.net"
    assert passes(address, frozenset({"sms.example.net"}))


def test_the_form_that_a_code_proved_outranks_the_gateways() -> None:
    assert (
        recipient(HANS, Gateway("sms.example.net", Form.TRUNK), Form.PLUS) == "+4915112345678@sms.example.net"
    )


def test_without_a_form_a_north_american_number_is_national() -> None:
    assert recipient(BOB, Gateway("vtext.com")) == "2065550100@vtext.com"


def test_without_a_form_another_number_has_no_address() -> None:
    with pytest.raises(ValueError, match="no address form") as caught:
        recipient(HANS, Gateway("sms.example.net"))
    assert "151" not in str(caught.value)


@pytest.mark.parametrize(
    "domain", ["", "localhost", "127.0.0.1", "VTEXT.com", "vtext.com.", "a b.com", "x.com\r\nDATA"]
)
def test_a_gateway_that_is_no_plain_domain_has_no_address(domain: str) -> None:
    with pytest.raises(ValueError, match="domain") as caught:
        recipient(BOB, Gateway(domain, Form.NATIONAL))
    assert "206" not in str(caught.value)


@pytest.mark.parametrize("prefix", ["a", "1.", "12345678901", "٣", " "])
def test_a_prefix_that_spoils_the_number_has_no_address(prefix: str) -> None:
    with pytest.raises(ValueError, match="form") as caught:
        recipient(BOB, Gateway("vtext.com", Form.PREFIX, prefix))
    assert "555" not in str(caught.value)


@pytest.mark.parametrize("address", ["2065550100@vtext.com", "+12065550100@tmomail.net", "1234567@vtext.com"])
def test_digits_at_a_listed_domain_pass(address: str) -> None:
    assert passes(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "@",
        "2065550100",
        "2065550100@",
        "@vtext.com",
        "2065550100@vtext.com ",
        " 2065550100@vtext.com",
        "2065550100@vtext.com\n",
        "2065550100\n@vtext.com",
        "2065550100@VTEXT.com",
        "2065550100@vtext.com.",
        "2065550100@sub.vtext.com",
        "2065550100@vtext.com.evil.test",
        "2065550100@evilvtext.com",
        "206555@vtext.com",
        "1234567890123456@vtext.com",
        "++2065550100@vtext.com",
        "٢٠٦٥٥٥٠١٠٠@vtext.com",
        "２０６５５５０１００@vtext.com",
        "2065550100@ｖtext.com",
        "2065550100@vtext\u00ad.com",
        "2065550100@x@vtext.com",
        "<2065550100@vtext.com>",
        "2065550100@vtext.com,1@x.test",
    ],
)
def test_anything_else_is_forbidden(address: str) -> None:
    assert not passes(address)


def test_a_bad_domain_is_forbidden_even_where_it_is_listed() -> None:
    for domain in ("127.0.0.1", "localhost", "[127.0.0.1]", "VTEXT.com", "", "x.test\r\nRCPT"):
        assert not passes(f"2065550100@{domain}", frozenset({domain}))


def test_the_recipient_attacks_are_forbidden() -> None:
    attacks = json.loads(corpus("injection/headers.json").read_text())["recipients"]
    assert len(attacks) == 14
    assert [address for address in attacks if passes(address)] == []


def test_the_templates_are_forbidden_raw_filled_and_as_domains() -> None:
    templates = json.loads(corpus("injection/headers.json").read_text())["templates"]
    assert len(templates) == 20
    for template in templates:
        assert not passes(template)
        filled = template.replace("{number}", "2065550100")
        assert not passes(filled)
        assert domain_problem(template) is not None
        with pytest.raises(ValueError, match="domain"):
            recipient(BOB, Gateway(template, Form.NATIONAL))
        typed = template.rpartition("@")[2]
        if domain_problem(typed) is None:  # a plain domain is still not one of the list
            assert not passes(recipient(BOB, Gateway(typed, Form.NATIONAL)), LISTED - {typed})


def test_none_of_isemails_addresses_is_digits_at_a_listed_domain() -> None:
    tests = ET.parse(corpus("addresses-isemail/tests.xml")).getroot().findall("test")  # noqa: S314 - our own copy
    addresses = [one.findtext("address") or "" for one in tests]
    assert len(addresses) >= 80
    shown = str.maketrans({chr(0x2400 + code): chr(code) for code in range(0x21)})
    domains = frozenset(address.rpartition("@")[2] for address in addresses) | LISTED
    for address in addresses:
        for form in (address, address.translate(shown)):
            local, _, domain = form.rpartition("@")
            plain = (
                7 <= len(local) <= 15
                and local.isascii()
                and local.isdigit()
                and domain_problem(domain) is None
            )
            assert passes(form, domains) is plain
            assert not passes(form)


@given(st.text(max_size=60))
def test_property_nothing_passes_but_digits_at_a_listed_domain(text: str) -> None:
    for address in (text, f"{text}@vtext.com", f"2065550100@{text}", f"2065550100{text}@vtext.com"):
        if passes(address):
            local, domain = address.split("@")
            digits = local.removeprefix("+")
            assert set(digits) <= set("0123456789")
            assert 7 <= len(digits) <= 15
            assert domain in LISTED


@given(
    st.sampled_from([BOB, HANS, Number("+390612345678", "IT")]),
    st.text(max_size=30) | st.just("vtext.com"),
    st.sampled_from([None, *Form]),
    st.text(max_size=4),
    st.sampled_from([None, *Form]),
)
def test_property_whatever_is_built_passes_the_check(
    number: Number, domain: str, form: Form | None, prefix: str, proven: Form | None
) -> None:
    try:
        address = recipient(number, Gateway(domain, form, prefix), proven)
    except ValueError as error:
        said = str(error)
    else:
        said = ""
        assert address.count("@") == 1
        check_recipient(address, {domain})
    assert number.e164[-7:] not in said


@pytest.mark.parametrize(
    "domain", ["vtext.com", "sms.example.net", "msg.fi.google.com", "xn--vtxt-dpa.com", "3rivers.net"]
)
def test_a_public_domain_is_fine(domain: str) -> None:
    assert domain_problem(domain) is None


@pytest.mark.parametrize(
    "domain",
    [
        "",
        "com",
        "localhost",
        "printer.local",
        "mail.internal",
        "127.0.0.1",
        "2130706433.1",
        "1.2.3.0x4",
        "[::1]",
        "vtext.com:25",
        "https://vtext.com",
        "x@vtext.com",
        "*.vtext.com",
        "-x.com",
        "x-.com",
        "a..com",
        ".com",
        "vtext.com.",
        "VTEXT.COM",
        "vtëxt.com",
        "vtext.com\n",
        "vtext .com",
        "a_b.com",
        "x" * 64 + ".com",
        "a." * 127 + "com",
    ],
)
def test_any_other_domain_gets_a_sentence(domain: str) -> None:
    problem = domain_problem(domain)
    assert problem is not None
    assert problem.endswith(".")


@pytest.mark.parametrize("name", ["AT&T", "T-Mobile (D1)", "三大電訊", "3", "Bell Mobility & Solo"])
def test_a_carriers_name_is_fine(name: str) -> None:
    assert name_problem(name) is None


@pytest.mark.parametrize(
    "name", ["", " ", " AT&T", "@everyone", "a\nb", "x" * 61, "<#1>", "**x**", "a\u202eb", "!!", "`x`"]
)
def test_a_carriers_name_that_is_not_fine_gets_a_sentence(name: str) -> None:
    problem = name_problem(name)
    assert problem is not None
    assert problem.endswith(".")
