"""What the README counts and names is so."""

import re
import tomllib
from collections import Counter
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
README = (CHECKOUT / "README.md").read_text("utf-8")


def test_the_carriers_are_counted_right() -> None:
    catalogue = tomllib.loads((CHECKOUT / "bot" / "carriers.toml").read_text("utf-8"))["carrier"]
    by_status = Counter(carrier.get("status", "unknown") for carrier in catalogue)
    words = " ".join(README.split())
    for said in (
        f"Of the {len(catalogue)} carriers and services",
        f"{by_status['retired']} are marked retired and {by_status['failing']} failing",
        f"{by_status['active']} are marked active. The other {by_status['unknown']} come from public lists",
    ):
        assert said in words


def test_every_page_it_leads_to_is_there() -> None:
    pages = re.findall(r"\]\((?!https://)([^)#]+)", README)
    assert len(pages) > 5
    assert [page for page in pages if not (CHECKOUT / page).exists()] == []
