"""What tests of SQLite alone use."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.db.store import Store, open_store
from tests.db.stores import KEY, sqlite_url


@pytest.fixture
def migrated_sqlite_path(tmp_path: Path, migrated_file: Path) -> Path:
    """Copy the migrated SQLite file."""
    path = tmp_path / "store.db"
    shutil.copyfile(migrated_file, path)
    return path


@pytest.fixture
async def migrated_sqlite(migrated_sqlite_path: Path) -> AsyncIterator[Store]:
    """Open a store that is a SQLite file."""
    opened = await open_store(sqlite_url(migrated_sqlite_path), [KEY])
    yield opened
    await opened.close()
