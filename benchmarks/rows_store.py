"""Rows on the bot alone: durable accept, its latency while a backlog drains, and what a look-up costs."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from benchmarks.children import Failed, measure
from benchmarks.contenders import rate
from benchmarks.figures import Figure
from benchmarks.plan import Bench, Contender, Group

ACCEPT = "durable accept"
IDLE, BUSY = "accept at 200/s, idle", "accept at 200/s, a backlog drains"
P50, P99, LONGEST = ", p50", ", p99", ", longest"
LOOKUP = "accept to sent, {:,} registered"


def accept(bench: Bench) -> Sequence[Contender]:
    """Measure the durable line alone."""
    sizes, stores = bench.sizes, bench.stores
    stores.kept(sizes.recipients)

    def once() -> list[Figure]:
        url = stores.fresh(sizes.recipients)
        how = {"registrations": sizes.recipients, "waiting": sizes.waiting}
        try:
            found = measure("accept", url=url, key=stores.key, texts=sizes.some(0.4), **how)
        finally:
            stores.drop(url)
        return [rate(ACCEPT, found, f"{sizes.waiting} callers at once, no relay")]

    return (once,)


def latency(bench: Bench) -> Sequence[Contender]:
    """Measure how long a caller waits for the durable line, beside a relay."""
    bench.stores.kept(bench.sizes.recipients, bench.sizes.texts)
    return (partial(_latency, bench, IDLE, 0), partial(_latency, bench, BUSY, bench.sizes.texts))


def _latency(bench: Bench, row: str, backlog: int) -> list[Figure]:
    sizes, stores = bench.sizes, bench.stores
    url = stores.fresh(sizes.recipients, backlog)
    how = {"registrations": sizes.recipients, "rate": sizes.rate, "seconds": sizes.seconds}
    try:
        smtp = asdict(bench.sink)
        found = measure("latency", url=url, key=stores.key, smtp=smtp, backlog=backlog > 0, **how)
    finally:
        stores.drop(url)
    return latencies(row, found, sizes.fewest, "from the services' entry")


def latencies(row: str, found: dict[str, Any], fewest: int, note: str, what: str = "texts") -> list[Figure]:
    """Turn percentiles into rows."""
    if found["count"] < fewest:
        raise Failed(f"only {found['count']} texts came while the backlog drained: make it larger")
    note = f"{note}; {found['count']:,} {what} a round"
    named = ((P50, "p50_ms"), (P99, "p99_ms"), (LONGEST, "longest_ms"))
    return [Figure(row + which, "ms", found[name], note=note) for which, name in named]


def lookups(bench: Bench) -> Sequence[Contender]:
    """Measure whole texts in stores of different sizes."""
    return tuple(Lookup(bench, registrations) for registrations in bench.sizes.registrations)


class Lookup:
    """One store that stays over the rounds, so that it is warm."""

    def __init__(self, bench: Bench, registrations: int) -> None:
        self._bench, self._registrations, self._first = bench, registrations, 0
        # Its own: what it leaves behind must not be in the copies that others get.
        self.url = bench.stores.fresh(registrations)

    def __call__(self) -> list[Figure]:
        """Carry the next texts through it."""
        sizes, stores = self._bench.sizes, self._bench.stores
        texts, warm = sizes.some(0.2), sizes.some(0.05)
        found = measure(
            "through",
            url=self.url,
            key=stores.key,
            smtp=asdict(self._bench.sink),
            texts=texts,
            registrations=self._registrations,
            waiting=sizes.waiting,
            drawn_from=sizes.drawn_from,
            first=self._first,
            warm=warm,
        )
        self._first += texts + warm
        row = LOOKUP.format(self._registrations)
        people = min(sizes.drawn_from, self._registrations)
        return [
            rate(row, found, f"warm, drawn from {people:,}"),
            Figure(row + ", memory", "MiB", found["peak_mib"], note="at most, with the benchmark's own"),
        ]


GROUPS = (Group("accept", accept), Group("latency", latency), Group("lookups", lookups))
