"""Write a statement out once: to look it up by its parts at every call costs more than many statements do."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Executable, LargeBinary
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

_Turn = Callable[[Any], Any] | None


async def connection_of(session: AsyncSession) -> AsyncConnection:
    """Return the connection of a transaction that has begun; the store keeps it at hand."""
    return session.info.get("connection") or await session.connection()


class Prepared:
    """A statement for each database, built at its first use; values are bound by name.

    It must be one whose text never depends on the values (lists go in as db/given.py has it).
    """

    def __init__(self, build: Callable[[str], Executable]) -> None:
        self._build = build
        self._written: dict[str, _Written] = {}

    async def run(self, session: AsyncSession, **values: Any) -> Sequence[Sequence[Any]]:
        """Run it and return its rows, each a sequence of plain values."""
        connection = await connection_of(session)
        dialect = connection.dialect
        written = self._written.get(dialect.name)
        if written is None:
            statement = self._build(dialect.name)
            written = self._written[dialect.name] = _Written(statement, dialect)
        ran = await connection.exec_driver_sql(written.words, written.bound(values))
        return written.rows(ran.fetchall()) if ran.returns_rows else ()


class _Written:
    """One database's words for a statement, and how values are turned on their way in and out."""

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled: SQLCompiler = statement.compile(dialect=dialect)
        self.words = str(compiled)
        self._fixed = dict(compiled.params)
        self._places = compiled.positiontup
        # By name: one value may stand in several places.
        self._in = {
            name: turn
            for bind, name in compiled.bind_names.items()
            if (turn := bind.type.dialect_impl(dialect).bind_processor(dialect)) is not None
        }
        # Of a SELECT, or of what a writing statement returns.
        columns: list[TypeEngine[Any]] = [one.type for one in getattr(statement, "exported_columns", ())]
        turns: list[_Turn] = [kind.dialect_impl(dialect).result_processor(dialect, None) for kind in columns]
        self._packed = dialect.name == "sqlite" and statement.is_select
        if self._packed:
            blobs = [isinstance(kind, LargeBinary) for kind in columns]
            turns = [_octets if blob else turn for blob, turn in zip(blobs, turns, strict=True)]
            self.words = _packed(self.words, blobs)
        self._out = turns if any(turns) else []

    def bound(self, values: dict[str, Any]) -> Any:
        """Bind values in the driver's way: by place, or by name."""
        bound = self._fixed | values
        for name, turn in self._in.items():
            bound[name] = turn(bound[name])
        return tuple([bound[name] for name in self._places]) if self._places is not None else bound

    def rows(self, found: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Turn what came back into the values that its columns stand for."""
        if self._packed:
            found = json.loads(found[0][0])
        if not self._out:
            return found
        return [
            [cell if turn is None else turn(cell) for cell, turn in zip(row, self._out, strict=True)]
            for row in found
        ]


def _packed(words: str, blobs: Sequence[bool]) -> str:
    """Have SQLite bring all rows in one, as JSON.

    For each row its thread must have Python's lock again, and while the event loop is busy it waits for that
    as long as for a thousand rows.
    """
    names = [f"c{place}" for place in range(len(blobs))]
    cells = (
        f"iif({name} IS NULL, NULL, hex({name}))" if blob else name
        for name, blob in zip(names, blobs, strict=True)
    )
    listed = f"json_group_array(json_array({', '.join(cells)}))"
    return f"WITH found({', '.join(names)}) AS ({words}) SELECT {listed} FROM found"  # noqa: S608 - ours alone


def _octets(cell: str | None) -> bytes | None:
    return None if cell is None else bytes.fromhex(cell)
