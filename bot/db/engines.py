"""Make the engine of a database: SQLite's pragmas and transactions, PostgreSQL's time limits."""

import os
from contextlib import suppress
from functools import partial
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from bot.db import one_trip

BUSY_TIMEOUT_MS = 5_000
# 32 MiB of journal: a page that many transactions touch goes to the database file once for all of them.
CHECKPOINT_PAGES = 8_192
# Of the file as each connection keeps it at hand: what many transactions touch is not read again by each.
CACHE_KIB = 32_768
_PRAGMAS = (
    f"busy_timeout = {BUSY_TIMEOUT_MS}",
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
    f"cache_size = -{CACHE_KIB}",
    # What is deleted must not stay readable in free pages.
    "secure_delete = ON",
)
POOL_CONNECTIONS = 5
POOL_WAIT_S = 30
POSTGRES_CONNECT_S = 10
POSTGRES_LOCK_WAIT = "10s"


def create_private(path: str) -> None:
    """Make a missing file that only we may read; SQLite gives the files beside it the same rights.

    One that is there is not even opened: to close it again would take away every lock that SQLite holds on it
    in this process (POSIX, fcntl).
    """
    # Where it cannot be made, opening it says so.
    with suppress(OSError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def make_engine(url: str | URL, writes_wait_ms: int | None = None) -> AsyncEngine:
    """Build the engine; parameters never appear in error texts (they hold numbers).

    With `writes_wait_ms` every transaction may write, and waits so long for another process (SQLite).
    """
    address = make_url(url)
    if address.get_backend_name() != "sqlite":
        return create_async_engine(
            url,
            hide_parameters=True,
            pool_size=POOL_CONNECTIONS,
            pool_timeout=POOL_WAIT_S,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": POSTGRES_CONNECT_S,
                "options": f"-c lock_timeout={POSTGRES_LOCK_WAIT}",
            },
        )
    if address.database and not address.database.startswith((":memory:", "file:")):
        create_private(address.database)
    where, options = address.get_dialect()().create_connect_args(address)
    engine = create_async_engine(
        url,
        async_creator=partial(one_trip.connect, *where, **options),
        hide_parameters=True,
        pool_size=POOL_CONNECTIONS,
        pool_timeout=POOL_WAIT_S,
    )
    writing = writes_wait_ms is not None
    event.listen(engine.sync_engine, "connect", partial(_prepare_sqlite, writes_wait_ms or BUSY_TIMEOUT_MS))
    event.listen(engine.sync_engine, "begin", partial(_begin_sqlite, writing))
    return engine


def _prepare_sqlite(busy_ms: int, connection: Any, _entry: ConnectionPoolEntry) -> None:
    # The driver must not open transactions on its own: it opens none for a SELECT, and then
    # two tasks that read, decide and write both go through.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (*_PRAGMAS, f"busy_timeout = {busy_ms}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(writing: bool, connection: Connection) -> None:
    driver = connection.connection.driver_connection
    if isinstance(driver, one_trip.TripConnection) and driver.is_here:
        return  # the store has begun already (db/store.py)
    immediate = writing or connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
