"""Fill a store with registrations in bulk, and with texts that wait."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, create_engine, event, insert

from benchmarks.house import GUILD_ID, gateways, open_house, production_config, request
from bot.app import utc_now
from bot.db.crypto import Vault
from bot.db.tables import OptIn, Registration
from bot.domain.catalogue import Form
from bot.domain.consent import EVERYONE

BATCH = 10_000
TEXTS_AT_ONCE = 500
GATEWAYS = 6
FIRST_PERSON = 100_000_000_000_000_000
SENDERS = 500
FIRST_SENDER = 300_000_000_000_000_000
# 0xx and 1xx never stand behind an area code, so these numbers can be nobody's.
NUMBERS_AN_AREA = 2_000_000
CACHE_KIB = 1_000_000


def person(place: int) -> int:
    """Return the Discord id of the person registered at this place."""
    return FIRST_PERSON + place * 4_194_304


def sender(place: int) -> int:
    """Return the Discord id of one of the people who write."""
    return FIRST_SENDER + place % SENDERS


def drawn(registrations: int, most: int) -> list[int]:
    """Return the ids of this many recipients, spread evenly over all who are registered."""
    some = min(most, registrations)
    return [person(place * registrations // some) for place in range(some)]


def targets(recipients: Sequence[int], texts: int, favourite_share: float, rng: random.Random) -> list[int]:
    """Say whom each text goes to: everybody in turn, but one person gets this share."""
    order = list(recipients)
    rng.shuffle(order)
    return [
        order[0] if rng.random() < favourite_share else order[number % len(order)] for number in range(texts)
    ]


async def fill(
    url: str,
    key: str,
    registrations: int,
    people: Sequence[int] = (),
    guild: int = GUILD_ID,
    first_place: int = 0,
) -> None:
    """Register so many people, or these; everybody in the guild may text them."""
    async with open_house(production_config(url, key)) as house:
        vault = house.store.vault
    ids = people or [person(place) for place in range(registrations)]
    engine = create_engine(url.replace("+aiosqlite", ""))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _hasten)
    with engine.begin() as connection:
        rows = zip(ids, _registrations(vault, ids, first_place), strict=True)
        while batch := list(islice(rows, BATCH)):
            _write(connection, batch, guild)
    engine.dispose()


def _hasten(connection: Any, _entry: object) -> None:
    # Only while nothing but the benchmark works on this store.
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")


def _write(connection: Connection, batch: Sequence[tuple[int, dict[str, Any]]], guild: int) -> None:
    now = utc_now()
    connection.execute(insert(Registration), [row for _, row in batch])
    opt_ins = [{"person_id": who, "guild_id": guild, "audience": EVERYONE, "at": now} for who, _ in batch]
    connection.execute(insert(OptIn), opt_ins)


def _registrations(vault: Vault, people: Sequence[int], first_place: int) -> Iterator[dict[str, Any]]:
    now, lanes = utc_now(), gateways(GATEWAYS)
    for place, who in enumerate(people, first_place):
        area, line = divmod(place, NUMBERS_AN_AREA)
        number = f"+1{206 + area}{line:07}"
        carrier, domain = lanes[place % len(lanes)]
        yield {
            "id": place + 1,
            "version": 1,
            "person_id": who,
            "number_sealed": vault.seal(number),
            "number_index": vault.number_index(number),
            "country": "US",
            "carrier": carrier,
            "carrier_guild": 0,
            "domain": domain,
            "form": Form.NATIONAL,
            "prefix": "",
            "state": "active",
            "paused_until": None,
            "verified_at": now,
            "sign_at": now,
        }


async def add_backlog(
    url: str, key: str, recipients: Sequence[int], texts: int, favourite_share: float
) -> None:
    """Have texts accepted that then wait: numbers 1 to `texts`."""
    to = targets(recipients, texts, favourite_share, random.Random(texts))
    async with open_house(production_config(url, key)) as house:
        for first in range(0, texts, TEXTS_AT_ONCE):
            some = enumerate(to[first : first + TEXTS_AT_ONCE], first + 1)
            waiting = (house.accept(request(n, who, sender(n), answered=False)) for n, who in some)
            await asyncio.gather(*waiting)
