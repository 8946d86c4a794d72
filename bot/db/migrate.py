"""Bring the database's schema to this code's, under a lock, or say why it cannot be."""

import asyncio
import logging
from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.engine import Connection

from bot.db.engines import make_engine

_log = logging.getLogger(__name__)
_CHECKOUT = Path(__file__).resolve().parents[2]
# Any number will do, as long as every process uses the same.
_MIGRATION_LOCK = 7_284_001


class SchemaTooNew(Exception):
    """The database was written by a newer version of the bot."""


class NoSchema(Exception):
    """The database is nobody's store yet."""


def alembic_config() -> AlembicConfig:
    """Return Alembic's settings; pyproject.toml holds the same for its own command line."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(_CHECKOUT / "migrations").replace("%", "%%"))
    return config


async def migrate(url: str, revision: str = "head", *, begins: bool = True) -> None:
    """Run every missing step in one transaction; raises SchemaTooNew and leaves the store as it was.

    Where it may not begin one, a database without our schema raises NoSchema.
    """
    engine = make_engine(url).execution_options(writing=True)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade, revision, begins)
    finally:
        await asyncio.shield(engine.dispose())


def _upgrade(connection: Connection, revision: str, begins: bool) -> None:
    if connection.dialect.name == "postgresql":
        # SQLite's BEGIN IMMEDIATE is the lock already.
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
    config = alembic_config()
    known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
    before = MigrationContext.configure(connection).get_current_heads()
    if not set(before) <= known:
        raise SchemaTooNew
    if not (before or begins):
        raise NoSchema
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    after = MigrationContext.configure(connection).get_current_heads()
    if after != before:
        _log.info("store: schema is now %s", ", ".join(after))
