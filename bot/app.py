"""Build every part once and run the chosen roles until told to stop."""

import asyncio
import contextlib
import logging
import random
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from bot import exits
from bot.config import Config, Role
from bot.db.bell import Bell, Listener
from bot.db.crypto import WrongKey
from bot.db.migrate import SchemaTooNew, migrate
from bot.db.role_lock import AlreadyRunning, FileLock
from bot.db.store import Store, open_store
from bot.db.teller_turn import TellerTurn
from bot.discord_role import DiscordRole
from bot.domain.catalogue_file import parse_catalogue
from bot.loop import repeat, wait_for_any
from bot.relay_role import RelayRole
from bot.services.carrier_watch import CarrierWatch
from bot.services.desk import Desk
from bot.services.domain_check import LookUp
from bot.services.domain_nights import DomainNights
from bot.services.shelf import Shelf
from bot.services.texting import Rules
from bot.services.use_counts import count_use

_log = logging.getLogger(__name__)
CATALOGUE = Path(__file__).with_name("carriers.toml")
STORE_TRIES = 5
LOCK_WAIT_S = 10


def utc_now() -> datetime:
    """Read the clock: the one place outside tests."""
    return datetime.now(UTC)


async def run(
    config: Config,
    *,
    stop: asyncio.Event | None = None,
    ready: asyncio.Event | None = None,
    now: Callable[[], datetime] = utc_now,
    look_up: LookUp | None = None,
) -> int:
    """Run until `stop` (SIGTERM and SIGINT where none is given); returns the exit code.

    `look_up` asks the DNS whether a domain takes mail; without it nobody does.
    """
    if stop is None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError):  # Windows: Ctrl+C ends the loop itself
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        store = await _open(config, stop)
    except SchemaTooNew:
        _log.critical("store: it was written by a newer version; update the bot, or restore an older backup")
        return exits.WRONG_SETTINGS
    except WrongKey:
        _log.critical("SECRET_KEY: it does not open this store; set the key that the store was made with")
        return exits.WRONG_SETTINGS
    if store is None:
        _log.critical(
            "DATABASE_URL: the database cannot be reached; check that it runs and the address is right"
        )
        return exits.UNAVAILABLE
    try:
        return await _run_roles(config, store, stop, ready or asyncio.Event(), now, look_up)
    finally:
        await store.close()


async def _open(config: Config, stop: asyncio.Event) -> Store | None:
    """Migrate and open the store, with some patience for a database that is just starting."""
    for attempt in range(STORE_TRIES):
        try:
            await migrate(config.database_url)
            return await open_store(config.database_url, config.secret_keys)
        except (DBAPIError, OSError) as failed:
            # The kind only: a driver's words may quote the address with its password.
            _log.warning("store: it cannot be opened (%s)", type(failed).__name__)
            await wait_for_any((stop,), 2**attempt)
            if stop.is_set():
                return None
    return None


async def _run_roles(
    config: Config,
    store: Store,
    stop: asyncio.Event,
    ready: asyncio.Event,
    now: Callable[[], datetime],
    look_up: LookUp | None,
) -> int:
    shelf = Shelf(
        parse_catalogue(CATALOGUE.read_text("utf-8")), config.gateway_domains, config.default_country
    )
    async with store.read() as session:
        await shelf.refresh(session)
    has_relay, has_discord = Role.RELAY in config.roles, Role.DISCORD in config.roles
    relay_role = RelayRole(config, store, shelf, now) if has_relay else None
    relay_wake = relay_role.relay.wake if relay_role else asyncio.Event()
    desk = Desk(
        store,
        Rules(config.limits, config.text_expires, shelf),
        config.default_country,
        config.abuse_contact,
        now,
        relay_wake,
        asyncio.Event(),
        set(config.carrier_editors),
    )
    turn = TellerTurn(store)
    discord_role = DiscordRole(config, desk, turn.ours) if has_discord else None
    if relay_role:
        desk.recall = relay_role.relay.recall
    if relay_role and discord_role:
        relay_role.relay.moved = discord_role.teller.wake
    bells = {Bell.OUTBOX: relay_wake, Bell.NOTICES: desk.notices_wake}
    listener = None if store.is_sqlite else Listener(store, bells)
    editors = desk.editors_beside_owners
    nights = None
    if look_up and has_relay:
        chance = random.SystemRandom().random()
        nights = DomainNights(store, shelf, look_up, now, chance, stop, editors=editors)
    try:
        counting = partial(count_use, store, shelf)
        watch = CarrierWatch(store, shelf, editors, now, stop)
        parts = _Parts(store, relay_role, discord_role, listener, counting, nights, watch)
        return await _run_together(parts, stop, ready)
    finally:
        await turn.release()


@dataclass(frozen=True, slots=True)
class _Parts:
    """What runs side by side."""

    store: Store
    relay: RelayRole | None
    discord: DiscordRole | None
    listener: Listener | None
    counting: Callable[[], Awaitable[float]]
    nights: DomainNights | None
    watch: CarrierWatch


async def _run_together(parts: _Parts, stop: asyncio.Event, ready: asyncio.Event) -> int:
    alone = FileLock("discord")
    if parts.relay and not await _got(parts.relay.take_lock, stop):
        _log.critical("store: another bot already works on this file; stop it first, or use PostgreSQL")
        return exits.UNAVAILABLE
    # On PostgreSQL several may answer: discord.py's sharding splits the guilds among them.
    if parts.discord and parts.store.is_sqlite and not await _got(partial(alone.take, parts.store), stop):
        _log.critical(
            "store: another bot already answers Discord from this file; stop it first, or use PostgreSQL"
        )
        return exits.UNAVAILABLE
    try:
        async with asyncio.TaskGroup() as tasks:
            if parts.relay:
                tasks.create_task(parts.relay.run(stop), name="relay")
            if parts.listener:
                listen = partial(parts.listener.listen, stop)
                tasks.create_task(repeat("bell", listen, asyncio.Event(), stop), name="bell")
            if parts.discord:
                counting = repeat("use of carriers", parts.counting, asyncio.Event(), stop)
                tasks.create_task(counting, name="use of carriers")
                watching = repeat("carriers", parts.watch.one_pass, asyncio.Event(), stop)
                tasks.create_task(watching, name="carriers")
            if parts.nights:
                look = repeat("domains", parts.nights.one_pass, parts.nights.wake, stop)
                tasks.create_task(look, name="domains")
            code = tasks.create_task(_discord_or_wait(parts.discord, stop, ready), name="discord")
        return code.result()
    finally:
        await alone.release()


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
