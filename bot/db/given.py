"""Hand a statement a list as one bound value: its text stays the same however long the list is."""

import json
from collections.abc import Collection, Iterable
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    FromClause,
    Select,
    Text,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import TypeEngine

from bot.db.prepared import dialect_of

_NAME = "given"
_TYPES: dict[type, TypeEngine[Any]] = {int: BigInteger(), str: Text()}


def given(dialect: str, **columns: type) -> FromClause:
    """Stand for rows of these columns (int or str), which `rows` binds when the statement runs."""
    if dialect == "sqlite":
        # SQLite reads the rows of its own JSON reader in order, and so does PostgreSQL those of unnest.
        each = func.json_each(bindparam(_NAME, type_=Text())).table_valued("value", name="each_given")
        cells = [
            func.json_extract(each.c.value, literal_column(f"'$[{place}]'"), type_=_TYPES[kind]).label(name)
            for place, (name, kind) in enumerate(columns.items())
        ]
        return select(*cells).subquery(_NAME)
    arrays = [cast(bindparam(f"{_NAME}_{name}"), ARRAY(_TYPES[kind])) for name, kind in columns.items()]
    named = [column(name, _TYPES[kind]) for name, kind in columns.items()]
    return func.unnest(*arrays).table_valued(*named, name=_NAME).render_derived()


async def rows(session: AsyncSession, found: Iterable[tuple[Any, ...]], *columns: str) -> dict[str, Any]:
    """Bind the rows that `given` stands for."""
    if dialect_of(session).name == "sqlite":
        return {_NAME: json.dumps(list(found))}
    lists = list(zip(*found, strict=True)) or [()] * len(columns)
    return {f"{_NAME}_{name}": list(cells) for name, cells in zip(columns, lists, strict=True)}


async def given_ids(
    session: AsyncSession, found: Collection[int]
) -> tuple["Select[tuple[int]]", dict[str, Any]]:
    """Return what `column.in_()` takes for a list of ids, and what binds it when the statement runs."""
    dialect = dialect_of(session).name
    return _ids(dialect), await rows(session, ((each,) for each in found), "id")


@cache
def _ids(dialect: str) -> "Select[tuple[int]]":
    return select(given(dialect, id=int).c.id)
