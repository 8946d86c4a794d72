"""Make a key for SECRET_KEY, and seal the whole store with a new one while the bot runs."""

import asyncio
import sys

from cryptography.fernet import Fernet
from sqlalchemy.exc import DBAPIError

from bot import exits
from bot.db.crypto import WrongKey
from bot.db.reseal import reseal, rewrap
from bot.db.scrub import scrub
from bot.db.sealers import left_behind
from bot.db.store import Store
from bot.domain.errors import UserError
from bot.operate.carriers_store import Away, opened, say_away

SHOW_EVERY = 10_000
_RESTART = (
    "SECRET_KEY: the bot that runs ({roles}) does not seal with its first key. Restart the bot with this "
    "SECRET_KEY, then run this again; nothing was changed."
)
_LOST = (
    "SECRET_KEY: a stored value opens with none of its keys. Put the missing key back behind the others, "
    "then run this again; what is done stays done."
)
DONE = (
    "All is sealed with the first key of SECRET_KEY. Take the others out of it and restart the bot. "
    "Keep them only as long as you keep backups from before."
)


def new_key() -> str:
    """Return a fresh Fernet key."""
    return Fernet.generate_key().decode("ascii")


def rotate() -> int:
    """Seal every value with the first key; may be stopped and run again. Raises ConfigError or UserError."""
    try:
        asyncio.run(_rotate())
    except (Away, DBAPIError, OSError):
        say_away()
        print("What is done stays done: run this again.", file=sys.stderr)
        return exits.UNAVAILABLE
    print(DONE)
    return exits.OK


async def _rotate() -> None:
    async with opened(must_exist=True) as found:
        async with found.store.read() as session:
            behind = await left_behind(session)
        if behind:
            raise UserError(_RESTART.format(roles=", ".join(behind)))
        await _reseal(found.store)
        await rewrap(found.store)
        await scrub(found.store)


async def _reseal(store: Store) -> None:
    try:
        async for step in reseal(store):
            if step.looked_at == step.of or step.looked_at % SHOW_EVERY == 0:
                print(f"{step.column}: {step.looked_at:,} of {step.of:,}, {step.changed:,} sealed anew")
    except WrongKey:
        raise UserError(_LOST) from None
