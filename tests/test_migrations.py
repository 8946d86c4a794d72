"""Migrations go up and down on filled tables, whole or not at all."""

import asyncio
import logging
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, LargeBinary, MetaData, Table, Text, inspect

from bot.db import migrate as migrate_module
from bot.db.engines import make_engine
from bot.db.migrate import SchemaTooNew, alembic_config, migrate
from bot.db.store import open_store
from bot.db.tables import Base
from tests.db.stores import KEY

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
STEPS = [
    (step.down_revision or "base", step.revision)
    for step in reversed(list(ScriptDirectory.from_config(alembic_config()).walk_revisions()))
]
BROKEN_STEP = """
import os, signal
import sqlalchemy as sa
from alembic import op

revision, down_revision = "9999", {head!r}

def upgrade():
    op.create_table("half_done", sa.Column("id", sa.BigInteger()))
    op.drop_table("marks")
    {then}

def downgrade():
    op.drop_table("half_done")
"""
MIGRATE = "import asyncio, sys\nfrom bot.db.migrate import migrate\nasyncio.run(migrate(sys.argv[1]))\n"
MIGRATE_FROM = (
    "import asyncio, pathlib, sys\nfrom bot.db import migrate\n"
    "migrate._CHECKOUT = pathlib.Path(sys.argv[2])\nasyncio.run(migrate.migrate(sys.argv[1]))\n"
)
Rows = dict[str, list[tuple[Any, ...]]]


def value_for(table: Table, column: Any, row: int) -> Any:
    """Make a value that fits a column and differs from row to row."""
    if isinstance(column.type, LargeBinary):
        return f"{table.name}.{column.name} {row}\0".encode()
    if isinstance(column.type, Text) or column.type.python_type is str:
        return f"{table.name}.{column.name} {row} ' \\ “é”"
    return bool(row % 2) if column.type.python_type is bool else row + 1


def fill(connection: Connection) -> None:
    found = MetaData()
    found.reflect(connection)
    for table in found.sorted_tables:
        if table.name != "alembic_version":
            rows = [{c.name: value_for(table, c, row) for c in table.columns} for row in range(3)]
            connection.execute(table.insert(), rows)


def dump(connection: Connection) -> Rows:
    found = MetaData()
    found.reflect(connection)
    return {
        table.name: sorted(map(tuple, connection.execute(table.select()).all()), key=repr)
        for table in found.sorted_tables
    }


def step_down(connection: Connection, revision: str) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    command.downgrade(config, revision)


async def on(url: str, act: Any, *args: Any) -> Any:
    engine = make_engine(url).execution_options(writing=True)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(act, *args)
    finally:
        await engine.dispose()


def checkout_with(then: str, folder: Path) -> Path:
    """Copy the migrations, with one more step that drops a table and then comes to `then`."""
    shutil.copytree(ROOT / "migrations", folder / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    step = BROKEN_STEP.format(head=STEPS[-1][1], then=then)
    (folder / "migrations" / "versions" / "9999_broken.py").write_text(step, "utf-8")
    return folder


async def python(script: str, *args: str) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, *args, cwd=ROOT, stderr=subprocess.DEVNULL
    )
    return await asyncio.wait_for(process.wait(), 30)


@pytest.mark.parametrize(("before", "after"), STEPS)
async def test_a_step_goes_up_and_down_on_filled_tables(bare_url: str, before: str, after: str) -> None:
    if before != "base":
        await migrate(bare_url, before)
        await on(bare_url, fill)
    old = await on(bare_url, dump)
    await migrate(bare_url, after)
    if before == "base":
        await on(bare_url, fill)
        filled = await on(bare_url, dump)
        assert all(len(rows) in (1, 3) for rows in filled.values())
        assert await on(bare_url, lambda c: MigrationContext.configure(c).get_current_heads()) == (after,)
    await on(bare_url, step_down, before)
    back = await on(bare_url, dump)
    assert {name: rows for name, rows in back.items() if rows} == old
    await migrate(bare_url)


async def test_the_migrated_schema_is_the_one_that_the_code_expects(bare_url: str) -> None:
    await migrate(bare_url)

    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))

    assert await on(bare_url, differences) == []


async def test_migrating_twice_changes_nothing(bare_url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="bot.db.migrate")
    await migrate(bare_url)
    assert STEPS[-1][1] in caplog.text
    await on(bare_url, fill)
    before = await on(bare_url, dump)
    caplog.clear()
    await migrate(bare_url)
    assert await on(bare_url, dump) == before
    assert caplog.text == ""


async def test_a_step_that_fails_leaves_the_old_schema_whole(
    bare_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(bare_url)
    await on(bare_url, fill)
    before = await on(bare_url, dump)
    with monkeypatch.context() as patched:
        patched.setattr(migrate_module, "_CHECKOUT", checkout_with("raise RuntimeError('midway')", tmp_path))
        with pytest.raises(RuntimeError, match="midway"):
            await migrate(bare_url)
    assert await on(bare_url, dump) == before
    await migrate(bare_url)


@pytest.mark.ci
async def test_a_kill_in_the_middle_leaves_the_old_schema_whole(bare_url: str, tmp_path: Path) -> None:
    await migrate(bare_url)
    await on(bare_url, fill)
    before = await on(bare_url, dump)
    folder = checkout_with("os.kill(os.getpid(), signal.SIGKILL)", tmp_path)
    assert await python(MIGRATE_FROM, bare_url, str(folder)) == -signal.SIGKILL
    assert await on(bare_url, dump) == before
    await migrate(bare_url)


async def test_a_schema_newer_than_the_code_is_refused_and_left_alone(
    bare_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(migrate_module, "_CHECKOUT", checkout_with("pass", tmp_path))
        await migrate(bare_url)
    before = await on(bare_url, dump)
    assert "half_done" in before
    with pytest.raises(SchemaTooNew):
        await migrate(bare_url)
    assert await on(bare_url, dump) == before


@pytest.mark.ci
async def test_two_processes_may_migrate_at_once(bare_url: str) -> None:
    codes = await asyncio.gather(*(python(MIGRATE, bare_url) for _ in range(3)))
    assert codes == [0, 0, 0]
    store = await open_store(bare_url, [KEY])
    await store.close()
    assert set(await on(bare_url, lambda c: inspect(c).get_table_names())) == {
        *Base.metadata.tables,
        "alembic_version",
    }
