"""Look once a day, and after every change of the catalogue, whether a gateway ends or is in doubt."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import carriers as entries
from bot.db import notices, signs
from bot.db.store import Store
from bot.domain.signs import doubtful
from bot.services.endings import see_to_endings
from bot.services.shelf import Shelf

# How soon a new day, or a change that another command made, is noticed.
IDLE_S = 1.0
_DOUBT = (
    "Codes sent to {domain} ({names}) have stopped coming back. Whoever registers there now is warned; "
    "look at /carrier show, and switch it off with /carrier disable if it is dead."
)


class CarrierWatch:
    """The background pass; `editors` names who hears of doubts beside the operator."""

    def __init__(
        self,
        store: Store,
        shelf: Shelf,
        editors: Callable[[], Iterable[int]],
        now: Callable[[], datetime],
        stop: asyncio.Event,
    ) -> None:
        self._store, self._shelf, self._editors, self._now = store, shelf, editors, now
        self._stop = stop
        self._seen_to: tuple[date, str] | None = None

    async def one_pass(self) -> float:
        """Do what is due; returns how long to wait, in seconds. Costs nothing where nothing changed."""
        now = self._now()
        if self._seen_to == (now.date(), self._shelf.version):
            return IDLE_S
        async with self._store.read() as session:
            await self._shelf.refresh(session)
        seen_to = now.date(), self._shelf.version
        await see_to_endings(self._store, self._shelf, now, self._stop)
        await self._see_to_doubts(now)
        self._seen_to = seen_to
        return IDLE_S

    async def _see_to_doubts(self, now: datetime) -> None:
        if not await self._doubtful(now):
            return
        async with self._store.write() as session:
            for domain in await self._doubtful(now, session):
                if await signs.doubt(session, domain, now):
                    await self._tell(session, domain, now)
            await entries.count_change(session)
        async with self._store.read() as session:
            await self._shelf.refresh(session)

    async def _doubtful(self, now: datetime, session: AsyncSession | None = None) -> list[str]:
        """Name the gateways that are in doubt from today on."""
        if session is None:
            async with self._store.read() as reading:
                return await self._doubtful(now, reading)
        known = await signs.doubts(session)
        days = await signs.days(session, now)
        return sorted(
            domain for domain, seen in days.items() if domain not in known and doubtful(seen, now.date())
        )

    async def _tell(self, session: AsyncSession, domain: str, now: datetime) -> None:
        names = ", ".join(carrier.name for carrier in self._shelf.at_domain(domain)[:5]) or "no carrier now"
        own = await entries.admins_at_domain(session, domain)
        people = sorted({notices.OPERATOR, *self._editors(), *own})
        await notices.add_for(session, people, notices.DOUBT, _DOUBT.format(domain=domain, names=names), now)
