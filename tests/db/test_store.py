"""The store is opened as safely as it must be, and keeps its secrets."""

import asyncio
import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.pool import AsyncAdaptedQueuePool

from bot.db import people, verifications
from bot.db.crypto import WrongKey
from bot.db.engines import POOL_CONNECTIONS, create_private
from bot.db.migrate import migrate
from bot.db.role_lock import RelayLock
from bot.db.store import WRITE_SLICE_MS, Store, open_store
from bot.db.tables import Consent, Mark, Registration, WrappedKey
from tests.db.stores import KEY, sqlite_url

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NUMBER = "+12065550142"
HOLD_A_SECOND = """
import sqlite3, sys, threading
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
threading.Event().wait(1)
connection.execute("COMMIT")
"""


def claim(person_id: int, number: str = NUMBER) -> verifications.Claim:
    return verifications.Claim(
        person_id, "ann", number, "US", "us-one", 0, "sms.example.net", "national", "", 7, "1"
    )


async def register(store: Store, person_id: int, number: str = NUMBER) -> None:
    async with store.write() as session:
        await verifications.start(session, claim(person_id, number), "123456", NOW.replace(year=2027))
        waiting = await verifications.take_try(session, person_id, 5, NOW)
        assert waiting is not None
        await verifications.prove(session, waiting, NOW)


async def test_every_pooled_sqlite_connection_is_durable_and_strict(migrated_sqlite: Store) -> None:
    names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
    async with AsyncSession(migrated_sqlite.engine) as first:
        sessions = [first, *(AsyncSession(migrated_sqlite.engine) for _ in range(POOL_CONNECTIONS))]
        for session in sessions:
            found = [await session.scalar(text(f"PRAGMA {name}")) for name in names]
            assert found == ["wal", 2, 1, 1, 5000]
        for session in sessions:
            await session.close()
    async with migrated_sqlite.write() as session:
        found = [await session.scalar(text(f"PRAGMA {name}")) for name in names]
        assert found == ["wal", 2, 1, 1, WRITE_SLICE_MS]


async def test_a_writing_sqlite_transaction_has_its_lock_before_it_reads(migrated_sqlite: Store) -> None:
    async with migrated_sqlite.write() as writer:
        assert await writer.scalar(select(Mark.value)) is None
        async with migrated_sqlite.read() as reader:
            await reader.execute(text("PRAGMA busy_timeout = 0"))
            assert await reader.scalar(select(Mark.value)) is None  # readers go on
            with pytest.raises(OperationalError, match="locked"):
                await reader.execute(text("INSERT INTO marks VALUES ('a', 'b')"))


async def test_errors_show_no_values(store: Store) -> None:
    await register(store, 1)
    async with store.read() as session:
        row = (await session.scalars(select(Registration))).one()
        values = {c.name: getattr(row, c.name) for c in Registration.__table__.columns if c.name != "id"}

    async def add_the_same_number_again() -> None:
        async with store.write() as session:
            session.add(Registration(**{**values, "person_id": 777_000_111}))

    with pytest.raises(IntegrityError) as caught:
        await add_the_same_number_again()
    shown = f"{caught.value} {caught.value!r} {caught.value.statement}"
    assert "hidden" in str(caught.value)
    assert "777000111" not in shown
    assert values["number_sealed"].hex() not in shown
    assert repr(values["number_sealed"])[2:-1] not in shown


async def test_an_exception_undoes_the_whole_transaction(store: Store) -> None:
    async def fail_halfway() -> None:
        async with store.write() as session:
            session.add(Mark(name="half", value="done"))
            await session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail_halfway()
    async with store.read() as session:
        assert await session.scalar(select(Mark)) is None


async def test_another_process_that_holds_the_file_only_delays(
    migrated_sqlite: Store, migrated_sqlite_path: Path
) -> None:
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD_A_SECOND, str(migrated_sqlite_path), stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert await asyncio.wait_for(holder.stdout.readline(), 10) == b"held\n"
    async with asyncio.timeout(4), migrated_sqlite.write() as session:
        session.add(Mark(name="late", value="but there"))
    assert await holder.wait() == 0
    async with migrated_sqlite.read() as session:
        assert await session.scalar(select(Mark.value)) == "but there"


def hold(path: Path) -> sqlite3.Connection:
    """Keep the file from every other writer until the connection is closed."""
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    return holder


async def note(store: Store) -> None:
    async with store.write() as session:
        session.add(Mark(name="noted", value=""))


async def test_writers_whom_another_process_holds_up_give_up_together(
    migrated_sqlite: Store, migrated_sqlite_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrated_sqlite, "_longest_wait_s", 0.5)
    with closing(hold(migrated_sqlite_path)):
        async with asyncio.timeout(3):
            ended = await asyncio.gather(*(note(migrated_sqlite) for _ in range(8)), return_exceptions=True)
    assert [type(each) for each in ended] == [OperationalError] * 8
    await note(migrated_sqlite)


