"""Hold the one thing that says a process does its job, for as long as it lives."""

import asyncio
import sqlite3

from sqlalchemy.engine import make_url

from bot.db.engines import create_private
from bot.db.leases import RELAY_LOCK_CLASS
from bot.db.session_lock import SessionLock
from bot.db.store import Store


class AlreadyRunning(Exception):
    """Another process does this job on this SQLite file."""


class FileLock:
    """One job on one SQLite file, held until release() or until the process dies."""

    def __init__(self, job: str) -> None:
        self._job = job
        self._file: sqlite3.Connection | None = None

    async def take(self, store: Store) -> None:
        """Hold it; raises AlreadyRunning. A store in memory has no second process."""
        path = make_url(str(store.engine.url)).database
        if path and path != ":memory:":
            self._file = await asyncio.to_thread(_lock_beside, f"{path}.{self._job}")

    async def release(self) -> None:
        """Let go."""
        if self._file is not None:
            await asyncio.to_thread(self._file.close)
            self._file = None


class RelayLock:
    """A lock that the operating system or PostgreSQL lets go of when the process dies."""

    def __init__(self) -> None:
        self._file = FileLock("relay")
        self._session = SessionLock(RELAY_LOCK_CLASS)
        self._alone = False  # a SQLite file is ours until release()

    async def take(self, store: Store, owner: int) -> None:
        """Hold it until release(); raises AlreadyRunning, or what the database does: then it is not held."""
        if not store.is_sqlite:
            await self._session.take(store, owner, wait=True)
            return
        await self._file.take(store)
        self._alone = True

    async def held(self) -> bool:
        """Tell whether the lock still stands (a PostgreSQL session may have been cut)."""
        return self._alone or await self._session.held()

    async def release(self) -> None:
        """Let go."""
        self._alone = False
        await self._file.release()
        await self._session.release()


def _lock_beside(beside: str) -> sqlite3.Connection:
    # SQLite's own file lock works on every system that the store works on.
    create_private(beside)
    connection = sqlite3.connect(beside, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        connection.close()
        raise AlreadyRunning from None
    return connection
