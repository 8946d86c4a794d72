"""Run the relay: its lock, its road to the mail server, its passes, and its end."""

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import datetime

from bot.config import Config
from bot.db.role_lock import RelayLock
from bot.db.store import Store
from bot.domain.outcome import Reply
from bot.domain.returns import Returns
from bot.loop import repeat
from bot.mail.own_road import OwnRoad, pays
from bot.mail.render import Letter
from bot.mail.smtp import Road
from bot.services.delivery import Pace, Ports, Relay
from bot.services.permit import Sendable
from bot.services.shelf import Shelf

_log = logging.getLogger(__name__)
# SIGTERM: out within 4 s, or 8 s where a mail waits for the reply to its final dot.
BEFORE_DOT_S, AFTER_DOT_S = 2.0, 6.0


class RelayRole:
    """The relay with its lock and its road."""

    def __init__(
        self,
        config: Config,
        store: Store,
        shelf: Shelf,
        now: Callable[[], datetime],
        returns: Returns | None = None,
    ) -> None:
        self._returns = returns
        self._store, self._lock, self._now = store, RelayLock(), now
        make_road = OwnRoad if config.smtp.own_process and pays() else Road
        self._road = make_road(config.smtp, lambda: shelf.domains)
        # Leases are told apart by owner; PostgreSQL's advisory locks take 32 bits.
        self._owner = random.SystemRandom().randrange(1, 2**31)
        ports = Ports(self._put, self._road.recall, self._road.probe, now, random.random)
        pace = Pace(config.gateway_rate, config.smtp.rate)
        self.relay = Relay(store, shelf, ports, self._owner, config.smtp.connections, pace)

    def _put(
        self, item: Sendable, lane: str, urgent: bool, until: float, end: Callable[[Reply], None]
    ) -> None:
        now, mail_id, answers_to = self._now(), item.mail_id, ""
        if self._returns is not None:
            mail_id = self._returns.mail_id(mail_id, item.about)
            answers_to = self._returns.address(item.about, now)
        letter = Letter(item.address, item.words, mail_id, now, answers_to)
        self._road.post(letter, lane, end, urgent=urgent, until=until)

    async def take_lock(self) -> None:
        """Say that we are alive; raises AlreadyRunning where another relay works on this file."""
        await self._lock.take(self._store, self._owner)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop, then let what is on the wire end."""
        # Beside the passes, since one of them may be waiting for a mail server that says nothing.
        closing = asyncio.create_task(self._close_when(stop), name="road")
        if isinstance(self._road, OwnRoad):
            self._road.begin()
        try:
            await repeat("relay", self._pass, self.relay.wake, stop)
        finally:
            stop.set()
            try:
                await closing
                await self.relay.finish()
            finally:
                await self._lock.release()

    async def _close_when(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._store.hurry()
        await self._road.close(BEFORE_DOT_S, AFTER_DOT_S)

    async def _pass(self) -> float:
        if not await self._lock.held():
            _log.warning("relay: the database let go of our lock; taking it again")
            # Another relay may take our leases over: what has not begun goes by the store alone.
            self.relay.recall()
            await self._lock.release()
            await self._lock.take(self._store, self._owner)
        await self.relay.gather()
        return await self.relay.one_pass()
