"""Carry what waits in the outbox to the mail server: claim under a lease, send, record."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.db import leases, outbox
from bot.db.outbox import Leased
from bot.db.store import Store
from bot.domain.outcome import Reply, Step, again_at, decide
from bot.services.outage import Outage
from bot.services.permit import Sendable, permit
from bot.services.recording import end_late, record, take_over
from bot.services.shelf import Shelf
from bot.services.standing import update_standings

_log = logging.getLogger(__name__)
CLAIM_AHEAD = 2
TAKE_OVER_EVERY = timedelta(seconds=1)
# A server that answers a probe at once is used in the same pass; a slow one is looked at in later passes.
PROBE_PATIENCE_S = 0.05
# A stop must end in time also where the store takes nothing.
RECORD_WITHIN_S, RECORD_AGAIN_S = 1.2, 0.1
Send = Callable[[Sendable], Coroutine[Any, Any, Reply]]
Probe = Callable[[], Coroutine[Any, Any, Reply | None]]


@dataclass(frozen=True, slots=True)
class Ports:
    """What the relay reaches the outside through."""

    send: Send
    probe: Probe
    now: Callable[[], datetime]
    jitter: Callable[[], float]  # in [0, 1)


class Relay:
    """One relay process's work; `owner` names its leases."""

    def __init__(self, store: Store, shelf: Shelf, ports: Ports, owner: int, connections: int) -> None:
        self._store, self._shelf, self._ports = store, shelf, ports
        self._owner, self._most = owner, connections * CLAIM_AHEAD
        self._sending: dict[asyncio.Task[Reply], Leased] = {}
        self._results: list[tuple[Leased, Reply]] = []
        self._outage = Outage(ports.jitter)
        self._probing: asyncio.Task[Reply | None] | None = None
        self._took_over_at: datetime | None = None
        self.wake = asyncio.Event()
        self.moved = asyncio.Event()  # a text moved: somebody may want to tell its sender

    async def one_pass(self) -> float:
        """Record what ended, take over dead leases, claim and send; returns how long to wait, in seconds."""
        await self._record()
        now = self._ports.now()
        if (
            self._took_over_at is None
            or now - self._took_over_at >= TAKE_OVER_EVERY
            or now < self._took_over_at
        ):
            await self._take_over(now)
        if not await self._road_is_open(now):
            return self._outage.seconds_left(now)
        room = self._most - len(self._sending)
        if room > 0:
            await self._claim(room, now)
        return await self._seconds_to_next(now)

    async def _record(self) -> None:
        """Write results in one transaction; on failure they stay here, and nothing more is claimed."""
        if not self._results:
            return
        batch, now = list(self._results), self._ports.now()
        self._outage.learn([decide(reply) for _, reply in batch], batch, now)
        async with self._store.write() as session:
            moved = await record(
                session, self._owner, batch, now, lambda tries: again_at(tries, now, self._ports.jitter())
            )
            moved += await self._outage.explain(session, now)
        self._outage.explained(now)
        del self._results[: len(batch)]
        if moved:
            self.moved.set()

    async def _take_over(self, now: datetime) -> None:
        async with self._store.write() as session:
            moved = await end_late(session, now)
            held = [item.id for item in self._sending.values()] + [item.id for item, _ in self._results]
            await leases.give_back_lost(session, self._owner, held)
            moved += await take_over(session, self._owner, now)
        self._took_over_at = now
        if moved:
            self.moved.set()

    async def _road_is_open(self, now: datetime) -> bool:
        if not self._outage.away:
            return True
        await self._probe(now)
        if self._outage.away:
            async with self._store.write() as session:
                explained = await self._outage.explain(session, now)
            self._outage.explained(now)
            if explained:
                self.moved.set()
        return not self._outage.away

    async def _probe(self, now: datetime) -> None:
        """Try the server when it is time, beside the passes: one that hangs must not hold up recording."""
        if self._probing is None:
            if not self._outage.may_probe(now):
                return
            self._probing = asyncio.create_task(self._ports.probe(), name="probe")
            self._probing.add_done_callback(lambda _: self.wake.set())
            await asyncio.wait([self._probing], timeout=PROBE_PATIENCE_S)
        probing = self._probing
        if probing.done():
            self._probing = None
            if not probing.cancelled():
                self._outage.probed(probing.result(), now)

    async def _claim(self, room: int, now: datetime) -> None:
        async with self._store.write() as session:
            await self._shelf.refresh(session)
            items = await outbox.claim(session, self._owner, room, now)
            if not items:
                return
            sendable, ended = await permit(session, items, self._shelf, self._owner, now)
            if await update_standings(session, ended.keys(), now, ended):
                self.moved.set()
        for item in items:
            if item.id in sendable:
                task = asyncio.create_task(self._ports.send(sendable[item.id]), name=f"outbox {item.id}")
                self._sending[task] = item
                task.add_done_callback(self._ended)
        self.wake.set()

    def _ended(self, task: "asyncio.Task[Reply]") -> None:
        item = self._sending.pop(task)
        failed = None if task.cancelled() else task.exception()
        if task.cancelled() or failed is not None:
            # A bug, or a cancel from outside: how far the mail came is not known.
            _log.error("outbox %d: sending broke off", item.id, exc_info=failed)
            reply = Reply(Step.BODY, None)
        else:
            reply = task.result()
        self._results.append((item, reply))
        self.wake.set()

    async def _seconds_to_next(self, now: datetime) -> float:
        async with self._store.read() as session:
            due = await outbox.next_due(session, now)
        if due is None:
            return TAKE_OVER_EVERY.total_seconds()
        return min(max((due - now).total_seconds(), 0.05), TAKE_OVER_EVERY.total_seconds())

    async def finish(self) -> None:
        """Wait for what is being sent (the road is closing), record it and give back what was not begun."""
        while self._sending:
            await asyncio.wait(self._sending)
        with suppress(TimeoutError):
            async with asyncio.timeout(RECORD_WITHIN_S):
                await self._record_in_the_end()
        for item, reply in self._results:
            _log.error("outbox %d: %s at %r could not be recorded", item.id, decide(reply), reply)

    async def _record_in_the_end(self) -> None:
        while self._results:
            try:
                await self._record()
            except (DBAPIError, PoolTimeout, OSError):
                await asyncio.sleep(RECORD_AGAIN_S)
