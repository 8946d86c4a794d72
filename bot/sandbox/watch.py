"""Let one wait, without polling, until the pretend world has changed as hoped."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class SandboxError(Exception):
    """Something that real Discord, a carrier or a phone would never have let happen."""


class Watch:
    """Wake everybody who waits whenever something changed."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def changed(self) -> None:
        """Wake all who wait; they look again at what they wait for."""
        waiting, self._waiting = self._waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def until(self, probe: Callable[[], T | None], timeout_s: float, what: str) -> T:
        """Return the first value of `probe` that is not None; raise SandboxError after the timeout."""
        try:
            async with asyncio.timeout(timeout_s):
                while (found := probe()) is None:
                    await self._next()
                return found
        except TimeoutError:
            raise SandboxError(f"waited {timeout_s} s in vain for {what}") from None

    async def _next(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await future
        finally:
            self._waiting.discard(future)
