"""The fixtures of tests that go through the real bot."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.db.stores import empty_tables, sqlite_url
from tests.flow.town import Town


@pytest.fixture
def store_url(migrated_file: Path, tmp_path: Path) -> str:
    """Give the address of a SQLite store of one test's own."""
    path = tmp_path / "town.db"
    shutil.copyfile(migrated_file, path)
    return sqlite_url(path)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer)])
def any_store_url(request: pytest.FixtureRequest) -> str:
    """Give one store after the other: SQLite, PostgreSQL."""
    if request.param == "sqlite":
        own: str = request.getfixturevalue("store_url")
        return own
    url: str = request.getfixturevalue("migrated_postgres")
    empty_tables(url)
    return url


@pytest.fixture
async def town(store_url: str) -> AsyncIterator[Town]:
    """Run a town on SQLite."""
    async with Town(store_url) as running:
        yield running


@pytest.fixture
async def any_town(any_store_url: str) -> AsyncIterator[Town]:
    """Run a town on each of the databases."""
    async with Town(any_store_url) as running:
        yield running
