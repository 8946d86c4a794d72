"""Open the database and hand out sessions: SQLite by default, PostgreSQL by URL."""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from typing import TypeVar, cast

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from bot.db.crypto import Vault, make_wrapped_subkeys
from bot.db.engines import make_engine
from bot.db.one_trip import NeedsLoop, TripConnection
from bot.db.tables import WrappedKey
from bot.db.upsert import insert_or_ignore

_log = logging.getLogger(__name__)
# A write waits in slices this long, so that a stop shortens the wait of one that has begun.
WRITE_SLICE_MS = 100
# Who had to wait for another's write is likely to come again.
CROWDED_FOR_S = 1.0
LONGEST_WAIT_S, HURRIED_WAIT_S = 5.0, 0.5
# Who still works on a store that is being closed has so long to end.
LAST_WAIT_S = 0.5
T = TypeVar("T")
Act = Callable[[AsyncSession], Awaitable[T]]


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
        async with self._turn_of_mine() as asked:
            async with await self._begin(asked) as session:
                yield session
                await session.commit()

    async def write_at_once(self, prepare: Callable[[], Act[T]]) -> T:
        """Run a transaction that awaits the store alone; on SQLite in one go, in the store's own thread.

        `prepare` is called on the event loop when it is our turn, and names what is to be done. That must
        change nothing in memory that the loop uses meanwhile, or that counts when it is done twice: where it
        waits for something else (NeedsLoop) it is undone, and done again from the loop.
        """
        async with self._turn_of_mine() as asked:
            act: Act[T] | None = None
            if self.is_sqlite:
                act = prepare()
                with suppress(NeedsLoop):
                    return await self._in_one_trip(act)
            async with await self._begin(asked) as session:
                return await _to_commit(session, act or prepare())

    async def _in_one_trip(self, act: Act[T]) -> T:
        # The connection is ours beyond the commit: the pool that it goes back to belongs to the loop.
        async with self.writer.connect() as connection:
            driver = cast(TripConnection, (await connection.get_raw_connection()).driver_connection)
            async with self._session(connection) as session:
                return await driver.trip(_from_begin_to_commit(session, driver, act))

    def _session(self, bind: AsyncEngine | AsyncConnection) -> AsyncSession:
        return AsyncSession(bind, info={"vault": self.vault, "dialect": self.engine.dialect})

    @asynccontextmanager
    async def _turn_of_mine(self) -> AsyncIterator[float]:
        """Wait for our turn to write; yields when we asked for it."""
        asked = asyncio.get_running_loop().time()
        self._writers += 1
        if self._writers > 1:
            self._crowded_at = asked
        try:
            async with self._turn:
                with self._in_use():
                    yield asked
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
            session = self._session(self.writer)
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
            async with self._session(self.engine) as session, session.begin():
                session.info["connection"] = await session.connection()
                yield session

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        """Count a session for as long as it holds a connection."""
        # A trip that begins another transaction ends here, before there is a connection to give back.
        asyncio.get_running_loop()
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


async def _from_begin_to_commit(session: AsyncSession, driver: TripConnection, act: Act[T]) -> T:
    try:
        driver.run_here("BEGIN IMMEDIATE")
    except OperationalError as failed:
        if _is_locked(failed):
            # Another process writes. It is waited for from the loop, which can be told to stop.
            raise NeedsLoop from None
        raise
    session.info["here"] = driver
    result = await act(session)
    if session.new or session.dirty or session.deleted:
        await session.flush()
    driver.run_here("COMMIT")
    return result


async def _to_commit(session: AsyncSession, act: Act[T]) -> T:
    result = await act(session)
    await session.commit()
    return result


def _is_locked(failed: BaseException) -> bool:
    return isinstance(failed, OperationalError) and "locked" in str(failed.orig)


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
