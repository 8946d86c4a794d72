"""What is offered, what is refused and what is said about it; reading, writing and searching the list."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.allowance import Allowance, Subject
from bot.domain.catalogue import (
    Carrier,
    Form,
    Gateway,
    Grade,
    Kind,
    Status,
    forms_to_try,
    offered,
    refusal,
    warning,
)
from bot.domain.catalogue_check import problems
from bot.domain.catalogue_file import Catalogue, parse_catalogue, write_catalogue
from bot.domain.errors import UserError
from bot.domain.search import rank, search_entries
from bot.domain.segments import utf16_units

TODAY = date(2026, 11, 22)
PLAIN = Carrier(
    slug="us-example",
    name="Example",
    country="US",
    gateway=Gateway("sms.example.net", Form.NATIONAL),
    status=Status.ACTIVE,
    status_date=date(2026, 1, 2),
    evidence=("seen in January 2026",),
    grade=Grade.CLAIMED,
)
DEAD = replace(PLAIN, status=Status.RETIRED, note="It closed.")
SERVICE = replace(PLAIN, kind=Kind.SERVICE, needs="an account")
CLOSING = replace(PLAIN, retires_on=date(2027, 3, 31))


def test_an_active_carrier_is_offered_without_a_warning() -> None:
    assert offered(PLAIN, TODAY)
    assert warning(PLAIN, TODAY) is None


def test_an_unknown_carrier_is_offered_with_a_warning() -> None:
    unknown = replace(PLAIN, status=Status.UNKNOWN)
    assert offered(unknown, TODAY)
    assert "Nobody has lately confirmed" in (warning(unknown, TODAY) or "")


@pytest.mark.parametrize("status", [Status.FAILING, Status.RETIRED])
def test_a_dead_carrier_is_refused_with_date_and_way_out_until_an_editor_enables_it(status: Status) -> None:
    dead = replace(DEAD, status=status)
    said = refusal(dead, TODAY) or ""
    assert status in said
    assert "2026-01-02" in said
    assert "It closed." in said
    assert "service that takes texts by mail" in said
    enabled = replace(dead, enabled=True)
    assert offered(enabled, TODAY)
    assert "It closed." in (warning(enabled, TODAY) or "")


def test_a_carrier_with_a_successor_names_that_way_out() -> None:
    assert "took over" in (refusal(replace(DEAD, successor="us-other"), TODAY) or "")


@pytest.mark.parametrize("kind", [Kind.PAGING, Kind.MAILBOX])
def test_pagers_and_mailboxes_are_never_offered(kind: Kind) -> None:
    assert not offered(replace(PLAIN, kind=kind, enabled=True), TODAY)


def test_what_is_not_supported_is_never_offered_and_says_why() -> None:
    odd = replace(SERVICE, supported=False, why_not="It wants a key.", enabled=True)
    assert refusal(odd, TODAY) == "Example cannot be used here. It wants a key."
    assert not offered(replace(PLAIN, gateway=None, enabled=True), TODAY)


def test_a_service_is_offered_only_when_switched_on() -> None:
    assert "It needs an account." in (refusal(SERVICE, TODAY) or "")
    assert offered(replace(SERVICE, enabled=True), TODAY)


def test_a_closing_carrier_counts_down_and_then_closes() -> None:
    assert warning(CLOSING, TODAY) == "Example's e-mail gateway closes on 2027-03-31, in 129 days."
    assert "in 1 day." in (warning(CLOSING, date(2027, 3, 30)) or "")
    assert offered(CLOSING, date(2027, 3, 30))
    assert "closed on 2027-03-31" in (refusal(CLOSING, date(2027, 3, 31)) or "")
    assert offered(replace(CLOSING, enabled=True), date(2027, 4, 1))


def test_the_forms_to_try_are_one_where_known_and_two_where_not() -> None:
    bare = Gateway("sms.example.net")
    assert forms_to_try(replace(PLAIN, gateway=Gateway("x.example", Form.PLUS))) == (Form.PLUS,)
    assert forms_to_try(replace(PLAIN, gateway=bare)) == (Form.NATIONAL,)
    assert forms_to_try(replace(PLAIN, gateway=bare, country="DE")) == (Form.TRUNK, Form.COUNTRY)
    assert forms_to_try(replace(PLAIN, gateway=bare, country="ES")) == (Form.NATIONAL, Form.COUNTRY)
    assert forms_to_try(replace(PLAIN, gateway=bare, country=None)) == (Form.NATIONAL, Form.COUNTRY)


@pytest.mark.parametrize(("parts", "written"), [(1, "2026"), (2, "2026-01"), (3, "2026-01-02")])
def test_a_date_is_written_as_precisely_as_it_is_known(parts: int, written: str) -> None:
    dead = replace(DEAD, status_date_parts=parts)
    assert dead.status_when == written
    assert f"since {written}." in (refusal(dead, TODAY) or "")
    assert written in dead.label


def test_labels_and_file_survive_the_longest_names() -> None:
    long = replace(DEAD, name="Ж" * 200)
    assert len(long.label) <= 100
    own = replace(long, guild_id=7).label
    assert own.endswith(f"({long.country}, retired {long.status_when}, this server's own)")
    assert len(own) <= 100
    # Discord counts UTF-16 units in places: one label that is too long loses the whole list of choices.
    assert utf16_units(replace(long, name="a" + "😀" * 59).label) <= 100


def test_a_catalogue_that_is_fine_has_no_problems() -> None:
    assert (
        problems(Catalogue((PLAIN, replace(CLOSING, slug="us-b"), replace(SERVICE, slug="svc"))), TODAY) == []
    )


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"slug": "Bad Slug"}, "slug"),
        ({"slug": "x" * 61}, "slug"),
        ({"name": ""}, "name"),
        ({"name": "@everyone"}, "name"),
        ({"brands": ("a\nb",)}, "name"),
        ({"country": "us"}, "ISO 3166"),
        ({"country": "ZZ"}, "ISO 3166"),
        ({"country": None, "kind": Kind.BRAND}, "brand"),
        ({"gateway": Gateway("*.example.net", Form.NATIONAL)}, "domain"),
        ({"gateway": Gateway("localhost", Form.NATIONAL)}, "domain"),
        ({"gateway": Gateway("EXAMPLE.net", Form.NATIONAL)}, "domain"),
        ({"mms_domain": "1.2.3.4"}, "IP"),
        ({"gateway": None}, "gateway"),
        ({"gateway": Gateway("x.example", Form.PREFIX)}, "prefix"),
        ({"gateway": Gateway("x.example", Form.NATIONAL, "1")}, "prefix"),
        ({"gateway": Gateway("x.example", Form.PREFIX, "1a")}, "digits"),
        ({"gateway": Gateway("x.example", Form.PREFIX, "١")}, "digits"),
        ({"supported": False}, "why_not"),
        ({"why_not": "No."}, "why_not"),
        ({"status_date": None}, "date"),
        ({"status_date": date(2026, 11, 23)}, "future"),
        ({"status_date": date(1900, 1, 1)}, "1995"),
        ({"retires_on": date(2040, 1, 1)}, "ten years"),
        ({"status_date": None, "status": Status.UNKNOWN, "status_date_parts": 0}, "known"),
        ({"status_date_parts": 0}, "known"),
        ({"allowance": Allowance(length=109)}, "length"),
        ({"allowance": Allowance(length=1531)}, "length"),
        ({"allowance": Allowance(subject=Subject.REQUIRED)}, "Subject"),
        ({"allowance": Allowance(attachments=True)}, "mms_domain"),
        ({"evidence": ()}, "evidence"),
        ({"evidence": ("",)}, "short lines"),
        ({"evidence": ("a\nb",)}, "short lines"),
        ({"kind": Kind.SERVICE, "needs": "x" * 121}, "short lines"),
        ({"host_network": " Verizon"}, "host network"),
        ({"brands": ("Ex", "Ex")}, "once"),
        ({"brands": ("Example",)}, "once"),
        ({"retires_on": date(2026, 1, 1)}, "mark it retired"),
        ({"status": Status.FAILING}, "note"),
        ({"status": Status.RETIRED}, "note"),
        ({"grade": Grade.UNKNOWN}, "grade"),
        ({"note": "no full stop"}, "sentence"),
        ({"note": "x" * 300 + "."}, "sentence"),
        ({"evidence": ("https://example.net/x",)}, "link"),
        ({"needs": "an account"}, "needs"),
        ({"successor": "nobody"}, "successor"),
        ({"successor": "us-example"}, "own successor"),
    ],
)
def test_each_mistake_of_a_catalogue_is_named(change: dict[str, Any], word: str) -> None:
    found = problems(Catalogue((replace(PLAIN, **change),)), TODAY)
    assert any(word in line for line in found), found


def test_a_slug_used_twice_is_named() -> None:
    assert problems(Catalogue((PLAIN, PLAIN)), TODAY) == ["us-example: this slug is used 2 times"]


TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
CARRIERS = st.builds(
    Carrier,
    slug=TEXT.filter(bool),
    name=TEXT.filter(bool),
    country=st.none() | st.sampled_from(["US", "DE"]),
    brands=st.lists(TEXT, max_size=3).map(tuple),
    host_network=st.none() | TEXT.filter(bool),
    kind=st.sampled_from(Kind),
    gateway=st.none() | st.builds(Gateway, TEXT.filter(bool), st.none() | st.sampled_from(Form), TEXT),
    mms_domain=st.none() | TEXT.filter(bool),
    allowance=st.builds(
        Allowance,
        st.none() | st.integers(1, 10_000),
        st.sampled_from(Subject),
        st.none() | st.booleans(),
        st.none() | st.booleans(),
    ),
    status=st.sampled_from(Status),
    status_date=st.none() | st.dates(date(1000, 1, 1)),
    retires_on=st.none() | st.dates(date(1000, 1, 1)),
    successor=st.none() | TEXT.filter(bool),
    note=TEXT,
    evidence=st.lists(TEXT, max_size=3).map(tuple),
    grade=st.sampled_from(Grade),
    needs=TEXT,
    supported=st.booleans(),
    why_not=TEXT,
)


@given(st.lists(CARRIERS, max_size=4, unique_by=lambda carrier: carrier.slug))
def test_property_what_is_written_reads_back_the_same(carriers: list[Carrier]) -> None:
    text = write_catalogue(carriers)
    assert set(parse_catalogue(text).carriers) == set(carriers)
    assert write_catalogue(reversed(parse_catalogue(text).carriers)) == text


@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        "[carrier]\nslug='a'",
        "x = 1",
        "[[carrier]]\nslug='a'",
        "[[carrier]]\nslug=1\nname='a'",
        "[[carrier]]\nslug='a'\nname='a'\nkind='bank'",
        "[[carrier]]\nslug='a'\nname='a'\nstatus_date='soon'",
        "[[carrier]]\nslug='a'\nname='a'\nstatus_date='2026-13'",
        "[[carrier]]\nslug='a'\nname='a'\nstatus_date=2026-01-01T00:00:00Z",
        "[[carrier]]\nslug='a'\nname='a'\nenabled=true",
        "[[carrier]]\nslug='a'\nname='a'\nguild_id=1",
        "[[carrier]]\nslug='a'\nname='a'\nsupported='yes'",
        "[[carrier]]\nslug='a'\nname='a'\nbrands='b'",
        "[[carrier]]\nslug='a'\nname='a'\nlength='160'",
        "[[carrier]]\nslug='a'\nname='a'\nlength=true",
        "[[carrier]]\nslug='a'\nname='a'\nsubject='perhaps'",
        "[[carrier]]\nslug='a'\nname='a'\nlinks='no'",
        "[[carrier]]\nslug='a'\nname='a'\nattachments=1",
        "[[carrier]]\nslug='a'\nname='a'\nbrands=[1]",
        "[[carrier]]\nslug='a'\nname='a'\ngateway='x.example'\nform='{number}'",
        "[[carrier]]\nslug='a'\nname='a'\n[[carrier]]\nslug='a'\nname='b'",
        "carrier = [1]",
        "a = " + "[" * 5000,
        "#" * 1_000_001,
        "[[carrier]]\nslug='a'\nname='a'\n" * 5_001,
    ],
)
def test_a_file_that_cannot_be_read_gets_one_sentence(text: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_catalogue(text)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_a_part_of_a_date_is_read() -> None:
    entry = "[[carrier]]\nslug='{0}'\nname='{0}'\nstatus_date='{1}'\n"
    text = entry.format("a", "2024-12") + entry.format("b", "2016")
    months, years = parse_catalogue(text).carriers
    assert (months.status_when, years.status_when) == ("2024-12", "2016")


def test_a_date_that_nobody_knows_is_said_to_be_unknown() -> None:
    text = "[[carrier]]\nslug='a'\nname='a'\nstatus='retired'\nstatus_date='unknown'\n"
    (carrier,) = parse_catalogue(text).carriers
    assert (carrier.status_date, carrier.status_when) == (None, "")
    assert 'status_date = "unknown"' in write_catalogue([carrier])


def test_the_operators_list_has_no_mailbox_pager_or_unsupported_domain() -> None:
    def at(slug: str, **change: Any) -> Carrier:
        return replace(PLAIN, slug=slug, gateway=Gateway(f"{slug}.example", Form.NATIONAL), **change)

    listed = Catalogue(
        (
            at("carrier", mms_domain="mms.example"),
            at("service", kind=Kind.SERVICE),
            at("pager", kind=Kind.PAGING),
            at("mailbox", kind=Kind.MAILBOX),
            at("odd", supported=False, why_not="No."),
            at("dead", status=Status.RETIRED),
        )
    )
    assert listed.domains == {"carrier.example", "mms.example", "service.example", "dead.example"}


def find(query: str, country_hint: str | None, limit: int = 25) -> list[Carrier]:
    """Search a small list."""

    def one(slug: str, name: str, country: str | None, domain: str, **more: Any) -> Carrier:
        return replace(PLAIN, slug=slug, name=name, country=country, gateway=Gateway(domain), **more)

    some = search_entries(
        (
            one("de-t-mobile", "T-Mobile", "DE", "t-mobile-sms.de"),
            one("us-i-wireless", "i wireless (T-Mobile)", "US", "iwspcs.net"),
            one("us-t-mobile", "T-Mobile", "US", "tmomail.net", status=Status.FAILING),
            one("us-verizon", "Verizon", "US", "vtext.com"),
            one("us-visible", "Visible", "US", "vtext.com", kind=Kind.BRAND, brands=("Party Pay",)),
            one("clicksend", "ClickSend", None, "sms.clicksend.com", kind=Kind.SERVICE),
            one("es-telefonica", "Telefónica", "ES", "movistar.example"),
        )
    )
    return rank(some, query, country_hint, limit)


@pytest.mark.parametrize(
    ("query", "slugs"),
    [
        ("t-mob", ["us-t-mobile", "us-i-wireless", "de-t-mobile"]),
        ("TMOBILE", ["us-t-mobile", "us-i-wireless", "de-t-mobile"]),
        ("vtext", ["us-verizon", "us-visible"]),
        ("party", ["us-visible"]),
        ("telefonica", ["es-telefonica"]),
        ("germany t", ["de-t-mobile"]),
        ("click", ["clicksend"]),
        ("nobody has this", []),
    ],
)
def test_a_search_puts_the_hinted_country_and_beginnings_first(query: str, slugs: list[str]) -> None:
    assert [carrier.slug for carrier in find(query, "US")] == slugs


def test_an_empty_search_shows_what_works_in_the_hinted_country_first() -> None:
    assert [carrier.slug for carrier in find("", "US", 4)] == [
        "us-i-wireless",
        "us-verizon",
        "us-visible",
        "us-t-mobile",
    ]
    assert len(find("", None)) == 7


@given(st.text(max_size=4000), st.none() | st.sampled_from(["US", "ZZ"]))
def test_property_any_search_ends_well(query: str, hint: str | None) -> None:
    assert len(find(query, hint, 3)) <= 3
