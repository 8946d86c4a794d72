"""Work through much in slices, so that others get their turn on the event loop in between."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

# One or two milliseconds of work.
AT_ONCE = 50
# Long enough for the store's own threads to get hold of the interpreter: else each of their steps waits 5 ms.
PAUSE_S = 0.001
R = TypeVar("R")


async def in_slices(whole: Iterable[R], pause_s: float = PAUSE_S) -> AsyncIterator[R]:
    """Yield everything, and let others go on after each slice; without a pause where others wait for us."""
    for place, each in enumerate(whole, 1):
        yield each
        if place % AT_ONCE == 0:
            await asyncio.sleep(pause_s)
