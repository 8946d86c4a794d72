"""Hold the one thing that says a relay process is alive."""

import asyncio
import sqlite3

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.db.leases import RELAY_LOCK_CLASS
from bot.db.store import Store


class AlreadyRunning(Exception):
    """Another relay works on this SQLite file."""


class RelayLock:
    """A lock that the operating system or PostgreSQL lets go of when the process dies."""

    def __init__(self) -> None:
        self._file: sqlite3.Connection | None = None
        self._session: AsyncConnection | None = None

    async def take(self, store: Store, owner: int) -> None:
        """Hold it until release(); raises AlreadyRunning."""
        if store.is_sqlite:
            path = make_url(str(store.engine.url)).database
            if path and path != ":memory:":
                self._file = await asyncio.to_thread(_lock_beside, path)
            return
        connection = await store.engine.connect()
        self._session = await connection.execution_options(isolation_level="AUTOCOMMIT")
        query = text("SELECT pg_advisory_lock(:class, :owner)")
        await self._session.execute(query, {"class": RELAY_LOCK_CLASS, "owner": owner})

    async def held(self) -> bool:
        """Tell whether the lock still stands (a PostgreSQL session may have been cut)."""
        if self._session is None:
            return True
        try:
            await self._session.execute(text("SELECT 1"))
        except (SQLAlchemyError, OSError):
            return False
        return True

    async def release(self) -> None:
        """Let go."""
        if self._file is not None:
            await asyncio.to_thread(self._file.close)
            self._file = None
        if self._session is not None:
            # A pooled connection would keep the lock: close it for good.
            await self._session.invalidate()
            await self._session.close()
            self._session = None


def _lock_beside(path: str) -> sqlite3.Connection:
    # SQLite's own file lock works on every system that the store works on.
    connection = sqlite3.connect(f"{path}.relay", timeout=0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        connection.close()
        raise AlreadyRunning from None
    return connection
