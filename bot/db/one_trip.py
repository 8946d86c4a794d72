"""Reach SQLite's thread once for a statement, or once for a whole transaction; the driver goes four times."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from aiosqlite import Connection
from sqlalchemy.exc import DBAPIError

_Ran = tuple[Any, list[Any], int, int | None]
ROWS_AT_ONCE = 64
T = TypeVar("T")


class NeedsLoop(Exception):
    """What was to run in SQLite's thread waits for something that only the event loop brings."""


async def on_the_loop() -> None:
    """Go on only on the event loop: a trip ends here, and what it was for is done from the loop."""
    await asyncio.sleep(0)


def connect(database: str, **options: Any) -> Connection:
    """Make a connection for create_async_engine(async_creator=...), still to be awaited."""
    connection = TripConnection(lambda: sqlite3.connect(database, **options), ROWS_AT_ONCE)
    # A thread that hangs in the file system must not keep the program from ending.
    connection._thread.daemon = True  # noqa: SLF001 - SQLAlchemy's own connector does the same
    return connection


class TripConnection(Connection):
    """aiosqlite's connection with cursors of our own."""

    def cursor(self) -> "_Cursor":  # type: ignore[override]  # aiosqlite gives an awaitable
        """Return a cursor; it exists in SQLite's thread only while a statement runs."""
        return _Cursor(self)

    _settled = True  # nothing that was begun may still run in SQLite's thread

    async def _execute(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        if self.is_here:
            return fn(*args, **kwargs)
        done: T = await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]  # aiosqlite says no types
        return done

    @property
    def is_here(self) -> bool:
        """Tell whether whoever asks is on a trip: in SQLite's thread."""
        return threading.get_ident() == self._thread.ident

    async def trip(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end in SQLite's thread, where all that it awaits is this connection.

        Raises NeedsLoop where it waits for anything else; it has ended then, too. Who is cancelled meanwhile,
        however often, still waits for its end: nobody else may use the connection, or its session, before.
        """
        under_way: asyncio.Future[T] = asyncio.ensure_future(self._execute(_to_its_end, work))
        cancelled: asyncio.CancelledError | None = None
        while not under_way.done():
            try:
                await asyncio.wait([under_way])
            except asyncio.CancelledError as told:
                cancelled = told
        if cancelled is None:
            return under_way.result()
        if not under_way.cancelled():
            under_way.exception()  # nobody is left to hear of it
        raise cancelled

    def run_here(self, words: str, values: Any = ()) -> list[Any]:
        """Run a statement on a trip, past SQLAlchemy, and return its rows; a list of values runs it for each.

        Raises SQLAlchemy's DBAPIError, as it would; no value stands in it.
        """
        try:
            return _run(self._conn, words, values, isinstance(values, list))[1]
        except sqlite3.Error as failed:
            raise DBAPIError.instance(words, None, failed, sqlite3.Error, hide_parameters=True) from failed

    async def run(self, sql: str, values: Any, *, many: bool) -> _Ran:
        """Run a statement to its end and bring back everything that it said."""
        try:
            ran = await self._execute(_run, self._conn, sql, values, many)
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


def _to_its_end(work: Coroutine[Any, Any, T]) -> T:
    try:
        work.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]  # StopIteration has no type for it
    except (RuntimeError, AttributeError) as failed:
        # Most of asyncio misses the event loop before it waits. If it was a bug, it is found there again.
        raise NeedsLoop from failed
    work.close()
    raise NeedsLoop


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

    def __init__(self, connection: TripConnection) -> None:
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
