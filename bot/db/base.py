"""The base that every table stands on."""

from datetime import datetime
from typing import Any, ClassVar, cast

from sqlalchemy import BigInteger, LargeBinary, MetaData, Table, Text
from sqlalchemy.orm import DeclarativeBase

from bot.db.types import Instant


class Base(DeclarativeBase):
    """Collect the tables; constraint names are fixed so that migrations can drop them on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        int: BigInteger,
        datetime: Instant,
        bytes: LargeBinary,
        str: Text,
    }


def table_of(row: type[Base]) -> Table:
    """Return the bare table, for statements about many rows that need no objects."""
    return cast(Table, row.__table__)
