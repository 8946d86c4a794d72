"""What the bot is measured at, each as a job in a process of its own."""

import asyncio
import random
import resource
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks import family, seed
from benchmarks.house import House, open_house, production_config, request

POLL_S = 0.01
LOOK_EVERY = 40  # texts: whether the backlog is drained
LONGEST_S = 1200
# Above every number that a backlog has.
FIRST_NEW = 1_000_000_000
BYTES_A_MIB = 1 << 20
FIRST_WARM, WARM_TEXTS = 2_000_000_000, 50
Report = dict[str, Any]


def _processor_s() -> float:
    return time.process_time() + family.processor_s()


@dataclass(slots=True)
class Watch:
    """Wall and processor time since it was started."""

    wall: float = field(default_factory=time.perf_counter)
    cpu: float = field(default_factory=_processor_s)

    def report(self, texts: int) -> Report:
        """Say what so many texts took."""
        seconds, cpu_s = time.perf_counter() - self.wall, _processor_s() - self.cpu
        return {"texts": texts, "seconds": seconds, "cpu_s": cpu_s, "peak_mib": peak_mib()}


def peak_mib() -> float:
    """Return the most memory that this process ever had resident."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / BYTES_A_MIB


async def fill(url: str, key: str, registrations: int) -> Report:
    """Register people."""
    watch = Watch()
    await seed.fill(url, key, registrations)
    return watch.report(registrations)


async def backlog(url: str, key: str, registrations: int, texts: int, favourite_share: float) -> Report:
    """Have texts accepted that then wait."""
    watch = Watch()
    recipients = seed.drawn(registrations, registrations)
    await seed.add_backlog(url, key, recipients, texts, favourite_share)
    return watch.report(texts)


async def drain(url: str, key: str, smtp: dict[str, Any], texts: int) -> Report:
    """Send what waits in the store, and record it."""
    async with open_house(production_config(url, key, smtp)) as house:
        watch = Watch()
        async with house.relaying(), asyncio.timeout(LONGEST_S):
            while not house.is_drained(FIRST_NEW):
                await asyncio.sleep(POLL_S)
            report = watch.report(texts)
        return _checked(report, house, texts)


async def accept(url: str, key: str, texts: int, registrations: int, waiting: int) -> Report:
    """Have texts accepted, so many callers at once, with no relay."""
    recipients = _recipients(registrations, registrations, texts)
    async with open_house(production_config(url, key)) as house:
        await _warm_up(house, recipients)
        numbers = iter(range(texts))
        watch = Watch()

        async def caller() -> None:
            for number in numbers:
                await house.accept(request(FIRST_NEW + number, recipients[number], seed.sender(number)))

        async with asyncio.TaskGroup() as callers:
            for _ in range(waiting):
                callers.create_task(caller())
        report = watch.report(texts)
        if house.kept() != texts + min(texts, WARM_TEXTS):
            raise RuntimeError("not every text was a new one")
        return report


async def through(
    url: str,
    key: str,
    smtp: dict[str, Any],
    texts: int,
    registrations: int,
    waiting: int,
    drawn_from: int,
    first: int = 0,
    warm: int = 0,
) -> Report:
    """Carry texts from the services' entry to the recorded result, so many on their way at once.

    `first` is a number that no text in the store has yet; `warm` texts go before, unmeasured.
    """
    recipients = _recipients(registrations, drawn_from, warm + texts)
    start = FIRST_NEW + first
    async with open_house(production_config(url, key, smtp)) as house:
        flow = Flow(house, {start + n: who for n, who in enumerate(recipients)})
        async with house.relaying(), asyncio.timeout(LONGEST_S):
            await flow.carry(range(start, start + warm), waiting)
            flow.took_s.clear()
            before, watch = house.handed_over(), Watch()
            await flow.carry(range(start + warm, start + warm + texts), waiting)
            report = watch.report(texts)
        return _checked(report, house, before + texts) | percentiles(flow.took_s)


class Flow:
    """Texts that are carried while only so many are on their way."""

    def __init__(self, house: House, recipients: dict[int, int]) -> None:
        self._house, self._recipients = house, recipients
        self._began: dict[int, float] = {}
        self.took_s: list[float] = []

    async def carry(self, numbers: Iterable[int], waiting: int) -> None:
        """Carry these texts to their end."""
        room = asyncio.Semaphore(waiting)
        looking = asyncio.create_task(self._look(room.release))
        async with asyncio.TaskGroup() as accepting:
            for number in numbers:
                await room.acquire()
                accepting.create_task(self._accept(number))
        while self._began:
            await asyncio.sleep(POLL_S)
        looking.cancel()

    async def _accept(self, number: int) -> None:
        began = time.perf_counter()
        await self._house.accept(request(number, self._recipients[number], seed.sender(number)))
        self._began[number] = began

    async def _look(self, freed: Callable[[], None]) -> None:
        while True:
            try:
                async with asyncio.timeout(POLL_S):
                    await self._house.moved.wait()
            except TimeoutError:
                pass
            self._house.moved.clear()
            now = time.perf_counter()
            for number in self._house.ended(list(self._began)):
                self.took_s.append(now - self._began.pop(number))
                freed()


async def latency(
    url: str,
    key: str,
    smtp: dict[str, Any],
    registrations: int,
    rate: int,
    seconds: float,
    backlog: bool,
) -> Report:
    """Have texts accepted at an even rate beside a relay, until what waited before is drained."""
    recipients = _recipients(registrations, registrations, int(rate * seconds))
    async with open_house(production_config(url, key, smtp)) as house:
        await _warm_up(house, recipients)
        async with house.relaying():
            return percentiles(await _accept_evenly(house, recipients, rate, until_drained=backlog))


async def _accept_evenly(
    house: House, recipients: Sequence[int], rate: int, *, until_drained: bool
) -> list[float]:
    """Return how many seconds after it was due each text was on the disk."""
    loop, took_s = asyncio.get_running_loop(), list[float]()

    async def one(number: int, due: float) -> None:
        await house.accept(request(FIRST_NEW + number, recipients[number], seed.sender(number)))
        took_s.append(loop.time() - due)

    begin = loop.time()
    async with asyncio.TaskGroup() as callers:
        for number in range(len(recipients)):
            due = begin + number / rate
            await asyncio.sleep(due - loop.time())
            if until_drained and number % LOOK_EVERY == 0 and house.is_drained(FIRST_NEW):
                break
            callers.create_task(one(number, due))
    return took_s


def percentiles(took_s: list[float]) -> Report:
    """Return the median, the 99th percentile and the longest, in milliseconds."""
    if len(took_s) < 2:
        return {"count": len(took_s)}
    cuts = statistics.quantiles(took_s, n=100, method="inclusive")
    longest = max(took_s)
    return {
        "count": len(took_s),
        "p50_ms": cuts[49] * 1000,
        "p99_ms": cuts[98] * 1000,
        "longest_ms": longest * 1000,
    }


async def _warm_up(house: House, recipients: Sequence[int]) -> None:
    """Have a few texts accepted one by one, so that every statement was built before the watch runs."""
    for number, who in enumerate(recipients[:WARM_TEXTS], FIRST_WARM):
        await house.accept(request(number, who, seed.sender(number)))


def _recipients(registrations: int, drawn_from: int, texts: int) -> list[int]:
    return seed.targets(seed.drawn(registrations, drawn_from), texts, 0, random.Random(registrations))


def _checked(report: Report, house: House, handed_over: int) -> Report:
    found = house.handed_over()
    if found != handed_over:
        raise RuntimeError(f"{found} texts were handed over, not {handed_over}")
    return report
