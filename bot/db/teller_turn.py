"""Let one Discord process at a time tell what is due."""

from bot.db.session_lock import SessionLock
from bot.db.store import Store

# Any numbers will do, as long as every process uses the same.
_LOCK_CLASS, _LOCK_KEY = 7_284_003, 1


class TellerTurn:
    """Whose turn it is to tell: on SQLite ours, on PostgreSQL that of whoever came first and still lives."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = SessionLock(_LOCK_CLASS)

    async def ours(self) -> bool:
        """Tell whether it is our turn, and take it where it is free."""
        if self._store.is_sqlite or await self._lock.held():
            return True
        return await self._lock.take(self._store, _LOCK_KEY, wait=False)

    async def release(self) -> None:
        """Give the turn to others."""
        await self._lock.release()
