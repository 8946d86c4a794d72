"""Delete what belongs to a guild some time after the bot has left it; coming back in time keeps all."""

import logging
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import carriers as entries
from bot.db import guilds, notices, people
from bot.db.scrub import note_erased
from bot.domain.words import CARRIER_GONE

KEEP_AFTER_LEAVING = timedelta(days=30)
AT_ONCE = 10
_log = logging.getLogger(__name__)


async def note_guilds(session: AsyncSession, present: Collection[int], now: datetime) -> None:
    """Take in which guilds the bot is in; of those it is in no more the time begins to run."""
    await guilds.note_back(session, present)
    new = await guilds.note_left(session, await guilds.known(session) - set(present), now)
    if new:
        _log.info("guilds: %d left; what is theirs is kept for %d days", new, KEEP_AFTER_LEAVING.days)


async def purge_left(session: AsyncSession, now: datetime) -> int:
    """Delete some of the guilds that were left long ago; returns how many."""
    found = await guilds.left_before(session, now - KEEP_AFTER_LEAVING, AT_ONCE)
    for guild_id in found:
        await purge(session, guild_id, now)
    return len(found)


async def purge(session: AsyncSession, guild_id: int, now: datetime) -> None:
    """Delete what belongs to a guild, now; whoever is on one of its own carriers is told."""
    own = await guilds.own_carriers(session, guild_id)
    if own:
        await entries.take_turn(session)
    for slug in own:
        hit = await people.unprove(session, guild_id, slug)
        await notices.add_for(session, hit, "unproven", CARRIER_GONE, now)
    await guilds.purge(session, guild_id)
    if own:
        await entries.count_change(session)
    await note_erased(session)
    _log.info("guild %d: what was kept of it is deleted", guild_id)
