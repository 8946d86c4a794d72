"""Build every part once and run the chosen roles until told to stop."""

import asyncio
import contextlib
import logging
import random
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from bot import exits
from bot.config import Config, Role
from bot.db.crypto import WrongKey
from bot.db.migrate import SchemaTooNew, migrate
from bot.db.relay_lock import AlreadyRunning, RelayLock
from bot.db.store import Store, open_store
from bot.db.teller_turn import TellerTurn
from bot.discord_role import DiscordRole
from bot.domain.catalogue_file import parse_catalogue
from bot.domain.outcome import Reply
from bot.loop import repeat, wait_for_any
from bot.mail.render import render
from bot.mail.smtp import Road
from bot.services.delivery import Ports, Relay
from bot.services.desk import Desk
from bot.services.permit import Sendable
from bot.services.shelf import Shelf
from bot.services.texting import Rules

_log = logging.getLogger(__name__)
CATALOGUE = Path(__file__).with_name("carriers.toml")
STORE_TRIES = 5
LOCK_WAIT_S = 10
# SIGTERM: out within 4 s, or 8 s where a mail waits for the reply to its final dot.
BEFORE_DOT_S, AFTER_DOT_S = 2.0, 6.0


def utc_now() -> datetime:
    """Read the clock: the one place outside tests."""
    return datetime.now(UTC)


async def run(
    config: Config,
    *,
    stop: asyncio.Event | None = None,
    ready: asyncio.Event | None = None,
    now: Callable[[], datetime] = utc_now,
) -> int:
    """Run until `stop` (SIGTERM and SIGINT where none is given); returns the exit code."""
    if stop is None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError):
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
        return await _run_roles(config, store, stop, ready or asyncio.Event(), now)
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
    config: Config, store: Store, stop: asyncio.Event, ready: asyncio.Event, now: Callable[[], datetime]
) -> int:
    shelf = Shelf(
        parse_catalogue(CATALOGUE.read_text("utf-8")), config.gateway_domains, config.default_country
    )
    async with store.read() as session:
        await shelf.refresh(session)
    has_relay, has_discord = Role.RELAY in config.roles, Role.DISCORD in config.roles
    relay_role = _RelayRole(config, store, shelf, now) if has_relay else None
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
    if relay_role and discord_role:
        relay_role.relay.moved = discord_role.teller.wake
    try:
        return await _run_together(relay_role, discord_role, stop, ready)
    finally:
        await turn.release()


async def _run_together(
    relay_role: "_RelayRole | None",
    discord_role: DiscordRole | None,
    stop: asyncio.Event,
    ready: asyncio.Event,
) -> int:
    if relay_role and not await relay_role.take_lock(stop):
        _log.critical("store: another bot already works on this file; stop it first, or use PostgreSQL")
        return exits.UNAVAILABLE
    async with asyncio.TaskGroup() as tasks:
        if relay_role:
            tasks.create_task(relay_role.run(stop), name="relay")
        code = tasks.create_task(_discord_or_wait(discord_role, stop, ready), name="discord")
    return code.result()


async def _discord_or_wait(role: DiscordRole | None, stop: asyncio.Event, ready: asyncio.Event) -> int:
    if role is not None:
        return await role.run(stop, ready)
    ready.set()
    await stop.wait()
    return exits.OK


class _RelayRole:
    """The relay with its lock and its road."""

    def __init__(self, config: Config, store: Store, shelf: Shelf, now: Callable[[], datetime]) -> None:
        self._store, self._lock, self._now = store, RelayLock(), now
        self._sender = config.smtp.sender
        self._road = Road(config.smtp, lambda: shelf.domains)
        # Leases are told apart by owner; PostgreSQL's advisory locks take 32 bits.
        self._owner = random.SystemRandom().randrange(1, 2**31)
        ports = Ports(self._send, self._road.probe, now, random.random)
        self.relay = Relay(store, shelf, ports, self._owner, config.smtp.connections)

    async def _send(self, item: Sendable) -> Reply:
        return await self._road.send(
            render(self._sender, item.address, item.words, item.mail_id, self._now())
        )

    async def take_lock(self, stop: asyncio.Event) -> bool:
        """Take the lock that says we are alive; False where another relay on this file keeps it."""
        for _ in range(LOCK_WAIT_S):
            try:
                await self._lock.take(self._store, self._owner)
            except AlreadyRunning:
                # A bot that is just shutting down lets go within seconds.
                await wait_for_any((stop,), 1)
            else:
                return True
        return False

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop, then let what is on the wire end."""
        # Beside the passes, since one of them may be waiting for a mail server that says nothing.
        closing = asyncio.create_task(self._close_when(stop), name="road")
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
            await self._lock.release()
            await self._lock.take(self._store, self._owner)
        return await self.relay.one_pass()
