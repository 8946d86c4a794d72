"""Hold a PostgreSQL advisory lock that goes when its connection does."""

import contextlib

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.db.store import Store


class SessionLock:
    """One advisory lock on a connection of its own; never believed to be held unless the database said so."""

    def __init__(self, lock_class: int) -> None:
        self._class = lock_class
        self._connection: AsyncConnection | None = None
        self._held = False

    async def take(self, store: Store, key: int, *, wait: bool) -> bool:
        """Take the lock; False where another has it and we may not wait. Raises what the database raises."""
        await self.release()
        function = "pg_advisory_lock" if wait else "pg_try_advisory_lock"
        connection = await store.engine.connect()
        try:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            query = text(f"SELECT {function}(:class, :key)")
            answer = await connection.scalar(query, {"class": self._class, "key": key})
        except BaseException:
            await _drop(connection)
            raise
        if not wait and not answer:
            await connection.close()
            return False
        self._connection, self._held = connection, True
        return True

    async def held(self) -> bool:
        """Tell whether the lock still stands; once lost it stays lost until take()."""
        if self._connection is None or not self._held:
            return False
        try:
            await self._connection.execute(text("SELECT 1"))
        except (SQLAlchemyError, OSError):
            # The connection would come back by itself, without the lock.
            self._held = False
        return self._held

    async def release(self) -> None:
        """Let go."""
        connection, self._connection, self._held = self._connection, None, False
        if connection is not None:
            await _drop(connection)


async def _drop(connection: AsyncConnection) -> None:
    # A pooled connection would keep the lock: close it for good. A broken one has let go already.
    with contextlib.suppress(SQLAlchemyError, OSError):
        await connection.invalidate()
    with contextlib.suppress(SQLAlchemyError, OSError):
        await connection.close()
