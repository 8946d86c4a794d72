"""`proof` and `erase`: what an operator does for a person or a server that asks in writing."""

import asyncio
import json
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

from bot import exits
from bot.db import guilds
from bot.db.people_kept import kept_of, ledger_of
from bot.db.scrub import scrub
from bot.domain.consent import REGISTER, consent_words, known
from bot.operate.carriers_store import Away, Opened, opened, say_away
from bot.services import guild_leaving, privacy
from bot.services.shelf import Shelf

_CHECK = "Check the ID and DATABASE_URL."


def proof(person_id: int) -> int:
    """Print what a person agreed to and took back, also after they had everything erased."""
    return _run(_proof(person_id))


def erase(what: str, of: int) -> int:
    """Delete all that is kept of a person or a server, now; may run beside the bot."""
    return _run(_erase_person(of) if what == "person" else _erase_server(of))


def _run(act: Coroutine[None, None, None]) -> int:
    try:
        asyncio.run(act)
    except Away:
        say_away()
        return exits.UNAVAILABLE
    return exits.OK


async def _proof(person_id: int) -> None:
    async with opened(must_exist=True) as found, found.store.read() as session:
        ledger = [with_words(line, found.shelf) for line in await ledger_of(session, person_id)]
    print(json.dumps({"discord_id": str(person_id), "ledger": ledger}, indent=2))
    if not ledger:
        print(f"Nothing stands here of what that person agreed to. {_CHECK}", file=sys.stderr)


def with_words(line: dict[str, Any], shelf: Shelf) -> dict[str, Any]:
    """Add the words that somebody agreed to to the line of the ledger that says so."""
    version, _, service = str(line["wording"]).partition(" ")
    if line["kind"] != REGISTER or not known(version):
        return line
    listed = shelf.find(None, service) if service else None
    name = listed.carrier.name if listed else service
    return {**line, "words": consent_words(line["guild_id"] is not None, name, version)}


async def _erase_person(person_id: int) -> None:
    async with opened(must_exist=True) as found:
        async with found.store.write() as session:
            kept = any(kind.how_many for kind in await kept_of(session, person_id))
            await privacy.erase(session, person_id, datetime.now(UTC))
        await _scrubbed(found, "person", kept)


async def _erase_server(guild_id: int) -> None:
    async with opened(must_exist=True) as found:
        async with found.store.write() as session:
            kept = await guilds.is_kept(session, guild_id)
            await guild_leaving.purge(session, guild_id, datetime.now(UTC))
        await _scrubbed(found, "server", kept)


async def _scrubbed(found: Opened, what: str, kept: bool) -> None:
    await scrub(found.store)
    if kept:
        print("Erased. What PRIVACY.md says may stay is there without a name.")
    else:
        print(f"Nothing is kept of that {what} here. {_CHECK}")
