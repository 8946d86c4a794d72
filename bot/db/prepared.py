"""Write a statement out once: to look it up by its parts at every call costs more than many statements do."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Executable, LargeBinary
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from bot.db.one_trip import TripConnection

_Turn = Callable[[Any], Any]


def dialect_of(session: AsyncSession) -> Dialect:
    """Tell which database a session speaks to; the store keeps it at hand."""
    return session.info.get("dialect") or session.get_bind().dialect


async def run_words(session: AsyncSession, words: str, values: Any) -> Sequence[Any]:
    """Run a statement that is written out in the database's own words; a list of values runs it for each.

    On a trip to SQLite's thread (db/one_trip.py) nothing stands between it and the database.
    """
    here: TripConnection | None = session.info.get("here")
    if here is not None:
        return here.run_here(words, values)
    connection: AsyncConnection = session.info.get("connection") or await session.connection()
    ran = await connection.exec_driver_sql(words, values)
    return ran.fetchall() if ran.returns_rows else ()


class Prepared:
    """A statement for each database, built at its first use; values are bound by name.

    It must be one whose text never depends on the values (lists go in as db/given.py has it).
    """

    def __init__(self, build: Callable[[str], Executable]) -> None:
        self._build = build
        self._written: dict[str, _Written] = {}

    async def run(self, session: AsyncSession, **values: Any) -> Sequence[Sequence[Any]]:
        """Run it and return its rows, each a sequence of plain values."""
        dialect = dialect_of(session)
        written = self._written.get(dialect.name)
        if written is None:
            statement = self._build(dialect.name)
            written = self._written[dialect.name] = _Written(statement, dialect)
        found = await run_words(session, written.words, written.bound(values))
        return written.rows(found) if found else ()


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
        kinds = [kind.dialect_impl(dialect) for kind in columns]
        turns: list[_Turn | None] = [kind.result_processor(dialect, None) for kind in kinds]
        self._packed = dialect.name == "sqlite" and statement.is_select
        if self._packed:
            blobs = [isinstance(kind, LargeBinary) for kind in columns]
            turns = [_octets if blob else turn for blob, turn in zip(blobs, turns, strict=True)]
            self.words = _packed(self.words, blobs)
        self._out = [(place, turn) for place, turn in enumerate(turns) if turn is not None]

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
        elif self._out:
            found = [list(row) for row in found]
        for place, turn in self._out:
            for row in found:
                row[place] = turn(row[place])
        return found


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
