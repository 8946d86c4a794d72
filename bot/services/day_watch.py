"""Do once a day what time alone brings: phones that went quiet, guilds that were left long ago."""

import asyncio
from collections.abc import Callable
from datetime import date, datetime

from bot.db.store import Store
from bot.services.guild_leaving import AT_ONCE, note_guilds, purge_left
from bot.services.quiet_phones import see_to_quiet

# How soon a new day is noticed.
IDLE_S = 1.0


class DayWatch:
    """The background pass; `guilds` names where the bot is, None while unknown; `wake` tells of a move."""

    def __init__(
        self,
        store: Store,
        guilds: Callable[[], frozenset[int] | None],
        wake: asyncio.Event,
        now: Callable[[], datetime],
        stop: asyncio.Event,
    ) -> None:
        self._store, self._guilds, self._now, self._stop = store, guilds, now, stop
        self.wake = wake
        self._seen_to: tuple[date, frozenset[int]] | None = None

    async def one_pass(self) -> float:
        """Do what is due; returns how long to wait, in seconds. Costs nothing where nothing changed."""
        now, present = self._now(), self._guilds()
        if present is None or self._seen_to == (now.date(), present):
            return IDLE_S
        async with self._store.write() as session:
            await note_guilds(session, present, now)
        purged = AT_ONCE
        while purged == AT_ONCE and not self._stop.is_set():
            async with self._store.write() as session:
                purged = await purge_left(session, now)
        await see_to_quiet(self._store, now, self._stop)
        self._seen_to = now.date(), present
        return IDLE_S
