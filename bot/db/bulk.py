"""Insert many rows of plain values in one call, without an object or a compiled parameter set for each."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

from sqlalchemy import Table, column, insert
from sqlalchemy import table as lightweight
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.prepared import dialect_of, run_words

# Dialects whose values are bound by their place.
_BY_PLACE: dict[str, Callable[[], Dialect]] = {
    "sqlite": sqlite.dialect,
    "postgresql": partial(postgresql.dialect, paramstyle="format"),
}


async def insert_rows(session: AsyncSession, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that name the same columns in the same order; times are microseconds since 1970."""
    if not rows:
        return
    statement = _statement(dialect_of(session).name, table, tuple(rows[0]))
    await run_words(session, statement, [tuple(row.values()) for row in rows])


@cache
def _statement(dialect: str, table: Table, columns: tuple[str, ...]) -> str:
    # A stand-in for the table that has only the given columns, in the given order, and no defaults.
    bare = lightweight(table.name, *(column(name, table.c[name].type) for name in columns))
    return str(insert(bare).compile(dialect=_BY_PLACE[dialect]()))
