"""Let the store know which key a running bot seals with: who rotates keys must not leave it behind."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import marks
from bot.db.store import Store, vault_of

_log = logging.getLogger(__name__)
_PREFIX = "sealer:"
_WITHIN_S = 0.5


@asynccontextmanager
async def sealing(store: Store, roles: Sequence[str]) -> AsyncIterator[None]:
    """Say that these roles run with our first key, until the end of the block."""
    await _try(_note, store, roles)
    try:
        yield
    finally:
        await _try(_forget, store, roles)


async def _try(
    act: Callable[[AsyncSession, Sequence[str]], Awaitable[None]], store: Store, roles: Sequence[str]
) -> None:
    """Do it if the store lets us: without it only `keys rotate` knows less."""
    try:
        async with asyncio.timeout(_WITHIN_S), store.write() as session:
            await act(session, roles)
    except (DBAPIError, OSError, TimeoutError) as failed:
        _log.warning("store: the key that is in use could not be noted (%s)", type(failed).__name__)


async def _note(session: AsyncSession, roles: Sequence[str]) -> None:
    for role in roles:
        await marks.set_mark(session, f"{_PREFIX}{role}", vault_of(session).sealer)


async def _forget(session: AsyncSession, roles: Sequence[str]) -> None:
    for role in roles:
        await marks.drop_mark(session, f"{_PREFIX}{role}")


async def left_behind(session: AsyncSession) -> list[str]:
    """Name the roles that run, or were killed, with another key in front than ours."""
    names = await marks.names(session, _PREFIX)
    ours = vault_of(session).sealer
    return [name.removeprefix(_PREFIX) for name in names if await marks.mark(session, name) != ours]
