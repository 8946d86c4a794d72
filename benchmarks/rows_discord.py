"""Rows on the bot as its own process behind the pretend Discord: ready time, memory, time to the answer."""

from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.children import Failed, measure
from benchmarks.figures import Figure
from benchmarks.plan import Bench, Contender, Group
from benchmarks.rows_store import latencies

FIRST_READY, READY = "ready after the start, commands new", "ready after the start"
MEMORY, BUSY_MEMORY = "resident memory, ready", "resident memory, at most under load"
IDLE, BUSY = "/text to its answer at 200/s, idle", "/text to its answer at 200/s, a backlog drains"


def discord(bench: Bench) -> Sequence[Contender]:
    """Measure the whole bot, discord.py and all."""
    sizes, stores = bench.sizes, bench.stores
    stores.kept(sizes.recipients, sizes.texts)

    def once() -> list[Figure]:
        urls = [stores.fresh(sizes.recipients), stores.fresh(sizes.recipients, sizes.texts)]
        how = {"smtp": asdict(bench.sink), "rate": sizes.rate, "seconds": sizes.seconds}
        try:
            found = measure("discord", url=urls[0], backlog_url=urls[1], key=stores.key, **how)
        finally:
            for url in urls:
                stores.drop(url)
        lost = [
            f"{found[name][what]} {what} ({name})"
            for name in _PHASES
            for what in _LOSSES
            if found[name][what]
        ]
        if lost:
            raise Failed(", ".join(lost))
        return [
            Figure(FIRST_READY, "s", found["first_ready_s"], note="from the process's start"),
            Figure(READY, "s", found["ready_s"], note="from the process's start"),
            Figure(MEMORY, "MiB", found["ready_mib"]),
            Figure(BUSY_MEMORY, "MiB", found["busy_mib"]),
            *latencies(IDLE, found["idle"], sizes.fewest, "through discord.py"),
            *latencies(BUSY, found["busy"], sizes.fewest, "through discord.py"),
        ]

    return (once,)


_PHASES = ("idle", "busy")
_LOSSES = ("unanswered", "refused")
GROUPS = (Group("discord", discord),)
