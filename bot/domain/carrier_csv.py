"""Read and write carriers as CSV, as spreadsheets do, without running what a cell says."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.errors import UserError

MOST_BYTES: Final = 1_048_576
MOST_ROWS: Final = 5_000
LONGEST_CELL_CHARS: Final = 300
COLUMNS: Final = (
    *("slug", "name", "country", "domain", "form", "mms_domain"),
    *("status", "status_date", "switch"),
)
_NEEDED: Final = "slug"
_DELIMITERS: Final = ",;\t"
# What makes a spreadsheet calculate, or call out, instead of showing: such a cell gets an apostrophe.
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r＝＋－＠]")
_QUOTED: Final = re.compile(r"'+[=+\-@\t\r＝＋－＠]")
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_START: Final = "Start from what /carrier export writes."


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file: the line it begins at, and its cells by column; an empty cell is not there."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a file says, and what is wrong with it, as `line 7: what is wrong`."""

    rows: tuple[Row, ...]
    problems: tuple[str, ...]


def read_sheet(content: bytes) -> Sheet:
    """Read a file; raises UserError where it is no list of carriers at all."""
    text = _decoded(content)
    header, lines = _records(text)
    columns = _columns(header)
    rows: list[Row] = []
    problems: list[str] = []
    seen: dict[str, int] = {}
    for line, cells in lines:
        if len(rows) + len(problems) >= MOST_ROWS:
            raise UserError(f"The file has more than {MOST_ROWS:,} rows. Split it, and import each part.")
        problem = _problem(cells, columns)
        if problem is not None:
            problems.append(f"line {line}: {problem}")
            continue
        row = Row(
            line, {name: _plain(cell) for name, cell in zip(columns, cells, strict=False) if cell.strip()}
        )
        first = seen.setdefault(row.cells.get(_NEEDED, "").lower(), line)
        if _NEEDED not in row.cells:
            problems.append(f"line {line}: it has no slug; give it one, such as us-example")
        elif first != line:
            problems.append(f"line {line}: line {first} has the same slug; keep one of them")
        else:
            rows.append(row)
    return Sheet(tuple(rows), tuple(problems))


def write_sheet(rows: Iterable[Mapping[str, str]]) -> bytes:
    """Write rows with every column, so that a spreadsheet shows them and read_sheet() reads them back."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([_shown(row.get(column, "")) for column in COLUMNS] for row in rows)
    # The mark at its beginning tells spreadsheets that it is UTF-8: without it they read names wrongly.
    return written.getvalue().encode("utf-8-sig")


def _decoded(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise UserError("The file is larger than 1 MiB. Split it, and import each part.")
    if content.startswith(_UTF_16):
        raise UserError("The file is UTF-16. Save it as “CSV UTF-8”, and import that.")
    place = content.find(b"\0")
    if place >= 0:
        line = content.count(b"\n", 0, place) + 1
        raise UserError(f"Line {line} holds a zero byte, so this is no CSV file. {_START}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        line = content.count(b"\n", 0, wrong.start) + 1
        raise UserError(f"Line {line} is not UTF-8. Save the file as “CSV UTF-8”, and import that.") from None


def _records(text: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Cut a file into its header and the other records, each with the line at which it begins."""
    head = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records, began = [], 1
    try:
        for record in reader:
            if any(cell.strip() for cell in record):
                records.append((began, record))
            if len(records) > MOST_ROWS + 1:
                break
            began = reader.line_num + 1
    except csv.Error:
        raise UserError(
            f"Line {began} begins what cannot be read: a quote stays open, or a cell is huge. {_START}"
        ) from None
    if not records:
        raise UserError(f"The file is empty. {_START}")
    return records[0][1], records[1:]


def _columns(header: Sequence[str]) -> list[str]:
    columns = [cell.strip().lower() for cell in header]
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown:
        shown = ", ".join(repr(name[:30]) for name in unknown[:5])
        raise UserError(f"Line 1 names columns that no list has: {shown}. There are {', '.join(COLUMNS)}.")
    if len(set(columns)) < len(columns):
        raise UserError("Line 1 names a column twice. Keep one of them.")
    if _NEEDED not in columns:
        raise UserError(f"Line 1 must name the columns, slug among them. {_START}")
    return columns


def _problem(cells: Sequence[str], columns: Sequence[str]) -> str | None:
    if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
        return f"it has {len(cells)} cells under {len(columns)} columns; check its commas and quotes"
    if len(cells) < len(columns):
        return f"it has {len(cells)} cells, but there are {len(columns)} columns; check its commas and quotes"
    for name, cell in zip(columns, cells, strict=False):
        if len(cell) > LONGEST_CELL_CHARS:
            return f"{name}: it has more than {LONGEST_CELL_CHARS} characters"
    return None


def _shown(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _plain(cell: str) -> str:
    cell = cell.strip()
    return cell[1:] if _QUOTED.match(cell) else cell
