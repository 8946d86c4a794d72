"""Ask people to prove a phone again that showed no sign of life for a year: numbers get new owners (T22)."""

import asyncio
from datetime import date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import marks, notices, people, quiet
from bot.db.store import Store
from bot.domain.catalogue import Form, Kind
from bot.domain.consent import consent_words
from bot.domain.errors import UserError
from bot.domain.limits import Limits
from bot.domain.words import QUIET_TOLD
from bot.services import registration
from bot.services.shelf import Shelf

QUIET_AFTER = timedelta(days=365)
AT_ONCE = 200
NOTICE = "quiet"
_LOOKED = "quiet phones"
_LONGEST_GAP = timedelta(days=7)


async def see_to_quiet(store: Store, now: datetime, stop: asyncio.Event) -> None:
    """Silence and tell those whose year is over; doing it again changes nothing.

    Where the clock has leapt since the last look, the next day's look is the first that counts.
    """
    async with store.write() as session:
        steady = await _clock_is_steady(session, now.date())
    told = AT_ONCE
    while steady and told == AT_ONCE and not stop.is_set():
        async with store.write() as session:
            hit = await quiet.silence(session, now - QUIET_AFTER, AT_ONCE)
            await notices.add_for(session, hit, NOTICE, QUIET_TOLD, now)
        told = len(hit)


async def _clock_is_steady(session: AsyncSession, today: date) -> bool:
    before = await marks.mark(session, _LOOKED)
    await marks.set_mark(session, _LOOKED, today.isoformat())
    return before is not None and abs(today - date.fromisoformat(before)) <= _LONGEST_GAP


async def agreement(session: AsyncSession, person_id: int, shelf: Shelf, *, in_guild: bool) -> str | None:
    """Word what somebody agrees to by proving a quiet phone again; None where theirs is not quiet."""
    phone = await people.phone_of(session, person_id)
    if phone is None or phone.state != people.QUIET:
        return None
    listed = shelf.find(phone.carrier_guild or None, phone.carrier)
    service = listed.carrier.name if listed is not None and listed.carrier.kind is Kind.SERVICE else ""
    return (
        f"The button sends a code to it. By pressing it you agree again: {consent_words(in_guild, service)}"
    )


async def prove_again(
    session: AsyncSession,
    person_id: int,
    handle: str,
    guild_id: int | None,
    shelf: Shelf,
    limits: Limits | None,
    country: str,
    now: datetime,
) -> str:
    """Send a code to the phone that somebody has already, by the rules of any code. Raises UserError."""
    phone = await people.phone_of(session, person_id)
    if phone is None or phone.state != people.QUIET:
        raise UserError("There is nothing to prove again. /phone show says how your phone stands.")
    ask = registration.Ask(
        person_id=person_id,
        handle=handle,
        typed_number=people.number_of(session, phone),
        guild_id=phone.carrier_guild or guild_id,
        carrier_slug=phone.carrier,
        form=Form(phone.form),
        consented=True,
    )
    return await registration.begin(session, ask, shelf, limits, country, now)
