"""Open the database and hand out sessions: SQLite by default, PostgreSQL by URL."""

import asyncio
import logging
import math
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from functools import partial
from typing import Any

from sqlalchemy import event, select
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from bot.db import one_trip
from bot.db.crypto import Vault, make_wrapped_subkeys
from bot.db.tables import WrappedKey
from bot.db.upsert import insert_or_ignore

_log = logging.getLogger(__name__)
BUSY_TIMEOUT_MS = 5_000
# A write waits in slices this long, so that a stop shortens the wait of one that has begun.
WRITE_SLICE_MS = 100
# Who had to wait for another's write is likely to come again.
CROWDED_FOR_S = 1.0
LONGEST_WAIT_S, HURRIED_WAIT_S = 5.0, 0.5
# Who still works on a store that is being closed has so long to end.
LAST_WAIT_S = 0.5
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


class Store:
    """The open database with its vault; one for each process."""

    def __init__(self, engine: AsyncEngine, vault: Vault) -> None:
        self.engine = engine
        self.vault = vault
        self.is_sqlite = engine.dialect.name == "sqlite"
        # On SQLite a connection of its own, since a writer waits for the file otherwise than a reader does.
        self.writer = make_engine(engine.url, WRITE_SLICE_MS) if self.is_sqlite else engine
        self._longest_wait_s = LONGEST_WAIT_S
        # SQLite has one writer: queue for it here, in order, instead of polling its lock in a thread each.
        self._writers = 0
        self._crowded_at = -math.inf
        self._turn = asyncio.Lock() if self.is_sqlite else nullcontext()
        self._open = 0
        self._unused = asyncio.Event()
        self._unused.set()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """Run one transaction that may write; commits at the end, rolls back on any exception."""
        asked = asyncio.get_running_loop().time()
        self._writers += 1
        if self._writers > 1:
            self._crowded_at = asked
        try:
            async with self._turn:
                with self._in_use():
                    async with await self._begin(asked) as session:
                        yield session
                        await session.commit()
        finally:
            self._writers -= 1

    @property
    def others_wait(self) -> bool:
        """Tell whether others want to write, or did a moment ago: who writes much should make way soon."""
        return asyncio.get_running_loop().time() - self._crowded_at < CROWDED_FOR_S

    async def _begin(self, asked: float) -> AsyncSession:
        """Begin a transaction; the wait for another process counts from when it was asked for.

        Where the file is stuck, those in the queue give up with the first one, not one after another.
        """
        clock = asyncio.get_running_loop().time
        while True:
            session = AsyncSession(self.writer, info={"vault": self.vault})
            try:
                session.info["connection"] = await session.connection()
            except BaseException as failed:
                await session.close()
                if not (self.is_sqlite and _is_locked(failed)) or clock() - asked >= self._longest_wait_s:
                    raise
            else:
                return session

    @property
    def longest_wait_s(self) -> float:
        """Tell how long a write may wait for its turn, in seconds."""
        return self._longest_wait_s

    def hurry(self) -> None:
        """Wait shortly from here on: the bot is stopping."""
        self._longest_wait_s = HURRIED_WAIT_S

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Run one transaction that only reads."""
        with self._in_use():
            async with AsyncSession(self.engine, info={"vault": self.vault}) as session, session.begin():
                session.info["connection"] = await session.connection()
                yield session

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        """Count a session for as long as it holds a connection."""
        self._open += 1
        self._unused.clear()
        try:
            yield
        finally:
            self._open -= 1
            if not self._open:
                self._unused.set()

    async def close(self) -> None:
        """Close every connection, once whoever still holds one has given it back: nobody closes it later."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WAIT_S):
                await self._unused.wait()
        await self.writer.dispose()
        await self.engine.dispose()


def vault_of(session: AsyncSession) -> Vault:
    """Return the vault that the session's store was opened with."""
    vault: Vault = session.info["vault"]
    return vault


def _is_locked(failed: BaseException) -> bool:
    return isinstance(failed, OperationalError) and "locked" in str(failed.orig)


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
    immediate = writing or connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


async def add_probe(session: AsyncSession, vault: Vault) -> None:
    """Note that the first key seals here from now on: without it the store is not opened again."""
    row = {"name": vault.probe_name, "wrapped": vault.seal("")}
    await session.execute(insert_or_ignore(session, WrappedKey, [row]))


async def open_store(url: str, secret_keys: Sequence[str], *, seals: bool = True) -> Store:
    """Open a migrated database; makes the subkeys at the first start. Raises crypto.WrongKey.

    With `seals` values will be sealed in it with the first key.
    """
    engine = make_engine(url)
    try:
        async with AsyncSession(engine.execution_options(writing=True)) as session, session.begin():
            wrapped = {row.name: row.wrapped for row in (await session.scalars(select(WrappedKey))).all()}
            if not wrapped:
                wrapped = make_wrapped_subkeys(secret_keys)
                session.add_all(WrappedKey(name=name, wrapped=value) for name, value in wrapped.items())
                _log.info("store: made its subkeys")
            vault = Vault(secret_keys, wrapped)
            if seals and vault.probe_name not in wrapped:
                await add_probe(session, vault)
        return Store(engine, vault)
    except BaseException:
        await engine.dispose()
        raise
