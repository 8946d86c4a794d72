"""What every test may use: the size that fault tests run at; and what comes first."""

import os
import signal
from dataclasses import dataclass

import hypothesis
import pytest

pytest_plugins = ["tests.peers.fixtures", "tests.db.stores"]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A run in the background ignores SIGINT, and so would every process that a test starts and interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
# The machines that run this are shared: a slow example is no failure.
hypothesis.settings.register_profile("house", deadline=None, print_blob=True)
hypothesis.settings.load_profile("house")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that hold slow tests: a process that comes to one last leaves the others idle."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@dataclass(frozen=True, slots=True)
class Size:
    """`tenth` for every day, `ci`, or `long`."""

    name: str

    def pick(self, ci: int, long: int | None = None) -> int:
        """Return how many times to do a thing whose sizes in CI and at length are given."""
        if self.name == "long":
            return ci if long is None else long
        return ci if self.name == "ci" else max(1, ci // 10)


@pytest.fixture(scope="session")
def size() -> Size:
    """The size asked for with `python3 -m bot test --ci` or `--long`."""
    name = os.environ.get("TEXTBRIDGE_TEST_SIZE", "tenth")
    assert name in {"tenth", "ci", "long"}, f"TEXTBRIDGE_TEST_SIZE cannot be {name}"
    return Size(name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a test that does more at the larger sizes the time for it; its own mark goes first."""
    grows = {"tenth": 1, "ci": 10, "long": 60}[os.environ.get("TEXTBRIDGE_TEST_SIZE", "tenth")]
    for item in items:
        if (
            grows > 1
            and "size" in getattr(item, "fixturenames", ())
            and not item.get_closest_marker("timeout")
        ):
            item.add_marker(pytest.mark.timeout(60 * grows))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what fault tests counted, at the sizes at which that proves something."""
    if os.environ.get("TEXTBRIDGE_TEST_SIZE", "tenth") == "tenth":
        return
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        for name, figures in getattr(report, "user_properties", ()):
            if name == "figures":
                shown = ", ".join(f"{what} {figure}" for what, figure in figures.items())
                terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {shown}")
