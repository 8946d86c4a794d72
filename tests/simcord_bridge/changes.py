"""Wait for a condition by waking at every change, never by sleeping."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Changes:
    """Tell waiters that something in the pretend Discord changed."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def notify(self) -> None:
        """Wake every waiter once."""
        self._next.set()
        self._next = asyncio.Event()

    async def until(self, check: Callable[[], T], timeout_s: float) -> T:
        """Return the first truthy value of `check`; raise TimeoutError after `timeout_s`."""
        async with asyncio.timeout(timeout_s):
            while not (found := check()):
                await self._next.wait()
        return found
