"""Say where the bot's time goes in the rows that have goals."""

from dataclasses import asdict

from benchmarks.children import Failed, measure
from benchmarks.figures import aligned
from benchmarks.plan import Bench
from benchmarks.rows_mail import DRAIN, THROUGH
from benchmarks.rows_store import ACCEPT


def take(bench: Bench) -> list[tuple[str, list[str]]]:
    """Run the bot's jobs once more while a sampler looks; returns each with a Markdown table."""
    sizes = bench.sizes
    smtp: dict[str, object] = {"smtp": asdict(bench.sink)}
    people = sizes.recipients
    callers: dict[str, object] = {"registrations": people, "waiting": sizes.waiting}
    some = sizes.some(0.4)
    return [
        (ACCEPT, _profile(bench, "accept", 0, callers | {"texts": some})),
        (DRAIN, _profile(bench, "drain", sizes.texts, smtp | {"texts": sizes.texts})),
        (THROUGH, _profile(bench, "through", 0, smtp | callers | {"texts": some, "drawn_from": people})),
    ]


def _profile(bench: Bench, job: str, backlog: int, settings: dict[str, object]) -> list[str]:
    stores = bench.stores
    url = stores.fresh(bench.sizes.recipients, backlog)
    try:
        found = measure(job, url=url, key=stores.key, profile=True, **settings)
    except Failed as failed:
        return [str(failed)]
    finally:
        stores.drop(url)
    return aligned([("share", "where"), *((f"{share:.0%}", place) for place, share in found["profile"])])
