"""Seal every value anew under the first SECRET_KEY, while the bot runs: so many values a transaction."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

from sqlalchemy import Column, LargeBinary, Table, bindparam, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import Base
from bot.db.paging import Key, next_rows
from bot.db.scrub import note_erased
from bot.db.store import Store, add_probe
from bot.db.tables import Verification, WrappedKey
from bot.db.upsert import insert_or_replace

AT_ONCE = 500
SEALED = "_sealed"


class Step(NamedTuple):
    """How far one column is: values looked at, of how many, and how many were sealed anew."""

    column: str
    looked_at: int
    of: int
    changed: int


def sealed_columns() -> list["Column[bytes]"]:
    """List the columns that hold sealed values; those first from which others copy."""
    found = [column for table in Base.metadata.sorted_tables for column in _sealed_in(table)]
    return sorted(found, key=lambda column: column.table.name != Verification.__tablename__)


def _sealed_in(table: Table) -> "Iterator[Column[bytes]]":
    return (
        column
        for column in table.columns
        if isinstance(column.type, LargeBinary) and column.name.endswith(SEALED)
    )


async def reseal(store: Store) -> AsyncIterator[Step]:
    """Go through all values until a whole round changes none; raises crypto.WrongKey.

    A value that the bot changes meanwhile is left to it: it seals with the first key too.
    """
    async with store.write() as session:
        await add_probe(session, store.vault)
    changed = True
    while changed:
        changed = False
        for column in sealed_columns():
            async for step in _reseal_column(store, column):
                changed = changed or step.changed > 0
                yield step


async def _reseal_column(store: Store, column: "Column[bytes]") -> AsyncIterator[Step]:
    table = column.table
    async with store.read() as session:
        counted = select(func.count()).select_from(table).where(column.is_not(None))
        total = await session.scalar(counted) or 0
    looked_at = changed = 0
    after: Key | None = None
    while True:
        async with store.write() as session:
            rows, after = await next_rows(session, table, [column], after, AT_ONCE, column.is_not(None))
            changed += await _reseal_rows(session, store, column, rows)
        looked_at += len(rows)
        yield Step(f"{table.name}.{column.name}", looked_at, max(total, looked_at), changed)
        if after is None:
            return


async def _reseal_rows(
    session: AsyncSession, store: Store, column: "Column[bytes]", rows: list[tuple[Any, ...]]
) -> int:
    keys = list(column.table.primary_key.columns)
    new = []
    for *key, sealed in rows:
        again = store.vault.resealed(sealed)
        if again is not None:
            new.append(
                {f"key{place}": part for place, part in enumerate(key)} | {"old": sealed, "new": again}
            )
    if new:
        where = [each == bindparam(f"key{place}") for place, each in enumerate(keys)]
        statement = update(column.table).where(*where, column == bindparam("old"))
        await (await session.connection()).execute(statement.values({column.name: bindparam("new")}), new)
    return len(new)


async def rewrap(store: Store) -> None:
    """Wrap the subkeys under the first key alone: last of all, so that it opens nothing half done."""
    async with store.write() as session:
        wrapped = store.vault.rewrapped()
        for name, value in wrapped.items():
            values = {"name": name, "wrapped": value}
            await session.execute(insert_or_replace(session, WrappedKey, values, ("name",)))
        await session.execute(delete(WrappedKey).where(WrappedKey.name.not_in(wrapped)))
        await note_erased(session)
