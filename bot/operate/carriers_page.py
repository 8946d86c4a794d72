"""Write docs/carriers.md from the catalogue that ships, and print its counts."""

from pathlib import Path
from typing import Final

from bot.app import CATALOGUE
from bot.domain.catalogue_file import Catalogue, parse_catalogue
from bot.domain.catalogue_page import counts, page

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "carriers.md"


def shipped() -> Catalogue:
    """Read the catalogue that ships."""
    return parse_catalogue(CATALOGUE.read_text("utf-8"))


def shipped_page() -> str:
    """Write the page that docs/carriers.md must be."""
    return page(shipped().carriers)


def write_page() -> None:
    """Write docs/carriers.md and say so."""
    PAGE.write_text(shipped_page(), "utf-8")
    print(f"Wrote {PAGE.relative_to(PAGE.parents[1])}.")


def print_counts() -> None:
    """Print the entries by country, kind and status."""
    print(counts(shipped().carriers))
