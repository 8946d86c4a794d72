"""The page and the counts say what the entries say."""

from datetime import date

from bot.domain.allowance import Allowance, Subject
from bot.domain.catalogue import Carrier, Form, Gateway, Grade, Kind, Status
from bot.domain.catalogue_page import counts, page

CARRIERS = (
    Carrier(
        slug="us-gone",
        name="Gone | Co",
        country="US",
        gateway=Gateway("gone.example.net", Form.PREFIX, "1"),
        mms_domain="pictures.example.net",
        status=Status.RETIRED,
        status_date=date(2025, 6, 17),
        note="It closed.",
        evidence=("its own notice",),
        grade=Grade.CONFIRMED,
    ),
    Carrier(
        slug="us-old", name="Old", country="US", kind=Kind.BRAND, status=Status.RETIRED, status_date_parts=0
    ),
    Carrier(slug="de-neu", name="Neu", country="DE", host_network="Netz", retires_on=date(2027, 3, 31)),
    Carrier(
        slug="svc",
        name="Service",
        kind=Kind.SERVICE,
        needs="an account",
        allowance=Allowance(subject=Subject.SHOWN),
    ),
    Carrier(slug="no", name="Secretive", kind=Kind.SERVICE, supported=False, why_not="It wants a key."),
    Carrier(slug="us-pager", name="Pager", country="US", kind=Kind.PAGING),
)


def test_entries_are_counted_by_country_kind_and_status() -> None:
    columns, rule, *rows = counts(CARRIERS).splitlines()
    assert columns.split(" | ")[1:6] == ["all", "carrier", "brand", "service", "mailbox"]
    assert columns.split(" | ")[6:] == ["paging", "active", "unknown", "failing", "retired |"]
    assert rule.count("---") == 11
    assert rows == [
        "| Any country | 2 |  |  | 2 |  |  |  | 2 |  |  |",
        "| Germany | 1 | 1 |  |  |  |  |  | 1 |  |  |",
        "| United States | 3 | 1 | 1 |  |  | 1 |  | 1 |  | 2 |",
        "| **All** | 6 | 2 | 1 | 2 | 0 | 1 | 0 | 4 | 0 | 2 |",
    ]


def test_each_entry_has_a_line_with_what_is_known() -> None:
    lines = page(CARRIERS).splitlines()
    gateway = "gone.example.net (prefix 1), pictures pictures.example.net"
    told = "retired, 2025-06-17 | It closed. | confirmed: its own notice |"
    assert f"| Gone \\| Co | carrier | {gateway} | {told}" in lines
    assert any(line.startswith("| Old | brand |  | retired, date unknown |") for line in lines)
    assert any("| unknown, closes on 2027-03-31 | On the network of Netz. |" in line for line in lines)
    assert any("Needs an account. Limits: a Subject is shown." in line for line in lines)
    assert any("| Not supported: It wants a key. |" in line for line in lines)
    assert any(line.startswith("| United States | Pager | paging |") for line in lines)
