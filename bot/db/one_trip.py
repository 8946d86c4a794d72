"""Reach SQLite's thread once for each statement: the driver alone goes there four times for every query."""

import asyncio
import sqlite3
from collections.abc import Sequence
from typing import Any

from aiosqlite import Connection

_Ran = tuple[Any, list[Any], int, int | None]
ROWS_AT_ONCE = 64


def connect(database: str, **options: Any) -> Connection:
    """Make a connection for create_async_engine(async_creator=...), still to be awaited."""
    connection = _Connection(lambda: sqlite3.connect(database, **options), ROWS_AT_ONCE)
    # A thread that hangs in the file system must not keep the program from ending.
    connection._thread.daemon = True  # noqa: SLF001 - SQLAlchemy's own connector does the same
    return connection


class _Connection(Connection):
    """aiosqlite's connection with cursors of our own."""

    def cursor(self) -> "_Cursor":  # type: ignore[override]
        """Return a cursor; it exists in SQLite's thread only while a statement runs."""
        return _Cursor(self)

    _settled = True  # nothing that was begun may still run in SQLite's thread

    async def run(self, sql: str, values: Any, *, many: bool) -> _Ran:
        """Run a statement to its end and bring back everything that it said."""
        try:
            # aiosqlite leaves its own _execute without types.
            ran: _Ran = await self._execute(_run, self._conn, sql, values, many)  # type: ignore[no-untyped-call]
        except asyncio.CancelledError:
            self._settled = False
            raise
        return ran

    async def rollback(self) -> None:
        """Undo the transaction; where none is open there is no need to go to SQLite's thread."""
        if self._settled and not self._conn.in_transaction:
            return
        await super().rollback()
        self._settled = True


def _run(connection: sqlite3.Connection, sql: str, values: Any, many: bool) -> _Ran:
    cursor = connection.cursor()
    try:
        if many:
            cursor.executemany(sql, values)
        else:
            cursor.execute(sql, values)
        found = cursor.fetchall() if cursor.description else []
        return cursor.description, found, cursor.rowcount, cursor.lastrowid
    finally:
        cursor.close()


class _Cursor:
    """What SQLAlchemy asks of an asynchronous cursor; nothing but a statement needs SQLite's thread."""

    __slots__ = ("_connection", "_found", "arraysize", "description", "lastrowid", "rowcount")

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self._found: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> "_Cursor":
        return self

    async def execute(self, sql: str, values: Any = ()) -> None:
        await self._run(sql, values, many=False)

    async def executemany(self, sql: str, values: Sequence[Any]) -> None:
        await self._run(sql, values, many=True)

    async def _run(self, sql: str, values: Any, *, many: bool) -> None:
        ran = await self._connection.run(sql, values, many=many)
        self.description, self._found, self.rowcount, self.lastrowid = ran

    async def fetchall(self) -> list[Any]:
        found, self._found = self._found, []
        return found

    async def close(self) -> None:
        self._found = []
