"""Give tests real stores: whoever asks for `store` runs on a SQLite file and on a PostgreSQL server."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from cryptography.fernet import Fernet
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.db.base import Base
from bot.db.crypto import Vault
from bot.db.migrate import migrate
from bot.db.store import Store, open_store
from tests import leaks
from tests.conftest import telling
from tests.peers.postgres import Postgres

KEY = Fernet.generate_key().decode()
leaks.KEYS.add(KEY)


def sqlite_url(path: Path) -> str:
    """Write the address of a SQLite file."""
    return f"sqlite+aiosqlite:///{path}"


def psycopg_url(url: str) -> str:
    """Turn an address into the form that psycopg itself reads."""
    return url.replace("+psycopg", "")


@dataclass(frozen=True, slots=True)
class Shared:
    """One migrated database for the whole run; its engine keeps what it compiled from test to test."""

    url: str
    engine: AsyncEngine
    vault: Vault


def shared(url: str) -> Shared:
    """Migrate a database and make its subkeys."""

    async def prepare() -> Shared:
        await migrate(url)
        store = await open_store(url, [KEY])
        await store.close()
        return Shared(url, store.engine, store.vault)

    return asyncio.run(prepare())


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate one SQLite file for the whole run; tests get copies."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    asyncio.run(migrate(sqlite_url(path)))
    return path


@pytest.fixture(scope="session")
def shared_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """Share one SQLite file; it is emptied before each test."""
    return shared(sqlite_url(tmp_path_factory.mktemp("shared") / "store.db"))


@pytest.fixture(scope="session")
def shared_postgresql(postgres: Postgres) -> Iterator[Shared]:
    """Share one PostgreSQL database; it is emptied before each test."""
    url = postgres.create_database()
    yield shared(url)
    postgres.drop_database(url)


@pytest.fixture(scope="session")
def migrated_postgres(postgres: Postgres) -> Iterator[str]:
    """Migrate one PostgreSQL database for the whole run; whoever uses it empties it first."""
    url = postgres.create_database()
    asyncio.run(migrate(url))
    yield url
    postgres.drop_database(url)


def empty_tables(url: str, keep: str = "") -> None:
    """Delete every row, save of one table; fails where a test left a transaction open."""
    tables = [table.name for table in reversed(Base.metadata.sorted_tables) if table.name != keep]
    if keep == "wrapped_keys":
        # Another test may have sealed with a key that this one does not have.
        tables.append("wrapped_keys WHERE name LIKE 'probe %'")
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.partition("///")[2], timeout=5)) as file, file:
            for table in tables:
                file.execute(f"DELETE FROM {table}")
        return
    with psycopg.connect(psycopg_url(url), autocommit=True) as connection:
        connection.execute("SET lock_timeout = '5s'")
        connection.execute("; ".join(f"DELETE FROM {table}" for table in tables))


BOTH = ("sqlite", pytest.param("postgresql", marks=pytest.mark.peer))
# For rules that are the same on both and take long: a plain run sees them on SQLite.
sqlite_first = pytest.mark.parametrize("shared_store", telling(BOTH, 1), indirect=True)


@pytest.fixture(params=BOTH)
def shared_store(request: pytest.FixtureRequest) -> Shared:
    """Empty the one database, then the other."""
    found: Shared = request.getfixturevalue(f"shared_{request.param}")
    empty_tables(found.url, keep="wrapped_keys")
    return found


@pytest.fixture
def store_url(shared_store: Shared) -> str:
    """Give the address of a migrated database without rows."""
    return shared_store.url


@pytest.fixture(params=BOTH)
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the address of a database without any table."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "bare.db")
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
async def store(shared_store: Shared) -> AsyncIterator[Store]:
    """Give a migrated store without rows."""
    opened = Store(shared_store.engine, shared_store.vault)
    yield opened
    await opened.close()
    if shared_store.url.startswith("sqlite"):
        path = Path(shared_store.url.partition("///")[2])
        assert leaks.found_in(path.parent.glob(f"{path.name}*")) == []
