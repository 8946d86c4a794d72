"""Give tests real stores: whoever asks for `store` runs on a SQLite file and on a PostgreSQL server."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from cryptography.fernet import Fernet

from bot.db.migrate import migrate
from bot.db.store import Store, open_store
from bot.db.tables import Base
from tests.peers.postgres import Postgres

KEY = Fernet.generate_key().decode()


def sqlite_url(path: Path) -> str:
    """Write the address of a SQLite file."""
    return f"sqlite+aiosqlite:///{path}"


def psycopg_url(url: str) -> str:
    """Turn an address into the form that psycopg itself reads."""
    return url.replace("+psycopg", "")


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate one SQLite file for the whole run; tests get copies."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    asyncio.run(migrate(sqlite_url(path)))
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres: Postgres) -> Iterator[str]:
    """Migrate one PostgreSQL database for the whole run; it is emptied before each test."""
    url = postgres.create_database()
    asyncio.run(migrate(url))
    yield url
    postgres.drop_database(url)


def empty_tables(url: str) -> None:
    """Delete every row but the schema's revision; fails at once where a test left a transaction open."""
    tables = ", ".join(table.name for table in Base.metadata.sorted_tables)
    with psycopg.connect(psycopg_url(url), autocommit=True) as connection:
        connection.execute("SET lock_timeout = '5s'")
        connection.execute(f"TRUNCATE {tables} RESTART IDENTITY")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the address of a migrated database without rows."""
    if request.param == "sqlite":
        path = tmp_path / "store.db"
        shutil.copyfile(request.getfixturevalue("migrated_file"), path)
        return sqlite_url(path)
    url: str = request.getfixturevalue("migrated_postgres")
    empty_tables(url)
    return url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer)])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the address of a database without any table."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "bare.db")
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """Open a migrated store without rows."""
    opened = await open_store(store_url, [KEY])
    yield opened
    await opened.close()
