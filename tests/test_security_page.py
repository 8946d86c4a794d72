"""docs/security.md names all dangers, and the tests that it names are there."""

import ast
import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
PAGE = (CHECKOUT / "docs" / "security.md").read_text("utf-8")
DANGERS = [f"T{number}" for number in range(1, 26)]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def rows() -> dict[str, list[str]]:
    found = re.findall(r"^\| (T\d+) \|(.+)\|$", PAGE, re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in found}


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def missing(page: str) -> list[str]:
    """Name the tests that a page names and that are not there."""
    found = NAMED.findall(page)
    return [
        f"{path}::{name}"
        for path, name in found
        if not (CHECKOUT / path).is_file() or name not in names_in(CHECKOUT / path)
    ]


def test_every_danger_has_its_row_with_control_and_proof() -> None:
    assert list(rows()) == DANGERS
    for name, (danger, control, proof) in rows().items():
        assert len(danger) > 10, name
        assert len(control) > 10, name
        assert NAMED.search(proof), name


def test_every_test_that_is_named_is_there() -> None:
    assert len(NAMED.findall(PAGE)) > 50
    assert missing(PAGE) == []


def test_a_test_that_went_away_is_found() -> None:
    planted = "`tests/test_security_page.py::test_nobody_wrote` `tests/nowhere.py::test_x`"
    assert missing(planted) == ["tests/test_security_page.py::test_nobody_wrote", "tests/nowhere.py::test_x"]
