"""Rows on what is offered while somebody types."""

from collections.abc import Sequence

from benchmarks.children import measure
from benchmarks.figures import Figure
from benchmarks.plan import Bench, Contender, Group
from benchmarks.rows_store import latencies

CARRIERS, PRESSES = 5_000, 3_000
ROW = f"choices at a key press, {CARRIERS:,} carriers"


def choices(bench: Bench) -> Sequence[Contender]:
    """Measure the choices of /phone register."""

    def once() -> list[Figure]:
        presses = min(PRESSES, bench.sizes.texts)
        found = measure("choices", carriers=CARRIERS, presses=presses)
        return latencies(ROW, found, bench.sizes.fewest, "from memory", "key presses")

    return (once,)


GROUPS = (Group("choices", choices),)
