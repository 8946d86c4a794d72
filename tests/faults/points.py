"""Name the points of a text's way through the store, and die with -9 at one of them."""

import os
import signal
from enum import StrEnum
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.pool import Pool

from bot.db.one_trip import TripConnection


class Point(StrEnum):
    """Where a bot dies; what a point of the mail's way is called stands in bot.sandbox.smtp_script.Step."""

    ACCEPTING = "before accept's commit"
    ACCEPTED = "after accept's commit"
    CLAIMED = "after claim's commit"
    TOLD = "after the 250 was read"
    RECORDING = "before the result's commit"
    RECORDED = "after the result's commit"
    TAKING = "before a mail's commit"
    TAKEN = "after a mail's commit"
    SAYING = "before the commit of what Discord was told"
    SAID = "after the commit of what Discord was told"


def _accepts(statement: str, parameters: str) -> bool:
    return statement.startswith("INSERT INTO texts")


def _claims(statement: str, parameters: str) -> bool:
    return statement.startswith("UPDATE outbox") and "'leased'" in parameters


def _records(statement: str, parameters: str) -> bool:
    return statement.startswith("UPDATE outbox") and "'sent'" in parameters


def _takes(statement: str, parameters: str) -> bool:
    return statement.startswith("INSERT INTO inbound")


def _says(statement: str, parameters: str) -> bool:
    return statement.startswith("UPDATE notices SET") and "told_at=" in statement.partition("WHERE")[0]


_ACTS = {
    Point.SAYING: _says,
    Point.SAID: _says,
    Point.TAKING: _takes,
    Point.TAKEN: _takes,
    Point.ACCEPTING: _accepts,
    Point.ACCEPTED: _accepts,
    Point.CLAIMED: _claims,
    Point.TOLD: _records,
    Point.RECORDING: _records,
    Point.RECORDED: _records,
}
_BEFORE_COMMIT = {Point.ACCEPTING, Point.RECORDING, Point.TAKING, Point.SAYING}
_AFTER_COMMIT = {Point.ACCEPTED, Point.CLAIMED, Point.RECORDED, Point.TAKEN, Point.SAID}


def die_at(name: str) -> None:
    """Kill this process when it comes to the point.

    SQLite tells itself what it does, since a trip to its thread passes SQLAlchemy by (db/one_trip.py).
    """
    point, wrote = Point(name), set[int]()  # the connections that wrote
    acts = _ACTS[point]

    def runs(connection: int, words: str, parameters: str) -> None:
        if acts(words, parameters):
            if point is Point.TOLD:
                _die()
            wrote.add(connection)

    def commits(connection: int) -> None:
        if connection in wrote and point in _BEFORE_COMMIT:
            _die()

    def connected(dbapi_connection: Any, _record: Any) -> None:
        def traced(words: str) -> None:
            if words == "COMMIT":
                commits(id(dbapi_connection))
            else:
                runs(id(dbapi_connection), words, words)

        if isinstance(dbapi_connection.driver_connection, TripConnection):
            dbapi_connection.run_async(lambda driver: driver.set_trace_callback(traced))

    def statement(
        connection: Any, cursor: Any, words: str, parameters: Any, _context: Any, _many: bool
    ) -> None:
        if connection.dialect.name != "sqlite":
            runs(id(connection.connection.dbapi_connection), words, repr(parameters))

    def commit(connection: Any) -> None:
        if connection.dialect.name != "sqlite":
            commits(id(connection.connection.dbapi_connection))

    def checkin(dbapi_connection: Any, _record: Any) -> None:
        # The first thing that happens to a connection whose transaction is committed.
        if id(dbapi_connection) in wrote and point in _AFTER_COMMIT:
            _die()

    event.listen(Pool, "connect", connected)
    event.listen(Engine, "before_cursor_execute", statement)
    event.listen(Engine, "commit", commit)
    event.listen(Pool, "checkin", checkin)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()
