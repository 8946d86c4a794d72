"""Map aware UTC times and Discord ids to columns that sort alike on SQLite and PostgreSQL."""

import secrets
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Integer
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

# SQLite hands out row ids only for a column whose type is exactly INTEGER.
ROW_ID = BigInteger().with_variant(Integer, "sqlite")


def never_used_id() -> int:
    """Draw an id that no row had before: SQLite would give a deleted row's id to the next row."""
    return secrets.randbelow(2**62) + 1


@lru_cache(256)  # a batch writes the same few times into every row
def microseconds(value: datetime) -> int:
    """Count microseconds since 1970."""
    return (value - _EPOCH) // MICROSECOND


def instant(value: int) -> datetime:
    """Return the time that is so many microseconds after 1970, UTC."""
    return _EPOCH + value * MICROSECOND


class Instant(TypeDecorator[datetime]):
    """Store an aware datetime as microseconds since 1970, UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse naive times: they would shift with the machine's zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone reached the store")
        return microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Give the time back in UTC."""
        return None if value is None else instant(value)
