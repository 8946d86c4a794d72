"""Send a code to the phone that somebody has registered already, as far as every cap allows it."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import people
from bot.db.verifications import Claim
from bot.domain.catalogue import Kind
from bot.domain.consent import PROVE_AGAIN, wording
from bot.domain.errors import UserError
from bot.domain.limits import Limits
from bot.services.registration import ask_code
from bot.services.shelf import Shelf

_NONE = "You have no phone registered. Use /phone register to add one."
_STOPPED = "Your phone said STOP. Text START from it, or use /phone register a day after that."
_NOTHING = "There is nothing to prove again. /phone show says how your phone stands."
_CLOSED = "Your carrier's entry was changed or closed. Use /phone register with one that takes texts."


async def ask(
    session: AsyncSession, person_id: int, handle: str, shelf: Shelf, limits: Limits | None, now: datetime
) -> str:
    """Send a code to the registered number; raises UserError. The sentence is the one of /phone register."""
    await shelf.refresh(session)
    phone = await people.phone_of(session, person_id)
    if phone is None:
        raise UserError(_NONE)
    if phone.state == people.ACTIVE:
        raise UserError(_NOTHING)
    if phone.state == people.STOPPED:
        raise UserError(_STOPPED)
    listed = shelf.find(phone.carrier_guild or None, phone.carrier)
    if listed is None or not shelf.carries(phone.carrier_guild, phone.carrier, phone.domain, now):
        raise UserError(_CLOSED)
    slug = phone.carrier if listed.carrier.kind is Kind.SERVICE else ""
    where = (phone.carrier, phone.carrier_guild, phone.domain, phone.form, phone.prefix)
    number = people.number_of(session, phone)
    claim = Claim(person_id, handle, number, phone.country, *where, None, wording(slug))
    return await ask_code(session, claim, limits, now, PROVE_AGAIN)
