"""Build every part once and run the chosen roles until told to stop."""

import asyncio
import contextlib
import logging
import random
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from bot import exits
from bot.config import Config, Role
from bot.db.bell import Bell, Listener
from bot.db.crypto import WrongKey
from bot.db.migrate import SchemaTooNew, migrate
from bot.db.store import Store, open_store
from bot.db.teller_turn import TellerTurn
from bot.discord_role import DiscordRole
from bot.domain.catalogue_file import parse_catalogue
from bot.domain.render import Footer, footer
from bot.inbox_role import InboxRole, make_inbox, returns_of
from bot.loop import wait_for_any
from bot.relay_role import RelayRole
from bot.services.carrier_watch import CarrierWatch
from bot.services.day_watch import DayWatch
from bot.services.desk import Desk
from bot.services.domain_check import LookUp
from bot.services.domain_nights import DomainNights
from bot.services.shelf import Shelf
from bot.services.texting import Rules
from bot.services.use_counts import count_use
from bot.together import Parts, run_together

_log = logging.getLogger(__name__)
CATALOGUE = Path(__file__).with_name("carriers.toml")
STORE_TRIES = 5


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
    returns = returns_of(config, store)
    relay_role = RelayRole(config, store, shelf, now, returns) if has_relay else None
    relay_wake = relay_role.relay.wake if relay_role else asyncio.Event()
    desk = _make_desk(config, store, shelf, now, relay_wake)
    inbox_role = make_inbox(config, store, shelf, lambda: desk.contact, now)
    turn = TellerTurn(store)
    discord_role = DiscordRole(config, desk, turn.ours) if has_discord else None
    _connect(desk, relay_role, inbox_role, discord_role)
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
        days = DayWatch(store, lambda: desk.guild_ids, desk.guilds_moved, now, stop)
        parts = Parts(store, relay_role, inbox_role, discord_role, listener, counting, nights, watch, days)
        return await run_together(parts, stop, ready)
    finally:
        await turn.release()


def _make_desk(
    config: Config, store: Store, shelf: Shelf, now: Callable[[], datetime], relay_wake: asyncio.Event
) -> Desk:
    def first_words() -> Footer | None:
        return footer(desk.contact, has_inbox=config.imap is not None)

    desk = Desk(
        store,
        Rules(config.limits, config.text_expires, shelf, first_words, config.imap is not None),
        config.default_country,
        config.abuse_contact,
        now,
        relay_wake,
        asyncio.Event(),
        set(config.carrier_editors),
    )
    return desk


def _connect(
    desk: Desk, relay_role: RelayRole | None, inbox_role: InboxRole | None, discord_role: DiscordRole | None
) -> None:
    """Let the roles of one process wake each other; those of others hear it from the store."""
    if relay_role:
        desk.recall = relay_role.relay.recall
    if relay_role and discord_role:
        relay_role.relay.moved = discord_role.teller.wake
    if inbox_role and relay_role:
        inbox_role.inbox.recall = relay_role.relay.recall
    if inbox_role and discord_role:
        inbox_role.inbox.moved = discord_role.teller.wake
