"""docs/carriers.md is what the catalogue says now."""

import re
from collections import Counter
from pathlib import Path

import pytest

from bot.domain.catalogue import Status
from bot.operate.carriers_page import PAGE, print_counts, shipped, shipped_page
from tests.test_main import CHECKOUT, bot


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == shipped_page(), "run `python3 -m bot carriers page`"


def test_the_readme_links_the_page_and_tells_its_counts() -> None:
    readme = " ".join((CHECKOUT / "README.md").read_text("utf-8").split())
    assert "(docs/carriers.md)" in readme
    carriers = shipped().carriers
    count = Counter(carrier.status for carrier in carriers)
    said = re.search(
        r"Of the (\d+) carriers and services in its list, (\d+) are marked retired and (\d+) failing, each "
        r"with its evidence and, where it is known, its date; (\d+) are marked active\. The other (\d+) ",
        readme,
    )
    assert said
    statuses = (Status.RETIRED, Status.FAILING, Status.ACTIVE, Status.UNKNOWN)
    assert [int(one) for one in said.groups()] == [len(carriers), *(count[status] for status in statuses)]


def test_every_entry_is_on_the_page() -> None:
    text = Path(PAGE).read_text("utf-8")
    for carrier in shipped().carriers:
        assert f"| {carrier.name}" in text, carrier.slug


def test_the_counts_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print_counts()
    said = capsys.readouterr().out
    assert said.strip() in PAGE.read_text("utf-8")


def test_the_command_prints_them_and_wants_to_be_told_what() -> None:
    ended = bot("carriers", "counts")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[-1].startswith("| **All** | ")
    assert bot("carriers").returncode == 64
