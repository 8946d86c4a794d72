"""Read a table from its begin to its end, so many rows at a time, in the order of its key."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

Key = tuple[Any, ...]


async def next_rows(
    session: AsyncSession,
    table: Table,
    columns: Sequence["Column[Any]"],
    after: Key | None,
    most: int,
    *where: ColumnElement[bool],
) -> tuple[list[tuple[Any, ...]], Key | None]:
    """Return rows behind a key, each with its key before the columns; and the last key, None at the end."""
    keys = list(table.primary_key.columns)
    wanted = select(*(each.label(f"key_{each.name}") for each in keys), *columns).where(*where)
    if after is not None:
        wanted = wanted.where(tuple_(*keys) > tuple_(*after))
    rows = [tuple(row) for row in await session.execute(wanted.order_by(*keys).limit(most))]
    return rows, rows[-1][: len(keys)] if len(rows) == most else None
