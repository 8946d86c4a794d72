"""Hold the one thing that says a relay process is alive."""

import asyncio
import sqlite3

from sqlalchemy.engine import make_url

from bot.db.leases import RELAY_LOCK_CLASS
from bot.db.session_lock import SessionLock
from bot.db.store import Store, create_private


class AlreadyRunning(Exception):
    """Another relay works on this SQLite file."""


class RelayLock:
    """A lock that the operating system or PostgreSQL lets go of when the process dies."""

    def __init__(self) -> None:
        self._file: sqlite3.Connection | None = None
        self._session = SessionLock(RELAY_LOCK_CLASS)
        self._alone = False  # a SQLite file is ours until release()

    async def take(self, store: Store, owner: int) -> None:
        """Hold it until release(); raises AlreadyRunning, or what the database does: then it is not held."""
        if not store.is_sqlite:
            await self._session.take(store, owner, wait=True)
            return
        path = make_url(str(store.engine.url)).database
        if path and path != ":memory:":
            self._file = await asyncio.to_thread(_lock_beside, path)
        self._alone = True

    async def held(self) -> bool:
        """Tell whether the lock still stands (a PostgreSQL session may have been cut)."""
        return self._alone or await self._session.held()

    async def release(self) -> None:
        """Let go."""
        self._alone = False
        if self._file is not None:
            await asyncio.to_thread(self._file.close)
            self._file = None
        await self._session.release()


def _lock_beside(path: str) -> sqlite3.Connection:
    # SQLite's own file lock works on every system that the store works on.
    beside = f"{path}.relay"
    create_private(beside)
    connection = sqlite3.connect(beside, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        connection.close()
        raise AlreadyRunning from None
    return connection
