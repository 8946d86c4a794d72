"""Carry what waits in the outbox to the mail server: claim under a lease, send, record."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import outbox
from bot.db.bell import Bell, ring
from bot.db.store import Act, Store
from bot.domain.lanes import ACCOUNT
from bot.domain.outcome import Reply, again_at
from bot.services.claiming import Claimed, Claimer
from bot.services.gateways import Explainer, Gateways
from bot.services.in_flight import Held, InFlight, Put
from bot.services.outage import Outage
from bot.services.recording import Result, record, sweep
from bot.services.shelf import Shelf

_log = logging.getLogger(__name__)
SWEEP_EVERY = timedelta(seconds=1)
# A server that answers a probe at once is used in the same pass; a slow one is looked at in later passes.
PROBE_PATIENCE_S = 0.05
# A stop must end in time also where the store takes nothing.
RECORD_WITHIN_S, RECORD_AGAIN_S = 1.2, 0.1
# Mails of one lane in flight for each connection: more where the road runs dry between two passes.
FEWEST_A_CONNECTION, MOST_A_CONNECTION = 4, 48
# At most so many results in one transaction: whoever wants to write meanwhile waits for its end.
RECORD_AT_ONCE, RECORD_WHILE_OTHERS_WAIT = 1024, 128
# How long a few results may wait for more: the mails are with the server, only the word of it waits.
GATHER_S = 0.02
GATHER_BELOW = 64
Probe = Callable[[], Coroutine[Any, Any, Reply | None]]


@dataclass(frozen=True, slots=True)
class Ports:
    """What the relay reaches the outside through."""

    put: Put
    recall: Callable[[], None]  # end what was put and has not begun
    probe: Probe
    now: Callable[[], datetime]
    jitter: Callable[[], float]  # in [0, 1)


@dataclass(frozen=True, slots=True)
class Pace:
    """Texts a minute: to one gateway (0: no bound), and from the whole mail account (None: no bound)."""

    gateway: int = 60
    account: int | None = None


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one pass is to write, as it stood when it was its turn."""

    results: Sequence[Result]
    held: Held
    sweep: bool
    away: bool  # nothing is claimed: the mail server cannot be reached
    hurried: bool  # others want to write


