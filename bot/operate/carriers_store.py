"""Open the store and the list of carriers for a command that is run beside the bot."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from bot.config import load_one
from bot.db.crypto import WrongKey
from bot.db.migrate import NoSchema, SchemaTooNew, migrate
from bot.db.store import Store, open_store
from bot.domain.catalogue_file import Catalogue, parse_catalogue
from bot.domain.errors import UserError
from bot.operate.doctor_store import path_of
from bot.services.shelf import Shelf

_NO_STORE = "DATABASE_URL: there is no store there; check the address. `run` makes one."
_CATALOGUE = Path(__file__).parents[1] / "carriers.toml"


class Away(Exception):
    """The store cannot be reached."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The store, and the list as it is now."""

    store: Store
    shelf: Shelf


def say_away() -> None:
    """Tell the operator that the store cannot be reached."""
    print(
        "DATABASE_URL: the store cannot be reached; check that it is up and may be written", file=sys.stderr
    )


def shipped() -> Catalogue:
    """Read the list that ships."""
    return parse_catalogue(_CATALOGUE.read_text("utf-8"))


@asynccontextmanager
async def opened(*, must_exist: bool = False) -> AsyncIterator[Opened]:
    """Open both; raises ConfigError, UserError or Away. A store may have to be there already."""
    url, keys, domains = (load_one(name) for name in ("DATABASE_URL", "SECRET_KEY", "GATEWAY_DOMAINS"))
    home = load_one("DEFAULT_COUNTRY")
    if must_exist and (file := path_of(url)) is not None and not file.is_file():
        raise UserError(_NO_STORE)
    try:
        await migrate(url, begins=not must_exist)
        store = await open_store(url, keys, seals=False)
    except NoSchema:
        raise UserError(_NO_STORE) from None
    except SchemaTooNew:
        raise UserError("The store was written by a newer version: update this checkout first.") from None
    except WrongKey:
        raise UserError("SECRET_KEY: it does not open this store; set the key it was made with.") from None
    except (DBAPIError, OSError):  # the driver's words may quote the address with its password
        raise Away from None
    try:
        shelf = Shelf(shipped(), domains or frozenset(), home)
        async with store.read() as session:
            await shelf.refresh(session)
        yield Opened(store, shelf)
    finally:
        await store.close()
