"""Tell people in time that their carrier's gateway closes, and suspend them on the day it does."""

import asyncio
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import endings, notices
from bot.db.store import Store
from bot.domain.catalogue import refusal
from bot.domain.ending import CLOSED, closing_words, step_began, step_due, suspended_words
from bot.services.offers import way_out
from bot.services.shelf import Listed, Shelf

# In one transaction: whoever wants to write meanwhile waits for its end.
AT_ONCE = 200
NOTICE = "ending"


async def see_to_endings(store: Store, shelf: Shelf, now: datetime, stop: asyncio.Event) -> None:
    """Do what is due today for every entry that has an end date; doing it again changes nothing.

    A stop leaves the rest to the next start.
    """
    for listed in shelf.everywhere():
        ends_on = listed.carrier.retires_on
        # What an editor enabled all the same has no end.
        if ends_on is None or refusal(listed.carrier, ends_on) is None:
            continue
        step, told = step_due(ends_on, now.date()), AT_ONCE
        while step is not None and told == AT_ONCE and not stop.is_set():
            async with store.write() as session:
                instead = way_out(shelf, listed.carrier.guild_id, listed.carrier, ends_on)
                told = await _tell_some(session, listed, ends_on, step, instead, now)


async def _tell_some(
    session: AsyncSession, listed: Listed, ends_on: date, step: int, instead: str, now: datetime
) -> int:
    """Tell some of the people on an entry; returns how many."""
    carrier = listed.carrier
    if step == CLOSED:
        hit = await endings.suspend(session, listed.guild, carrier.slug, AT_ONCE)
        words = suspended_words(carrier, ends_on, instead)
    else:
        began = step_began(ends_on, step)
        hit = await endings.tell(session, listed.guild, carrier.slug, ends_on, step, began, AT_ONCE)
        words = closing_words(carrier, ends_on, now.date(), instead)
    await notices.add_for(session, hit, NOTICE, words, now)
    return len(hit)
