"""Look at the store without changing it: is it there, whole, migrated, opened by the key, and private."""

import asyncio
import shutil
import sqlite3
import stat
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import Base
from bot.db.crypto import Vault, WrongKey
from bot.db.engines import make_engine
from bot.db.migrate import alembic_config
from bot.db.paging import next_rows
from bot.db.tables import Registration, Verification, WrappedKey
from bot.domain.phone import Number
from bot.operate.finding import Finding, Grade, away, broken, fine, note, wrong
from bot.operate.plaintext import Finder, files_to_look_at

LITTLE_SPACE_MIB, NO_SPACE_MIB = 500, 50
_MIB = 1024 * 1024
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
ROWS_AT_ONCE = 1_000


def path_of(url: str) -> Path | None:
    """Return the file of a SQLite store."""
    address = make_url(url)
    is_file = address.get_backend_name() == "sqlite" and address.database
    return Path(str(address.database)) if is_file else None


def look_at_files(store: Path) -> Iterator[Finding]:
    """Look at rights, space and the wholeness of a SQLite file."""
    open_files = [
        each.name
        for each in store.parent.glob(f"{store.name}*")
        if each.is_file() and each.stat().st_mode & _OTHERS
    ]
    if open_files:
        listed = ", ".join(sorted(open_files))
        yield wrong("file rights", f"{listed}: others on this machine can read it; run chmod 600 on it")
    else:
        yield fine("file rights", "nobody else on this machine can read the store")
    yield _space(store)
    yield _wholeness(store)


def _space(store: Path) -> Finding:
    free = shutil.disk_usage(store.parent).free // _MIB
    if free < NO_SPACE_MIB:
        return away("disk space", f"{free:,} MiB are free; texts are refused once there is nothing left")
    if free < LITTLE_SPACE_MIB:
        return note("disk space", f"only {free:,} MiB are free")
    return fine("disk space", f"{free:,} MiB are free")


def _wholeness(store: Path) -> Finding:
    try:
        with closing(sqlite3.connect(f"{store.resolve().as_uri()}?mode=ro", uri=True)) as opened:
            found = opened.execute("PRAGMA integrity_check(1)").fetchone()
    except (sqlite3.Error, UnicodeError) as failed:
        # What the file is damaged with may stand in the error, and need not be text.
        return broken("integrity", f"the file cannot be read as a database ({type(failed).__name__})")
    if found != ("ok",):
        return broken("integrity", "the file is damaged; restore a backup")
    return fine("integrity", "the file is whole")


@asynccontextmanager
async def looking(url: str) -> AsyncIterator[AsyncSession]:
    """Open the store for reading only what is there."""
    engine = make_engine(url)
    try:
        async with AsyncSession(engine) as session, session.begin():
            yield session
    finally:
        await asyncio.shield(engine.dispose())


async def look_inside(
    url: str, keys: tuple[str, ...], finder_secrets: list[str], more: list[Path]
) -> list[Finding]:
    """Look at schema, key and clear text; what cannot be looked at ends the list."""
    found = []
    try:
        async with looking(url) as session:
            found.append(await _schema(session))
            if found[-1].grade is not Grade.OK:
                return found
            wrapped = await _wrapped(session)
            if not wrapped:
                return [*found, note("key", "the store holds nothing yet; `run` makes its keys")]
            vault = Vault(keys, wrapped)
            numbers = await _numbers(session, vault)
            how_many = "1 number" if len(numbers) == 1 else f"{len(numbers):,} numbers"
            found.append(fine("key", f"SECRET_KEY opens the store and its {how_many}"))
            finder = Finder(numbers, finder_secrets)
            found.append(await _tables(session, finder))
    except WrongKey:
        found.append(
            wrong("key", "SECRET_KEY does not open all of this store; set the keys it was made with")
        )
        return found
    except (DBAPIError, OSError) as failed:
        return [*found, away("store", f"it cannot be read ({type(failed).__name__})")]
    return [*found, *await asyncio.to_thread(_files, finder, path_of(url), more)]


async def _schema(session: AsyncSession) -> Finding:
    scripts = ScriptDirectory.from_config(alembic_config())
    newest, known = scripts.get_current_head(), {step.revision for step in scripts.walk_revisions()}

    def heads(connection: Connection) -> tuple[str, ...]:
        return MigrationContext.configure(connection).get_current_heads()

    there = await (await session.connection()).run_sync(heads)
    if not set(there) <= known:
        return wrong("schema", "the store was written by a newer version: update this checkout")
    if there != (newest,):
        return note(
            "schema", "the store is not up to date, so no more is looked at; `migrate` or `run` sees to it"
        )
    return fine("schema", f"the store is up to date ({newest})")


async def _wrapped(session: AsyncSession) -> dict[str, bytes]:
    return {row.name: row.wrapped for row in (await session.scalars(select(WrappedKey))).all()}


async def _numbers(session: AsyncSession, vault: Vault) -> list[Number]:
    found = []
    for table in (Registration, Verification):
        for sealed, country in await session.execute(select(table.number_sealed, table.country)):
            number = vault.open(sealed)
            found += [Number(number, country)] if number else []
    return found


async def _tables(session: AsyncSession, finder: Finder) -> Finding:
    places = []
    for table in Base.metadata.sorted_tables:
        columns, after, more = list(table.columns), None, True
        while more:
            rows, after = await next_rows(session, table, columns, after, ROWS_AT_ONCE)
            more = after is not None
            for place, column in enumerate(columns, -len(columns)):
                found = finder.found_in_cells(row[place] for row in rows)
                places += [f"{table.name}.{column.name}"] if found else []
    if places:
        listed = ", ".join(sorted(set(places)))
        return broken(
            "clear text in tables", f"a number or secret stands in clear in {listed}: please report it"
        )
    return fine("clear text in tables", "no number and no secret stands in clear")


def _files(finder: Finder, store: Path | None, more: list[Path]) -> Iterator[Finding]:
    folders = {Path.cwd(), *([store.parent] if store else [])}
    places, unread = [], []
    looked_at = files_to_look_at(store, folders, more)
    for path in looked_at:
        try:
            places += [f"{path} ({kind})" for kind in sorted(finder.found_in_file(path))]
        except (OSError, EOFError, zlib.error):
            unread.append(str(path))
    if places:
        yield broken(
            "clear text in files", f"found in {', '.join(places)}: delete or restrict it, and report it"
        )
    else:
        yield fine(
            "clear text in files",
            f"no number and no secret; files looked through: {len(looked_at):,}",
        )
    if unread:
        yield note("clear text in files", f"could not be read: {', '.join(unread)}")
