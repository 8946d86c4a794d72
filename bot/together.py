"""Run the parts of the bot side by side, each supervised, until told to stop."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy.exc import DBAPIError

from bot import exits
from bot.db.bell import Listener
from bot.db.role_lock import AlreadyRunning, FileLock
from bot.db.sealers import sealing
from bot.db.store import Store
from bot.discord_role import DiscordRole
from bot.inbox_role import InboxRole
from bot.loop import repeat, wait_for_any
from bot.relay_role import RelayRole
from bot.services.carrier_watch import CarrierWatch
from bot.services.day_watch import DayWatch
from bot.services.domain_nights import DomainNights

_log = logging.getLogger(__name__)
LOCK_WAIT_S = 10
_TAKEN = "store: another bot already {}; stop it first, or use PostgreSQL"


@dataclass(frozen=True, slots=True)
class Parts:
    """What runs side by side."""

    store: Store
    relay: RelayRole | None
    inbox: InboxRole | None
    discord: DiscordRole | None
    listener: Listener | None
    counting: Callable[[], Awaitable[float]]
    nights: DomainNights | None
    watch: CarrierWatch
    days: DayWatch


async def run_together(parts: Parts, stop: asyncio.Event, ready: asyncio.Event) -> int:
    """Run the parts until told to stop; returns the exit code."""
    alone = FileLock("discord")
    taken = partial(alone.take, parts.store)
    if not await _take_locks(parts, taken, stop):
        return exits.UNAVAILABLE
    try:
        roles = [name for name, part in _roles(parts) if part]
        async with sealing(parts.store, roles), asyncio.TaskGroup() as tasks:
            if parts.relay:
                tasks.create_task(parts.relay.run(stop), name="relay")
            if parts.inbox:
                tasks.create_task(parts.inbox.run(stop), name="inbox")
            if parts.listener:
                listen = partial(parts.listener.listen, stop)
                tasks.create_task(repeat("bell", listen, asyncio.Event(), stop), name="bell")
            if parts.discord:
                counting = repeat("use of carriers", parts.counting, asyncio.Event(), stop)
                tasks.create_task(counting, name="use of carriers")
                watching = repeat("carriers", parts.watch.one_pass, asyncio.Event(), stop)
                tasks.create_task(watching, name="carriers")
                days = repeat("days", parts.days.one_pass, parts.days.wake, stop)
                tasks.create_task(days, name="days")
            if parts.nights:
                look = repeat("domains", parts.nights.one_pass, parts.nights.wake, stop)
                tasks.create_task(look, name="domains")
            code = tasks.create_task(_discord_or_wait(parts.discord, stop, ready), name="discord")
        return code.result()
    finally:
        await alone.release()


def _roles(parts: Parts) -> tuple[tuple[str, object], ...]:
    return ("relay", parts.relay), ("inbox", parts.inbox), ("discord", parts.discord)


async def _take_locks(parts: Parts, alone: Callable[[], Awaitable[None]], stop: asyncio.Event) -> bool:
    """Say that we are alive; False, with a word why, where another bot does the same work."""
    if parts.relay and not await _got(parts.relay.take_lock, stop):
        _log.critical(_TAKEN.format("works on this file"))
        return False
    if parts.inbox and not await _got(parts.inbox.take_lock, stop):
        _log.critical(_TAKEN.format("reads the mailbox for this file"))
        return False
    # On PostgreSQL several may answer: discord.py's sharding splits the guilds among them.
    if parts.discord and parts.store.is_sqlite and not await _got(alone, stop):
        _log.critical(_TAKEN.format("answers Discord from this file"))
        return False
    return True


async def _got(take: Callable[[], Awaitable[None]], stop: asyncio.Event) -> bool:
    """Take a lock; False where another process keeps it for longer than a bot takes to shut down."""
    for _ in range(LOCK_WAIT_S):
        try:
            await take()
        except (AlreadyRunning, DBAPIError, OSError) as failed:
            if not isinstance(failed, AlreadyRunning):
                _log.warning("store: its lock cannot be had (%s)", type(failed).__name__)
            await wait_for_any((stop,), 1)
        else:
            return True
    return False


async def _discord_or_wait(role: DiscordRole | None, stop: asyncio.Event, ready: asyncio.Event) -> int:
    if role is not None:
        return await role.run(stop, ready)
    ready.set()
    await stop.wait()
    return exits.OK
