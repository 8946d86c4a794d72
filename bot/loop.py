"""Repeat a pass until told to stop: the one place where a background task may fail and go on."""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable

_log = logging.getLogger(__name__)
LONGEST_WAIT_AFTER_FAILURE_S = 30.0
COLLECT_AFTER_OBJECTS, COLLECT_OLDER_AFTER = 20_000, 20


def settle() -> None:
    """Tell the garbage collector that what stands by now stays: call it once, in a process that lives long.

    Looking through every loaded module again and again took a tenth of the relay's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER_OBJECTS, COLLECT_OLDER_AFTER, COLLECT_OLDER_AFTER)


async def repeat(
    name: str, one_pass: Callable[[], Awaitable[float]], wake: asyncio.Event, stop: asyncio.Event
) -> None:
    """Run `one_pass` again and again; it returns how many seconds to wait unless `wake` is set earlier."""
    failures = 0
    while not stop.is_set():
        wake.clear()
        try:
            seconds = await one_pass()
            failures = 0
        except Exception:
            # Broad on purpose: whatever broke this pass (full disk, lost database, bug), the next may work.
            failures += 1
            seconds = min(0.25 * 2**failures, LONGEST_WAIT_AFTER_FAILURE_S)
            _log.exception("%s: a pass failed, the next is in %.1f s", name, seconds)
            await wait_for_any((stop,), seconds)
            continue
        await wait_for_any((wake, stop), seconds)


async def wait_for_any(events: tuple[asyncio.Event, ...], seconds: float) -> None:
    """Return when one of the events is set or the time is over."""
    if any(event.is_set() for event in events):
        return
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
