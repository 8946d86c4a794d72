"""The catalogue that ships with the bot says what is known, and nothing that is not."""

import json
from datetime import date
from pathlib import Path

import phonenumbers
import pytest

from bot.domain.address import check_recipient, recipient
from bot.domain.catalogue import Form, Gateway, Kind, Status, forms_to_try, offered, refusal, warning
from bot.domain.catalogue_check import problems
from bot.domain.catalogue_file import Catalogue, parse_catalogue, write_catalogue
from bot.domain.ending import gateway_ends
from bot.domain.phone import Number
from bot.domain.search import rank, search_entries
from tests.domain.corpora import shared

FILE = Path(__file__).resolve().parents[2] / "bot" / "carriers.toml"
WRITTEN_ON = date(2026, 11, 22)


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    return parse_catalogue(FILE.read_text(encoding="utf-8"))


def test_it_has_no_mistakes(shipped: Catalogue) -> None:
    assert problems(shipped, WRITTEN_ON) == []
    assert len(shipped.carriers) > 300


def test_every_entry_has_a_date_and_evidence_or_says_unknown(shipped: Catalogue) -> None:
    for carrier in shipped.carriers:
        assert carrier.evidence, carrier.slug
        dated = carrier.status_when or carrier.status is Status.UNKNOWN or not carrier.status_date_parts
        assert dated, carrier.slug
        if not carrier.status_when and carrier.status is not Status.UNKNOWN:
            assert 'status_date = "unknown"' in write_catalogue([carrier])


def test_verizons_gateway_closes_for_whoever_uses_it(shipped: Catalogue) -> None:
    assert gateway_ends(shipped.carriers) == {"vtext.com": date(2027, 3, 31)}
    # A brand there of which no list says so itself.
    assert shipped.by_slug["us-red-pocket"].retires_on is None


def test_it_is_written_as_an_export_would_write_it(shipped: Catalogue) -> None:
    text = FILE.read_text(encoding="utf-8")
    assert text[text.index("\n[[carrier]]") + 1 :] == write_catalogue(shipped.carriers)


def test_every_known_gateway_is_in_it(shipped: Catalogue) -> None:
    entries = json.loads(shared("data/gateways/carriers.json").read_text())
    statuses = {"reported_failing": "failing"}
    for entry in entries:
        carrier = shipped.by_slug[entry["slug"]]
        assert carrier.status == statuses.get(entry["status"], entry["status"])
        assert carrier.status_when == (entry["status_date"] or "")
        assert (carrier.retires_on.isoformat() if carrier.retires_on else None) == entry["retires_on"]
        assert (carrier.gateway.domain if carrier.gateway else None) == (entry["sms_domain"] or None)
        assert carrier.country == entry["country"]


def test_the_large_networks_of_the_us_say_what_became_of_them(shipped: Catalogue) -> None:
    att, t_mobile, verizon, fi = (
        shipped.by_slug[f"us-{name}"] for name in ("att", "t-mobile", "verizon", "google-fi")
    )
    assert (att.status, att.status_when, att.mms_domain) == (Status.RETIRED, "2025-06-17", "mms.att.net")
    assert "2025-06-17" in (refusal(att, WRITTEN_ON) or "")
    assert (t_mobile.status, t_mobile.status_when) == (Status.FAILING, "2024-12")
    assert len(t_mobile.evidence) >= 5
    assert "2024-12" in (refusal(t_mobile, WRITTEN_ON) or "")
    assert verizon.retires_on == date(2027, 3, 31)
    assert "closes on 2027-03-31, in 129 days" in (warning(verizon, WRITTEN_ON) or "")
    assert offered(fi, WRITTEN_ON)
    assert warning(fi, WRITTEN_ON) is None


def test_nothing_is_enabled_or_owned_as_shipped(shipped: Catalogue) -> None:
    assert not any(carrier.enabled or carrier.guild_id for carrier in shipped.carriers)


def test_no_pager_mailbox_or_service_is_offered_as_shipped(shipped: Catalogue) -> None:
    kinds = {carrier.kind for carrier in shipped.carriers if offered(carrier, WRITTEN_ON)}
    assert kinds == {Kind.CARRIER, Kind.BRAND}
    assert set(Kind) == {carrier.kind for carrier in shipped.carriers}


def test_every_offered_carrier_of_north_america_builds_an_address_that_passes(shipped: Catalogue) -> None:
    bob = Number("+12065550100", "US")
    built = 0
    for carrier in shipped.carriers:
        if carrier.country == "US" and offered(carrier, WRITTEN_ON) and carrier.gateway:
            assert forms_to_try(carrier) == (Form.NATIONAL,)
            address = recipient(bob, carrier.gateway)
            assert address == f"2065550100@{carrier.gateway.domain}"
            check_recipient(address, shipped.domains)
            built += 1
    assert built > 50


# Six digits make no address: whoever picks it is told so, and no code goes.
DOES_NOT_FIT = {("fo-foroya-tele", "FO", Form.NATIONAL)}


def example_number(country: str) -> Number | None:
    found = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE)
    if found is None:
        return None
    return Number(phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164), country)


def fits(number: Number, gateway: Gateway, form: Form) -> bool:
    try:
        address = recipient(number, gateway, form)
    except ValueError:
        return False
    check_recipient(address, {gateway.domain})
    return True


def test_the_numbers_of_a_carriers_country_fit_its_address_form(shipped: Catalogue) -> None:
    unfit, built = set(), 0
    for carrier in shipped.carriers:
        number = example_number(carrier.country) if carrier.country else None
        if carrier.gateway and number:
            for form in forms_to_try(carrier):
                built += 1
                if not fits(number, carrier.gateway, form):
                    unfit.add((carrier.slug, number.country, form))
    assert unfit == DOES_NOT_FIT
    assert built > 300


def test_a_number_of_any_country_fits_one_form_of_a_gateway_that_takes_them_all(shipped: Catalogue) -> None:
    numbers = [number for region in phonenumbers.SUPPORTED_REGIONS if (number := example_number(region))]
    for carrier in shipped.carriers:
        if carrier.gateway and carrier.country is None:
            forms = forms_to_try(carrier)
            assert all(any(fits(n, carrier.gateway, form) for form in forms) for n in numbers), carrier.slug


def test_every_label_fits_a_choice_of_discord(shipped: Catalogue) -> None:
    assert all(1 <= len(carrier.label) <= 100 for carrier in shipped.carriers)


def test_every_refusal_is_short_and_says_what_to_do(shipped: Catalogue) -> None:
    for carrier in shipped.carriers:
        said = refusal(carrier, WRITTEN_ON)
        assert said is None or (said.endswith(".") and len(said) < 400)


def test_people_find_their_carrier(shipped: Catalogue) -> None:
    firsts = {
        "att": "us-att",
        "AT&T": "us-att",
        "tmobile": "us-t-mobile",
        "veriz": "us-verizon",
        "fi": "us-google-fi",
        "metro": "us-metro-by-t-mobile",
    }
    entries = search_entries(shipped.carriers)
    for query, slug in firsts.items():
        assert rank(entries, query, "US")[0].slug == slug
    assert rank(entries, "telus", "CA")[0].slug == "ca-telus"
    assert rank(entries, "clicksend", "US")[0].slug == "clicksend"
