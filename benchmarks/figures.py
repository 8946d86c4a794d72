"""Collect what the rounds measured and lay it out as one table."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured once; `cpu_us` is the contender's own processor time for a text."""

    row: str
    unit: str
    value: float | None
    cpu_us: float | None = None
    note: str = ""


@dataclass(slots=True)
class Row:
    """The same thing measured in several rounds."""

    name: str
    unit: str
    values: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    note: str = ""

    @property
    def median(self) -> float | None:
        """Return the middle one of the rounds; None where the row could not be measured."""
        return statistics.median(self.values) if self.values else None

    @property
    def median_cpu_us(self) -> float | None:
        """Return the middle processor time for a text, in microseconds."""
        return statistics.median(self.cpu_us) if self.cpu_us else None


class Table:
    """Rows in the order in which they were planned."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}

    def add(self, figures: Iterable[Figure]) -> None:
        """Take over one round's figures."""
        for figure in figures:
            row = self.rows.setdefault(figure.row, Row(figure.row, figure.unit))
            row.note = figure.note or row.note
            if figure.value is not None:
                row.values.append(figure.value)
            if figure.cpu_us is not None:
                row.cpu_us.append(figure.cpu_us)

    def median(self, name: str) -> float | None:
        """Return a row's median; None where there is none."""
        row = self.rows.get(name)
        return row.median if row else None

    def lines(self) -> list[str]:
        """Lay out the rows as a Markdown table that reads well as it is."""
        head = ("", "unit", "median", "lowest to highest", "CPU µs a text", "")
        return aligned([head, *(_cells(row) for row in self.rows.values())])


def aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    """Write a Markdown table whose columns line up; the first row is the head."""
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in cells]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def _cells(row: Row) -> tuple[str, ...]:
    if row.median is None:
        return row.name, row.unit, "–", "", "", row.note
    spread = f"{number(min(row.values))} to {number(max(row.values))}" if len(row.values) > 1 else ""
    cpu = number(row.median_cpu_us) if row.median_cpu_us is not None else ""
    return row.name, row.unit, number(row.median), spread, cpu, row.note


def number(value: float) -> str:
    """Write a figure with as many digits as it deserves."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
