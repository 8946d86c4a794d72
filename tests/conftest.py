"""What every test may use: the size that fault tests run at; and what comes first."""

import gc
import os
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import hypothesis
import pytest

pytest_plugins = ["tests.leaks", "tests.peers.fixtures", "tests.db.stores"]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A run in the background ignores SIGINT, and so would every process that a test starts and interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
# The machines that run this are shared: a slow example is no failure.
hypothesis.settings.register_profile("house", deadline=None, print_blob=True)
hypothesis.settings.load_profile("house")

T = TypeVar("T")
SIZE = os.environ.get("TEXTBRIDGE_TEST_SIZE", "tenth")
FIRST_ON_POSTGRESQL = 1  # tests of a file, in a plain run
GROWS = {"tenth": 1, "ci": 10, "long": 60}


@dataclass(frozen=True, slots=True)
class Size:
    """`tenth` for every day, `ci`, or `long`."""

    name: str

    def pick(self, ci: int, long: int | None = None, *, plain: int | None = None) -> int:
        """Return how many times to do a thing whose sizes in CI and at length are given.

        In a plain run it is a tenth of CI's size, or what is given for it.
        """
        if self.name == "long":
            return ci if long is None else long
        if self.name == "ci":
            return ci
        return max(1, ci // 10) if plain is None else plain


@pytest.fixture(scope="session")
def size() -> Size:
    """The size asked for with `python3 -m bot test --ci` or `--long`."""
    assert SIZE in GROWS, f"TEXTBRIDGE_TEST_SIZE cannot be {SIZE}"
    return Size(SIZE)


def examples(ci: int) -> int:
    """Return how many examples of a property to try that takes long: in a plain run a fifth."""
    return ci if SIZE != "tenth" else max(3, ci // 5)


def telling(cases: Sequence[T], plain: int) -> Sequence[T]:
    """Return the cases to run: in a plain run the first few, which stand before the others for that."""
    return cases[:plain] if SIZE == "tenth" else cases


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that hold slow tests: a process that comes to one last leaves the others idle.

    A test that does more at the larger sizes gets the time for it; its own mark goes first.
    """
    if SIZE == "tenth":
        items[:] = [item for item in items if not item.get_closest_marker("ci")]
        _once_on_postgresql(items)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
    grows = GROWS.get(SIZE, 1)
    for item in items if grows > 1 else []:
        if "size" in getattr(item, "fixturenames", ()) and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(60 * grows))


def _once_on_postgresql(items: list[pytest.Item]) -> None:
    """Leave PostgreSQL the tests of the store itself, and one of other files; SQLite sees all."""
    kept, seen = [], Counter[str]()
    for item in items:
        varies = getattr(getattr(item, "callspec", None), "params", {})
        if "postgresql" in {varies.get(name) for name in ("shared_store", "bare_url", "any_store_url")}:
            about_the_store = "tests/db/" in item.nodeid or item.path.name == "test_migrations.py"
            what = item.nodeid.partition("[")[0] if about_the_store else item.nodeid.partition("::")[0]
            seen[what] += 1
            if seen[what] > (1 if about_the_store else FIRST_ON_POSTGRESQL):
                continue
        kept.append(item)
    items[:] = kept


def pytest_collection_finish() -> None:
    """Keep what is there by now for good: else the collector looks through all of it again and again."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what fault tests counted, at the sizes at which that proves something."""
    if SIZE == "tenth":
        return
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        for name, figures in getattr(report, "user_properties", ()):
            if name == "figures":
                shown = ", ".join(f"{what} {figure}" for what, figure in figures.items())
                terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {shown}")
