"""Rows on the list of carriers: how long a long import takes, and what it does to the texts meanwhile."""

from collections.abc import Sequence
from functools import partial

from benchmarks.children import measure
from benchmarks.figures import Figure
from benchmarks.plan import Bench, Contender, Group
from benchmarks.rows_store import latencies

IMPORT = "import of {:,} carriers"
BESIDE = "accept at 200/s, {:,} carriers are imported"


def imports(bench: Bench) -> Sequence[Contender]:
    """Measure an import alone, and beside texts."""
    bench.stores.kept(bench.sizes.recipients)
    return (partial(_import, bench, 0), partial(_import, bench, bench.sizes.rate))


def _import(bench: Bench, rate: int) -> list[Figure]:
    sizes, stores = bench.sizes, bench.stores
    url = stores.fresh(sizes.recipients)
    rows = min(sizes.texts, 5_000)
    how = {"rows": rows, "registrations": sizes.recipients, "rate": rate}
    try:
        found = measure("import_carriers", url=url, key=stores.key, **how)
    finally:
        stores.drop(url)
    if not rate:
        return [
            Figure(IMPORT.format(rows), "s", found["seconds"], note="difference and confirmation; goal: 2")
        ]
    row = BESIDE.format(rows)
    took = Figure(f"{row}, the import", "s", found["seconds"])
    return [took, *latencies(row, found, sizes.fewest, "from the services' entry")]


GROUPS = (Group("carriers", imports),)
