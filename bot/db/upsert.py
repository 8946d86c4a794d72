"""Write the two kinds of INSERT … ON CONFLICT that both databases know."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import Base
from bot.db.prepared import dialect_of


def insert_for(session: AsyncSession, table: type[Base]) -> "sqlite.Insert | postgresql.Insert":
    """Start an INSERT in the session's own dialect."""
    return insert_in(dialect_of(session).name, table)


def insert_in(dialect: str, table: type[Base] | Table) -> "sqlite.Insert | postgresql.Insert":
    """Start an INSERT in a dialect."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def insert_or_ignore(
    session: AsyncSession, table: type[Base], rows: Sequence[Mapping[str, Any]]
) -> "sqlite.Insert | postgresql.Insert":
    """Insert rows; those whose key is taken are left as they are."""
    return insert_for(session, table).values(list(rows)).on_conflict_do_nothing()


def insert_or_replace(
    session: AsyncSession, table: type[Base], values: Mapping[str, Any], key: Sequence[str]
) -> "sqlite.Insert | postgresql.Insert":
    """Insert a row, or set every other column of the one that has this key."""
    statement = insert_for(session, table).values(values)
    changed = {name: statement.excluded[name] for name in values if name not in key}
    return statement.on_conflict_do_update(index_elements=list(key), set_=changed)
