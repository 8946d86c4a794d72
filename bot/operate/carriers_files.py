"""`carriers import` and `carriers export`: the list of carriers as a file, as the bot's operator."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from bot import exits
from bot.db.bell import Bell, ring
from bot.domain.carrier_csv import MOST_BYTES, write_sheet
from bot.domain.errors import UserError
from bot.operate.carriers_store import Opened, opened
from bot.services import carrier_difference as words
from bot.services import carrier_import
from bot.services.carrier_change import Actor
from bot.services.carrier_plan import Plan, Wrong, exported

_OPERATOR = 0
_LINES_SHOWN, _PROBLEMS_SHOWN = 50, 200


def export_to(path: str | None, guild: int) -> int:
    """Write a file of the shared carriers, or of a guild's own; without a path to standard output."""
    rows = asyncio.run(_rows(guild))
    content = write_sheet(rows)
    if path is None:
        sys.stdout.buffer.write(content)
        return exits.OK
    try:
        Path(path).write_bytes(content)
    except OSError as failed:
        raise UserError(f"{path} cannot be written: {failed.strerror}.") from None
    print(f"{len(rows):,} carriers are in {path}.")
    return exits.OK


async def _rows(guild: int) -> list[dict[str, str]]:
    async with opened() as there:
        return exported(there.shelf, guild)


def import_from(path: str, guild: int, *, apply: bool) -> int:
    """Show what a file changes, and write it where that is asked for."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as failed:
        raise UserError(f"{path} cannot be read: {failed.strerror}.") from None
    # The operator may do what an editor does, in the name of the bot.
    actor = Actor(_OPERATOR, guild, is_editor=guild == 0, is_admin=guild != 0)
    return asyncio.run(_open_and_import(content, actor, apply=apply))


async def _open_and_import(content: bytes, actor: Actor, *, apply: bool) -> int:
    async with opened() as there:
        return await _import(there, content, actor, apply=apply)


async def _import(there: Opened, content: bytes, actor: Actor, *, apply: bool) -> int:
    sheet = await carrier_import.read(content)

    async def plan() -> Plan | Wrong:
        async with there.store.read() as session:
            await there.shelf.refresh(session)
        return await carrier_import.plan(there.shelf, sheet, actor, datetime.now(UTC))

    async def write(fresh: Plan) -> int | None:
        async with there.store.write() as session:
            hit = await carrier_import.write(session, fresh, actor, datetime.now(UTC))
            await ring(session, Bell.OUTBOX, Bell.NOTICES)
            return hit

    shown = await plan()
    if isinstance(shown, Wrong):
        print(words.problems(shown, _PROBLEMS_SHOWN), file=sys.stderr)
        return exits.USAGE
    print(words.shown(shown, _LINES_SHOWN))
    if not shown.wants:
        return exits.OK
    if not apply:
        print("Nothing is written yet: run it again with --apply.")
        return exits.OK
    fresh, hit = await carrier_import.carry_out(shown.digest, plan, write)
    print(words.done(fresh, actor, hit))
    return exits.OK
