"""Run blocking work in one thread of its own, which no exit of the bot ever waits for."""

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class OwnThread:
    """A daemon thread that does one thing after the other.

    asyncio's own threads are waited for at the end, and one of ours may be waiting for a server then.
    """

    def __init__(self, name: str) -> None:
        self._work: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, or raise what it raises; given up before its turn it is left out."""
        future: Future[T] = Future()
        self._work.put((work, future))
        return await asyncio.wrap_future(future)

    def begin(self, work: Callable[[], None]) -> None:
        """Have something done when its turn comes; nobody waits for it."""
        self._work.put((work, Future()))

    def end(self) -> None:
        """Let the thread end once it is free."""
        self._work.put(None)

    def _serve(self) -> None:
        while (item := self._work.get()) is not None:
            work, future = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work())
            except BaseException as failed:  # noqa: BLE001 - nothing ends here: whoever waits gets it raised
                future.set_exception(failed)
