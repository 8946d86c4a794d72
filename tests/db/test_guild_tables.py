"""No column that names a guild is forgotten when a guild is purged."""

from sqlalchemy import BigInteger, Column, MetaData, Table

from bot.db.base import Base
from bot.db.guild_tables import GUILD_COLUMNS


def _names_guild(column: str) -> bool:
    return "guild" in column and not column.endswith("_limit")


def unknown(metadata: MetaData) -> list[str]:
    known = {(held.table.__tablename__, held.column.key) for held in GUILD_COLUMNS}
    columns = [(table.name, column.name) for table in metadata.sorted_tables for column in table.columns]
    return [".".join(place) for place in columns if _names_guild(place[1]) and place not in known]


def test_every_column_that_names_a_guild_is_looked_after() -> None:
    assert unknown(Base.metadata) == []


def test_a_table_that_nobody_thought_of_is_found() -> None:
    planted = MetaData()
    Table("policies", planted, Column("for_guild", BigInteger))
    assert unknown(planted) == ["policies.for_guild"]
