"""Gather what is to be written while the last commit runs, and write it in one transaction."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.store import Store

_log = logging.getLogger(__name__)
MOST_AT_ONCE = 128
# Of these PostgreSQL undid one of two that came in each other's way; alone it gets through.
_CAME_IN_EACH_OTHERS_WAY = ("40P01", "40001")
Q = TypeVar("Q")
A = TypeVar("A")


class NotKept(Exception):
    """The store could not be used (locked, full, away): nothing was kept."""


@dataclass(frozen=True, slots=True, eq=False)
class _Asked(Generic[Q, A]):
    request: Q
    answer: "asyncio.Future[A]"
    end: asyncio.TimerHandle


class GroupCommit(Generic[Q, A]):
    """Write requests in as few transactions as come one after another; `act` gives one answer each, in order.

    An answer is true only once it is committed. A request that makes its batch fail does not fail the others:
    the batch runs again one by one. A store that cannot be used fails all that wait, at once.
    `act` awaits the store alone, or runs a second time (Store.write_at_once).
    Who is cancelled before the batch takes the request up has asked for nothing. After that the request is
    carried out all the same, as if the answer had been lost on its way.
    """

    def __init__(
        self,
        store: Store,
        act: Callable[[AsyncSession, Sequence[Q]], Awaitable[Sequence[A]]],
        committed: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._act, self._committed = store, act, committed
        self._waiting: deque[_Asked[Q, A]] = deque()
        self._batch: list[_Asked[Q, A]] = []
        self._writing: asyncio.Task[None] | None = None

    async def submit(self, request: Q) -> A:
        """Write a request with whatever else waits. Raises NotKept, or what `act` raises for it alone."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[A] = loop.create_future()
        end = loop.call_later(self._store.longest_wait_s, _give_up, answer)
        self._waiting.append(_Asked(request, answer, end))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all(), name="group commit")
        try:
            return await answer
        finally:
            end.cancel()

    async def close(self) -> None:
        """Wait until all that was asked is written."""
        if self._writing is not None:
            await asyncio.wait({self._writing})

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                await self._write_batch()
        finally:
            # Some are left only where the program ends in the middle.
            for asked in (*self._batch, *self._waiting):
                asked.answer.cancel()
            self._batch = []
            self._waiting.clear()

    async def _write_batch(self) -> None:
        failed = await self._try(self._take)
        if failed is None:
            self._batch = []
            return
        if _is_unusable(failed):
            self._fail_all(failed)
            return
        batch = self._batch
        _log.warning("store: %d at once failed (%s); again one by one", len(batch), type(failed).__name__)
        for place, asked in enumerate(batch):
            self._batch = batch[place:]
            failed = await self._try(partial(list, [asked]))
            if failed is not None and _is_unusable(failed):
                self._fail_all(failed)
                return
            if failed is not None and not asked.answer.done():
                asked.answer.set_exception(failed)
        self._batch = []

    async def _try(self, take: Callable[[], list[_Asked[Q, A]]]) -> BaseException | None:
        """Write some in one transaction; what went wrong comes back, whatever it was."""
        (failed,) = await asyncio.gather(self._write(take), return_exceptions=True)
        return failed

    async def _write(self, take: Callable[[], list[_Asked[Q, A]]]) -> None:
        batch: list[_Asked[Q, A]] = []

        def prepare() -> Callable[[AsyncSession], Awaitable[Sequence[A]]]:
            # Only now: whatever came while we waited for our turn comes along.
            batch.extend(take())
            return partial(self._answers, [asked.request for asked in batch])

        answers = await self._store.write_at_once(prepare)
        for asked, answer in zip(batch, answers, strict=True):
            if not asked.answer.done():
                asked.answer.set_result(answer)
        if batch:
            self._committed()

    async def _answers(self, requests: Sequence[Q], session: AsyncSession) -> Sequence[A]:
        return await self._act(session, requests) if requests else ()

    def _take(self) -> list[_Asked[Q, A]]:
        self._batch = []
        while self._waiting and len(self._batch) < MOST_AT_ONCE:
            asked = self._waiting.popleft()
            asked.end.cancel()
            if not asked.answer.done():
                self._batch.append(asked)
        return self._batch

    def _fail_all(self, failed: BaseException) -> None:
        """Fail all that wait: to try each alone would only make the store's trouble worse."""
        every = [asked for asked in (*self._batch, *self._waiting) if not asked.answer.done()]
        _log.error("store: %d at once could not be kept (%s)", len(every), type(failed).__name__)
        for asked in every:
            asked.answer.set_exception(NotKept())
        self._batch = []
        self._waiting.clear()


def _give_up(answer: "asyncio.Future[A]") -> None:
    if not answer.done():
        answer.set_exception(NotKept())


def _is_unusable(failed: BaseException) -> bool:
    """Tell a store that nobody can use now from a request that it does not take."""
    if isinstance(failed, PoolTimeout | OSError):
        return True
    if not isinstance(failed, DBAPIError):
        return False
    if getattr(failed.orig, "sqlstate", None) in _CAME_IN_EACH_OTHERS_WAY:
        return False
    return failed.connection_invalidated or isinstance(failed, OperationalError | InterfaceError)
