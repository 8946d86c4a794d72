"""Say what can be measured, with how much, and run it in interleaved rounds."""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.children import Failed
from benchmarks.figures import Figure, Table, number
from benchmarks.sinks import Account
from benchmarks.stores import Stores
from tests.peers.daemon import Unavailable


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured in one round."""

    texts: int
    recipients: int
    registrations: tuple[int, ...]
    waiting: int = 128
    rate: int = 200
    seconds: float = 10.0
    drawn_from: int = 100_000
    favourite_share: float = 0.2
    fewest: int = 100  # that must come while a backlog drains: of fewer, a 99th percentile says nothing

    def some(self, share: float, least: int = 100) -> int:
        """Return this share of the texts, for contenders that would take all day for all of them."""
        return max(min(least, self.texts), int(self.texts * share))


FULL = Sizes(texts=50_000, recipients=10_000, registrations=(10_000, 1_000_000))
QUICK = Sizes(
    texts=1_000,
    recipients=1_000,
    registrations=(1_000, 10_000),
    waiting=32,
    seconds=2,
    drawn_from=1_000,
    fewest=2,
)


@dataclass(frozen=True, slots=True)
class Bench:
    """What all rows share: the sink, the stores, the sizes, and what to end afterwards."""

    sink: Account
    stores: Stores
    sizes: Sizes
    stack: ExitStack
    library: str | None  # where nodemailer lies


Contender = Callable[[], list[Figure]]


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that are measured for one question; `prepare` returns one callable for each contender."""

    name: str
    prepare: Callable[[Bench], Sequence[Contender]]


def run_rounds(bench: Bench, groups: Sequence[Group], rounds: int) -> Table:
    """Measure every contender once a round, one after another, so that a busy minute hits them all."""
    table, contenders = Table(), []
    for group in groups:
        try:
            contenders += [(group.name, contender) for contender in group.prepare(bench)]
        except (Failed, Unavailable) as missing:
            table.add([Figure(group.name, "", None, note=f"not measured: {missing}")])
    for turn in range(rounds):
        for name, contender in contenders:
            try:
                figures = contender()
            except Failed as failed:
                figures = [Figure(name, "", None, note=f"failed: {failed}")]
            table.add(figures)
            _say(f"round {turn + 1} of {rounds}", figures)
    return table


def _say(turn: str, figures: Sequence[Figure]) -> None:
    """Show that it goes on; the table itself is the only thing on the standard output."""
    for figure in figures:
        value = figure.note if figure.value is None else f"{number(figure.value)} {figure.unit}"
        sys.stderr.write(f"{turn}: {figure.row}: {value}\n")