async def test_a_stop_shortens_a_wait_that_has_begun(
    migrated_sqlite: Store, migrated_sqlite_path: Path
) -> None:
    with closing(hold(migrated_sqlite_path)):
        waiting = asyncio.create_task(note(migrated_sqlite))
        await asyncio.sleep(0)
        migrated_sqlite.hurry()
        async with asyncio.timeout(3):
            with pytest.raises(OperationalError):
                await waiting


async def test_a_close_waits_for_who_still_reads(store: Store) -> None:
    pool, reading, go = store.engine.pool, asyncio.Event(), asyncio.Event()

    async def read() -> None:
        async with store.read() as session:
            await session.execute(text("SELECT 1"))
            reading.set()
            await go.wait()

    reader = asyncio.create_task(read())
    await reading.wait()
    closing_it = asyncio.create_task(store.close())
    done, _ = await asyncio.wait({closing_it}, timeout=0.05)
    assert not done
    go.set()
    await asyncio.gather(reader, closing_it)
    # A connection that comes back to a closed pool is one that nobody closes.
    assert isinstance(pool, AsyncAdaptedQueuePool)
    assert (pool.checkedout(), pool.checkedin()) == (0, 0)


async def test_nobody_else_may_read_what_we_make(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "fresh.db")
    before = os.umask(0o022)
    try:
        await migrate(url)
        opened, lock = await open_store(url, [KEY]), RelayLock()
        await lock.take(opened, 1)
        modes = {each.name: each.stat().st_mode & 0o777 for each in os.scandir(tmp_path)}
        await lock.release()
        await opened.close()
    finally:
        os.umask(before)
    assert {"fresh.db", "fresh.db-wal", "fresh.db-shm", "fresh.db.relay"} <= set(modes)
    assert set(modes.values()) == {0o600}


async def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(StatementError, match="without a zone"):
        async with store.write() as session:
            await people.block(session, 1, 2, NOW.replace(tzinfo=None))


async def test_times_come_back_as_they_went(store: Store) -> None:
    odd = datetime(1969, 2, 3, 4, 5, 6, 789_012, tzinfo=UTC)
    async with store.write() as session:
        await people.add_consent(session, 1, "register", "1", None, odd)
    async with store.read() as session:
        assert await session.scalar(select(Consent.at)) == odd
        assert await session.scalar(text("SELECT at < 0 FROM consents"))


async def test_a_wrong_key_opens_nothing_and_changes_nothing(store: Store, store_url: str) -> None:
    await register(store, 1)
    async with store.read() as session:
        before = {row.name: row.wrapped for row in await session.scalars(select(WrappedKey))}
    with pytest.raises(WrongKey):
        await open_store(store_url, [Fernet.generate_key().decode()])
    async with store.read() as session:
        after = {row.name: row.wrapped for row in await session.scalars(select(WrappedKey))}
        phone = await people.phone_of(session, 1)
        assert phone is not None
        assert people.number_of(session, phone) == NUMBER
    assert before == after
    assert len(after) == 3


async def test_a_new_first_key_still_reads_what_the_old_one_wrote(store: Store, store_url: str) -> None:
    await register(store, 1)
    later = await open_store(store_url, [Fernet.generate_key().decode(), KEY])
    try:
        async with later.read() as session:
            phone = await people.phone_of(session, 1)
            assert phone is not None
            assert people.number_of(session, phone) == NUMBER
        assert later.vault.number_index(NUMBER) == store.vault.number_index(NUMBER)
    finally:
        await later.close()


async def test_no_number_stands_in_the_file(migrated_sqlite: Store, migrated_sqlite_path: Path) -> None:
    async with migrated_sqlite.write() as session:
        session.add(Mark(name="planted", value=NUMBER))

    def files() -> bytes:
        return b"".join(p.read_bytes() for p in migrated_sqlite_path.parent.glob("store.db*"))

    assert b"2065550142" in files()
    async with migrated_sqlite.write() as session:
        await session.execute(text("DELETE FROM marks"))
    await register(migrated_sqlite, 1)
    async with migrated_sqlite.engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(
            text("PRAGMA wal_checkpoint(TRUNCATE)")
        )
    assert b"2065550142" not in files()
    async with migrated_sqlite.read() as session:
        assert await session.scalar(select(Registration.number_sealed)) in files()


async def test_two_first_starts_at_once_make_one_set_of_subkeys(tmp_path: Path, migrated_file: Path) -> None:
    path = tmp_path / "fresh.db"
    await asyncio.to_thread(shutil.copyfile, migrated_file, path)
    stores = await asyncio.gather(*(open_store(sqlite_url(path), [KEY]) for _ in range(3)))
    assert len({opened.vault.number_index(NUMBER) for opened in stores}) == 1
    for opened in stores:
        await opened.close()


def test_a_file_that_is_there_keeps_its_locks(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    create_private(str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    attempt = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    with path.open("r+") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        create_private(str(path))
        assert subprocess.run([sys.executable, "-c", attempt, path], stderr=subprocess.DEVNULL).returncode
    assert not subprocess.run([sys.executable, "-c", attempt, path]).returncode
