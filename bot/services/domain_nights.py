"""Look all gateway domains up once a night, by one process of those that work on a store."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta

from bot.db import domain_looks
from bot.db.bell import Bell, ring
from bot.db.store import Store
from bot.domain.domain_look import CONTROLS
from bot.services.domain_check import Looks, LookUp, in_use, look_all, record
from bot.services.shelf import Shelf

_log = logging.getLogger(__name__)
# In UTC: from two o'clock, later by up to three hours, so that not everybody asks at once; until eight.
FIRST_HOUR, JITTER, LAST_HOUR = 2, timedelta(hours=3), 8
# A resolver that is away may be back in an hour.
AGAIN_AFTER = timedelta(hours=1)
LONGEST_WAIT_S = 600.0


class DomainNights:
    """The nightly look; `jitter` is from 0 to 1, `stop` ends look-ups that have begun."""

    def __init__(
        self,
        store: Store,
        shelf: Shelf,
        look: LookUp,
        now: Callable[[], datetime],
        jitter: float,
        stop: asyncio.Event,
        *,
        editors: Callable[[], Iterable[int]] = tuple,
        controls: Collection[str] = CONTROLS,
    ) -> None:
        self._store, self._shelf, self._look, self._now = store, shelf, look, now
        self._jitter, self._editors, self._controls = JITTER * jitter, editors, controls
        self._stop = stop
        self._done: datetime | None = None
        self.wake = asyncio.Event()

    async def one_pass(self) -> float:
        """Look if it is time; returns how many seconds to wait for the next pass."""
        now = self._now()
        night = now.replace(hour=FIRST_HOUR, minute=0, second=0, microsecond=0)
        if self._done == night or not night + self._jitter <= now < night.replace(hour=LAST_HOUR):
            return LONGEST_WAIT_S
        async with self._store.write() as session:
            ours = await domain_looks.take_turn(session, night, now - AGAIN_AFTER, now)
        if ours and await self._look_and_record():
            self._done = night
        return LONGEST_WAIT_S

    async def _look_and_record(self) -> bool:
        """Look everything up and remember it; False where that proves nothing."""
        async with self._store.read() as session:
            domains = await in_use(session, self._shelf)
        looks = await self._look_until_stop(domains)
        if looks is None:
            return False
        async with self._store.write() as session:
            outcome = await record(session, self._shelf, looks, self._now(), editors=tuple(self._editors()))
            await ring(session, Bell.NOTICES)
        if outcome.distrusted is not None:
            _log.warning("domains: tonight's look-ups prove nothing: %s", outcome.distrusted)
        else:
            gone = sum(each.nights > 0 for each in outcome.known.values())
            hit = len(outcome.demoted)
            _log.info("domains: %d looked up, %d gone, %d carriers demoted", len(domains), gone, hit)
        return outcome.distrusted is None

    async def _look_until_stop(self, domains: Collection[str]) -> Looks | None:
        looking = asyncio.create_task(look_all(domains, self._look, controls=self._controls))
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({looking, stopped}, return_when=asyncio.FIRST_COMPLETED)
            return looking.result() if looking.done() else None
        finally:
            looking.cancel()
            stopped.cancel()
            await asyncio.gather(looking, stopped, return_exceptions=True)
