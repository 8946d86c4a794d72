"""Look many times a second at what the process works on: where its processor time goes."""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import greenlet  # type: ignore[import-untyped]  # it brings no types

EVERY_S = 0.001  # of processor time
MOST_PLACES = 15
LEAST_SHARE = 0.01
# There the loop itself works, or waits while a thread does.
LOOP = {("runners", "run"), ("selectors", "select")}
STARTERS = ("delay", "worker")
OURS = ("bot", "benchmarks")


class Sampler:
    """Counts, inside its `with` block, in which function of ours the main thread is, and in whose code."""

    def __init__(self) -> None:
        self._places: Counter[str] = Counter()
        self._began = 0.0, 0.0
        self._threads_share = 0.0

    def __enter__(self) -> Self:
        """Begin to look."""
        self._began = time.process_time(), time.thread_time()
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Look no more."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        cpu_s, main_s = time.process_time() - self._began[0], time.thread_time() - self._began[1]
        self._threads_share = 1 - main_s / cpu_s if cpu_s else 0.0

    def shares(self) -> list[tuple[str, float]]:
        """Return the share of the threads, and the places that were met most with theirs."""
        looks = self._places.total() or 1
        found = [
            (place, seen / looks * (1 - self._threads_share)) for place, seen in self._places.most_common()
        ]
        places = [(place, share) for place, share in found if share >= LEAST_SHARE][:MOST_PLACES]
        return [("the database driver's threads", self._threads_share), *places]

    def _look(self, _number: int, frame: FrameType | None) -> None:
        place = _place(frame) if frame is not None else None
        if place is not None:
            self._places[place] += 1


def _place(frame: FrameType) -> str:
    """Say which function of ours is at work, and whose code it is in."""
    inner = Path(frame.f_code.co_filename)
    if (inner.stem, frame.f_code.co_name) in LOOP:
        return "the event loop itself"
    whose = _package(inner)
    for outer in _outwards(frame):
        path = Path(outer.f_code.co_filename)
        room = next((name for name in OURS if name in path.parts[:-1]), None)
        if room is not None and "site-packages" not in path.parts and path.stem not in STARTERS:
            where = ".".join(path.with_suffix("").parts[path.parts.index(room) :])
            return f"{where}.{outer.f_code.co_name}" + ("" if outer is frame else f" in {whose}")
    return whose


def _outwards(frame: FrameType) -> Iterator[FrameType]:
    at: FrameType | None = frame
    while at is not None:
        yield at
        at = at.f_back
    # SQLAlchemy works in a greenlet; whoever called it stands still in the one below.
    below = greenlet.getcurrent().parent
    at = below.gr_frame if below is not None else None
    while at is not None:
        yield at
        at = at.f_back


def _package(path: Path) -> str:
    parts = path.parts
    if "site-packages" in parts:
        return parts[parts.index("site-packages") + 1].removesuffix(".py")
    return path.parent.name if path.parent.name in ("asyncio", "concurrent", "email") else path.stem
