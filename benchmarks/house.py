"""Wire store, services' entry and relay as bot/app.py does; the one file here that knows how."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import create_engine

from bot.app import CATALOGUE, utc_now
from bot.config import Config, SmtpConfig
from bot.db.migrate import migrate
from bot.db.store import Store, open_store
from bot.domain.catalogue import Kind
from bot.domain.catalogue_file import parse_catalogue
from bot.domain.limits import Limits, Rate
from bot.domain.standing import OpenAnswer
from bot.loop import settle
from bot.relay_role import RelayRole
from bot.services.desk import Desk
from bot.services.shelf import Shelf
from bot.services.texting import Accepted, Request, Rules

SENDER = "textbridge@example.org"
GUILD_ID = 200_000_000_000_000_000
CONNECTIONS = 20
# Counted as in production, but never reached: what is measured is the counting.
_NEVER = Rate(9_000_000, timedelta(hours=1))
WIDE_LIMITS = Limits(_NEVER, _NEVER, _NEVER, _NEVER, _NEVER)
WIDE_LIMITS_WRITTEN = ",".join(f"{name}=9000000/h" for name in ("sender", "pair", "recipient", "guild"))
TOKEN_CHARS = 200  # about as long as Discord's
TOKEN_LIFE = timedelta(minutes=15)
# Drawn once: what is measured is what the bot does with a token, not the drawing of one.
_TOKEN_START = secrets.token_urlsafe(TOKEN_CHARS)
OPEN_STATES = "('held', 'queued', 'sending')"


def production_config(url: str, key: str, smtp: Mapping[str, Any] | None = None) -> Config:
    """Return the settings of a busy bot: encryption, limits and lanes on, no pace, 20 connections."""
    account: dict[str, Any] = {"port": 9, "security": "none", **(smtp or {})}
    return Config(
        discord_token="none",  # noqa: S106 - nobody logs in
        database_url=url,
        secret_keys=(key,),
        smtp=SmtpConfig(
            host="127.0.0.1", sender=SENDER, connections=CONNECTIONS, own_process=True, **account
        ),
        gateway_rate=0,
        limits=WIDE_LIMITS,
    )


def load_shelf() -> Shelf:
    """Return the catalogue that ships."""
    return Shelf(parse_catalogue(CATALOGUE.read_text("utf-8")), frozenset())


def gateways(most: int) -> list[tuple[str, str]]:
    """List (carrier, domain) of some American gateways that texts may go to today."""
    shelf, now = load_shelf(), utc_now()
    found: dict[str, str] = {}
    for listed in shelf.seen_in(None):
        carrier = listed.carrier
        if carrier.gateway is None or carrier.country != "US" or carrier.kind is not Kind.CARRIER:
            continue
        if shelf.carries(0, carrier.slug, carrier.gateway.domain, now):
            found.setdefault(carrier.gateway.domain, carrier.slug)
    return [(slug, domain) for domain, slug in found.items()][:most]


def request(number: int, recipient_id: int, sender_id: int, *, answered: bool = True) -> Request:
    """Write one /text; `number` becomes its interaction id."""
    answer = OpenAnswer(f"{number:x}{_TOKEN_START}"[:TOKEN_CHARS], utc_now() + TOKEN_LIFE)
    return Request(
        interaction_id=number,
        sender_id=sender_id,
        sender_handle="benchmark",
        recipient_id=recipient_id,
        recipient_is_member=True,
        recipient_is_bot=False,
        guild_id=GUILD_ID,
        guild_name="Home",
        words=f"dinner at 7, bring the long ladder ({number})",
        answer=answer if answered else None,
    )


class House:
    """An open store with the desk that commands come to, and a relay that can be let go."""

    def __init__(self, config: Config, store: Store) -> None:
        self.store, shelf = store, load_shelf()
        self._role = RelayRole(config, store, shelf, utc_now)
        self.moved = self._role.relay.moved = asyncio.Event()
        self.desk = Desk(
            store,
            Rules(config.limits, config.text_expires, shelf),
            config.default_country,
            config.abuse_contact,
            utc_now,
            self._role.relay.wake,
            asyncio.Event(),
        )
        self.desk.recall = self._role.relay.recall
        self._joined = "group_concat(id)" if store.is_sqlite else "string_agg(id::text, ',')"
        self._reader = create_engine(
            config.database_url.replace("+aiosqlite", ""), isolation_level="AUTOCOMMIT"
        ).connect()

    async def accept(self, wanted: Request) -> None:
        """Have a text accepted the way /text does; anything but acceptance is a bug of the benchmark."""
        result = await self.desk.accept(wanted)
        if not isinstance(result, Accepted):
            raise RuntimeError(f"a text was refused: {result}")

    def ended(self, ids: Sequence[int]) -> set[int]:
        """Tell which of these texts came to their end, by a look at the store beside the bot."""
        if not ids:
            return set()
        listed = ",".join(map(str, ids))
        # In one row: for each, the bot's thread and ours would pass Python's lock to and fro.
        ((found,),) = self._rows(f"id IN ({listed}) AND state NOT IN {OPEN_STATES}", self._joined)
        return set(map(int, found.split(","))) if found else set()

    def is_drained(self, below: int) -> bool:
        """Tell whether no text with an id below this one is open."""
        return not self._rows(f"state IN {OPEN_STATES} AND id < {below} LIMIT 1", "1")

    def handed_over(self) -> int:
        """Count the texts that the sink took."""
        return int(self._rows("state = 'accepted'", "count(*)")[0][0])

    def kept(self) -> int:
        """Count all texts."""
        return int(self._rows("1 = 1", "count(*)")[0][0])

    def _rows(self, where: str, what: str) -> Sequence[Any]:
        query = f"SELECT {what} FROM texts WHERE {where}"  # noqa: S608 - numbers and our own words only
        return self._reader.exec_driver_sql(query).all()

    @asynccontextmanager
    async def relaying(self) -> AsyncIterator[None]:
        """Let the relay work inside this block."""
        stop = asyncio.Event()
        await self._role.take_lock()
        relay = asyncio.create_task(self._role.run(stop), name="relay")
        try:
            yield
        finally:
            stop.set()
            await relay

    async def close(self) -> None:
        """Close the store, once every text that came is kept."""
        await self.desk.close()
        self._reader.close()
        self._reader.engine.dispose()
        await self.store.close()


@asynccontextmanager
async def open_house(config: Config) -> AsyncIterator[House]:
    """Migrate and open a store and everything around it."""
    settle()  # as `run` does
    await migrate(config.database_url)
    store = await open_store(config.database_url, config.secret_keys)
    house = House(config, store)
    try:
        async with store.read() as session:
            await house.desk.shelf.refresh(session)
        yield house
    finally:
        await house.close()
