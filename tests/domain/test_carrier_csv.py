"""Carrier files: what spreadsheets make of them, what hostile ones say, and that nothing is lost."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.carrier_csv import COLUMNS, MOST_BYTES, MOST_ROWS, read_sheet, write_sheet
from bot.domain.errors import UserError

HEAD = ",".join(COLUMNS).encode() + b"\n"
# What no cell holds in the store: it is one line, without spaces at its ends.
CELL = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=40).map(str.strip)


@given(
    st.lists(st.fixed_dictionaries({"name": CELL, "domain": CELL}), max_size=8), st.sampled_from([",", ";"])
)
def test_what_is_written_is_read_back(cells: list[dict[str, str]], delimiter: str) -> None:
    written = [{"slug": f"us-{place}", **row} for place, row in enumerate(cells)]
    content = write_sheet(written)
    if delimiter != ",":  # as spreadsheets in half of the world save it
        again = io.StringIO()
        csv.writer(again, delimiter=delimiter).writerows(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
        content = again.getvalue().encode()
    sheet = read_sheet(content)
    assert sheet.problems == ()
    assert [dict(row.cells) for row in sheet.rows] == [
        {name: cell for name, cell in row.items() if cell} for row in written
    ]


@pytest.mark.parametrize(
    "name",
    ["=1+1", "+1", "-1", "@SUM(A1)", "'=1", "''@x", "＝1", '=HYPERLINK("http://x.test")', "=cmd|' /C'!A0"],
)
def test_no_cell_is_a_formula(name: str) -> None:
    content = write_sheet([{"slug": "us-x", "name": name}])
    (_, cells) = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert not any(cell.startswith(tuple("=+-@\t\r＝＋－＠")) for cell in cells)
    assert read_sheet(content).rows[0].cells["name"] == name


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\n \n,,\n", "empty"),
        (HEAD + b"us-x\0,X\n", "Line 2 holds a zero byte"),
        (HEAD + b"us-x,M\xf3vil\n", "Line 2 is not UTF-8"),
        (HEAD.decode().encode("utf-16"), "UTF-16"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(1, 256)), "not UTF-8"),
        (HEAD + b'us-x,"never closed\n', "a quote stays open"),
        (HEAD + b"us-x," + b"x" * 200_000, "a cell is huge"),
        (b"slug,name,password\n", "'password'"),
        (b"slug,name,name\n", "twice"),
        (b"name,domain\nX,x.example\n", "slug among them"),
        (HEAD + b"x" * MOST_BYTES, "larger than 1 MiB"),
        (HEAD + b"us-x,,,,,,,,\n" * (MOST_ROWS + 1), "more than 5,000 rows"),
        (b"PK\x03\x04" + b"x" * 40, "names columns that no list has"),
    ],
)  # fmt: skip
def test_what_is_no_list_is_refused_in_plain_words(content: bytes, said: str) -> None:
    with pytest.raises(UserError) as refused:
        read_sheet(content)
    assert said in refused.value.sentence
    assert len(refused.value.sentence) < 400


def test_every_wrong_row_is_named_by_its_line() -> None:
    content = HEAD + b"\n".join(
        (
            b'us-one,"two\nlines",US,a.example,,,,,',  # lines 2 and 3
            b"us-two,Two,US",
            b",No slug,US,b.example,,,,,",
            b"US-One,Again,US,c.example,,,,,",
            b"us-three," + b"x" * 400 + b",,,,,,,",
            b"us-four,Four,,,,,,,,surplus",
            b"us-five,Five,,,,,,,,",  # an empty cell more does no harm
        )
    )
    sheet = read_sheet(content)
    assert [(row.line, row.cells["slug"]) for row in sheet.rows] == [(2, "us-one"), (9, "us-five")]
    assert [problem.partition(",")[0].partition(";")[0] for problem in sheet.problems] == [
        "line 4: it has 3 cells", "line 5: it has no slug", "line 6: line 2 has the same slug",
        "line 7: name: it has more than 300 characters", "line 8: it has 10 cells under 9 columns",
    ]  # fmt: skip


def test_the_most_rows_are_read() -> None:
    rows = [{"slug": f"us-{place}", "name": "N" * 20, "domain": "vtext.com"} for place in range(MOST_ROWS)]
    assert len(read_sheet(write_sheet(rows)).rows) == MOST_ROWS