class Relay:
    """One relay process's work; `owner` names its leases."""

    def __init__(
        self, store: Store, shelf: Shelf, ports: Ports, owner: int, connections: int, pace: Pace
    ) -> None:
        self._store, self._shelf, self._ports, self._pace = store, shelf, ports, pace
        self._owner, self._connections = owner, connections
        self.wake = asyncio.Event()
        self.moved = asyncio.Event()  # a text moved: somebody may want to tell its sender
        self._flight = InFlight(ports.put, self.wake)
        self._room: dict[str, int] = {}
        has_rate = pace.account is not None
        self._claimer = Claimer(shelf, owner, self._room_of, has_rate)
        self._outage = Outage(ports.jitter)
        self._explainer = Explainer()
        self._probing: asyncio.Task[Reply | None] | None = None
        self._swept_at: datetime | None = None
        self._recalls = 0

    def _rate_of(self, domain: str) -> int:
        if domain == ACCOUNT:
            return self._pace.account or 0
        rate = self._shelf.rate_of(domain)
        return self._pace.gateway if rate is None else rate

    def _room_of(self, domain: str) -> int:
        return self._room.get(domain, FEWEST_A_CONNECTION) * self._connections

    def recall(self) -> None:
        """Ask again about everything that has not gone out yet: somebody's permission may have changed."""
        self._recalls += 1
        self._flight.recall()
        self._ports.recall()

    async def one_pass(self) -> float:
        """Record what ended, see to old leases, claim and send; returns how long to wait, in seconds."""
        now = self._ports.now()
        self._flight.let_go()
        results = self._learned(now)
        if self._outage.away:
            await self._probe(now)
        recalls, swept_at = self._recalls, self._swept_at
        due_sweep = swept_at is None or not timedelta() <= now - swept_at < SWEEP_EVERY
        # Where this fails we may hold leases that we do not know of, which the next pass must see to first.
        self._swept_at = None

        def prepare() -> "Act[tuple[Claimed, int]]":
            # Whatever ended while we waited for our turn comes along.
            results.extend(self._learned(now, past=len(results)))
            plan = _Plan(results, self._flight.held(), due_sweep, self._outage.away, self._store.others_wait)
            return partial(self._write, plan, now)

        claimed, moved = await self._store.write_at_once(prepare)
        self._swept_at = now if due_sweep else swept_at
        self._explainer.explained()
        self._committed(results, claimed, moved, now)
        if self._recalls != recalls:
            # The claim may have asked before the permission changed.
            self.recall()
        return self._seconds_to_next(claimed, now)

    async def _write(self, plan: "_Plan", now: datetime, session: AsyncSession) -> tuple[Claimed, int]:
        """Make the transaction of one pass, beside the event loop; returns how many texts moved, too."""
        gateways = Gateways(session, self._rate_of, now, self._ports.jitter)
        moved = await self._record(session, gateways, plan.results, now)
        if plan.sweep:
            moved += await sweep(session, self._owner, plan.held.ids, now, gateways)
        claimed = Claimed()
        if not plan.away:
            claimed = await self._claimer.claim(session, gateways, plan.held, now, hurried=plan.hurried)
            holds_more = claimed.mails or len(plan.held.ids) > len(plan.results)
            if claimed.again_at is None and not holds_more:
                claimed.again_at = await outbox.next_due(session, now)
        moved += claimed.moved + await self._explainer.explain(session, gateways.closed(), now)
        await gateways.keep()
        if moved:
            await ring(session, Bell.NOTICES)
        return claimed, moved

    def _learned(self, now: datetime, past: int = 0) -> list[Result]:
        most = RECORD_WHILE_OTHERS_WAIT if self._store.others_wait else RECORD_AT_ONCE
        results = self._flight.results(max(most, past))[past:]
        self._outage.learn(results, now)
        return results

    async def gather(self) -> None:
        """Wait a moment for what is on the road: results that are recorded together cost less."""
        if len(self._flight.results(GATHER_BELOW)) < GATHER_BELOW:
            await self._flight.ended(GATHER_S)

    async def _record(
        self, session: AsyncSession, gateways: Gateways, results: Sequence[Result], now: datetime
    ) -> int:
        """Write results down; where that fails they stay in memory, and nothing more is claimed."""
        await gateways.take_for(results)
        moved = await record(
            session,
            self._owner,
            results,
            now,
            lambda tries: again_at(tries, now, self._ports.jitter()),
            gateways,
        )
        return moved + await self._outage.explain(session, now)

    def _committed(self, results: Sequence[Result], claimed: Claimed, moved: int, now: datetime) -> None:
        self._outage.explained(now)
        self._flight.recorded(results)
        self._make_room(claimed)
        self._flight.begin_all(claimed.mails)
        if moved:
            self.moved.set()

    def _make_room(self, claimed: Claimed) -> None:
        """Hold more of a lane where all that was held is gone by the next pass, less where little is."""
        lanes = {item.domain for item, _ in claimed.mails}
        for domain in lanes:
            room = self._room.get(domain, FEWEST_A_CONNECTION)
            left = self._flight.in_lane(domain)
            if left <= self._connections and not claimed.drained:
                room = min(room * 2, MOST_A_CONNECTION)
            elif left > self._room_of(domain) * 3 // 4:
                room = max(room // 2, FEWEST_A_CONNECTION)
            self._room[domain] = room

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

    def _seconds_to_next(self, claimed: Claimed, now: datetime) -> float:
        longest = SWEEP_EVERY.total_seconds()
        if self._flight.results(1):
            return 0.0
        if self._outage.away:
            return min(self._outage.seconds_left(now), longest)
        if claimed.again_at is not None:
            return min(max((claimed.again_at - now).total_seconds(), 0.0), longest)
        # What becomes of those we hold wakes us; what is put off for less than that comes a little later.
        return longest

    async def finish(self) -> None:
        """Wait for what is being sent (the road is closing), record it and give back what was not begun."""
        self._flight.begin_rest()
        await self._flight.ended()
        with suppress(TimeoutError):
            async with asyncio.timeout(RECORD_WITHIN_S):
                await self._record_in_the_end()
        for item, reply, outcome in self._flight.results():
            _log.error("outbox %d: %s at %r could not be recorded", item.id, outcome, reply)

    async def _record_in_the_end(self) -> None:
        while self._flight.results(1):
            now = self._ports.now()
            results = self._learned(now)
            try:
                async with self._store.write() as session:
                    gateways = Gateways(session, self._rate_of, now, self._ports.jitter)
                    moved = await self._record(session, gateways, results, now)
                    await gateways.keep()
            except (DBAPIError, PoolTimeout, OSError):
                await asyncio.sleep(RECORD_AGAIN_S)
            else:
                self._committed(results, Claimed(), moved, now)
