"""What was deleted is not found in SQLite's journal either, at the latest at the next call."""

from pathlib import Path

from sqlalchemy import text

from bot.db import marks
from bot.db.scrub import note_erased, scrub
from bot.db.store import Store, open_store
from tests.db.stores import KEY, sqlite_url

SECRET = "a canary that was deleted"


async def plant_and_delete(store: Store) -> None:
    async with store.write() as session:
        await marks.set_mark(session, "planted", SECRET)
    async with store.write() as session:
        await marks.drop_mark(session, "planted")
        await note_erased(session)


def stands_in(path: Path) -> list[str]:
    files = sorted(path.parent.glob(f"{path.name}*"))
    return [each.name for each in files if SECRET.encode() in each.read_bytes()]


async def is_due(store: Store) -> bool:
    async with store.read() as session:
        return await marks.mark(session, "scrub") is not None


async def test_the_journal_is_emptied(migrated_sqlite: Store, migrated_sqlite_path: Path) -> None:
    await plant_and_delete(migrated_sqlite)
    assert stands_in(migrated_sqlite_path) == ["store.db-wal"]
    await scrub(migrated_sqlite)
    assert stands_in(migrated_sqlite_path) == []
    assert not await is_due(migrated_sqlite)


async def test_where_somebody_reads_just_now_the_next_call_does_it(
    migrated_sqlite: Store, migrated_sqlite_path: Path
) -> None:
    async with migrated_sqlite.read() as reading:
        await reading.execute(text("SELECT count(*) FROM marks"))
        await plant_and_delete(migrated_sqlite)
        await scrub(migrated_sqlite)
        assert stands_in(migrated_sqlite_path) == ["store.db-wal"]
        assert await is_due(migrated_sqlite)
    # Another process, or the same after a crash, knows of it too.
    later = await open_store(sqlite_url(migrated_sqlite_path), [KEY])
    await scrub(later)
    await later.close()
    assert stands_in(migrated_sqlite_path) == []


async def test_without_anything_erased_the_journal_is_left_alone(
    migrated_sqlite: Store, migrated_sqlite_path: Path
) -> None:
    async with migrated_sqlite.write() as session:
        await marks.set_mark(session, "planted", SECRET)
    await scrub(migrated_sqlite)
    assert "store.db-wal" in stands_in(migrated_sqlite_path)
