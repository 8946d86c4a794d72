"""Let a person see and change their own registration."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import held, notices, outbox, people, replies, suppressions, texts, verifications
from bot.db.scrub import note_erased
from bot.domain.consent import NOBODY, WORDING_VERSION
from bot.domain.ending import suspended_words
from bot.domain.errors import UserError
from bot.domain.permission import FOREVER
from bot.domain.phone import mask
from bot.domain.returned import RETURNED
from bot.domain.stopping import CODE_AFTER, HALTED, stopped_words
from bot.domain.words import mention, short
from bot.services.audience import NO_PHONE
from bot.services.audience import allow as allow
from bot.services.offers import way_out
from bot.services.shelf import Listed, Shelf
from bot.services.standing import cancel_waiting

LAST_TEXTS = 20
LONGEST_PAUSE_HOURS = 24 * 365
_QUIET = "It takes no texts: it has shown no sign of life here for a year and must be proved again."
_STATES = {people.HALTED: HALTED, people.RETURNED: RETURNED, people.QUIET: _QUIET}


async def show(session: AsyncSession, person_id: int, shelf: Shelf, now: datetime) -> str:
    """Describe a registration with the number masked."""
    await shelf.refresh(session)
    phone = await people.phone_of(session, person_id)
    if phone is None:
        if await verifications.live(session, person_id, now):
            return "A code is on its way to your phone. Type it with /phone verify."
        return NO_PHONE
    listed = shelf.find(phone.carrier_guild or None, phone.carrier)
    carrier = listed.carrier.name if listed else phone.carrier
    lines = [f"Your phone: {mask(people.number_of(session, phone))}, {carrier}."]
    if not shelf.takes(phone, now):
        lines.append(await _what_to_do(session, phone, listed, shelf, now))
    elif phone.paused_until is not None and phone.paused(now):
        lines.append(f"Texts are paused{_until(phone.paused_until, now)}. /phone resume turns them on.")
    if phone.quiet is not None:
        lines.append(f"Quiet hours: {phone.quiet}. Texts wait until they end.")
    open_guilds = sum(who != NOBODY for _, who in await people.opt_ins(session, person_id))
    servers = "1 server" if open_guilds == 1 else f"{open_guilds} servers"
    lines.append(f"Members of {servers} may text you. /phone allow changes that for the server you are in.")
    if await replies.goes_on(session, person_id):
        lines.append("Answers that nothing proves to be yours go on, marked as unverified.")
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Helps:
    """Which buttons help under what show() says."""

    prove: bool
    hold: bool


async def helps(session: AsyncSession, person_id: int) -> Helps:
    """Say which buttons help: to prove the phone again, to hold answers again that may be forged."""
    phone = await people.phone_of(session, person_id)
    prove = phone is not None and phone.state in (people.RETURNED, people.UNPROVEN, people.QUIET)
    return Helps(prove, await replies.goes_on(session, person_id))


async def _what_to_do(
    session: AsyncSession, phone: people.Phone, listed: Listed | None, shelf: Shelf, now: datetime
) -> str:
    """Say why a phone takes no texts, and what helps."""
    if await verifications.live(session, phone.person_id, now):
        return "It takes no texts until you type the code that is on its way, with /phone verify."
    if phone.state in _STATES:
        return _STATES[phone.state]
    if phone.state == people.STOPPED:
        stopped_at = await suppressions.since(session, people.index_of(session, phone)) or now
        return stopped_words(stopped_at + CODE_AFTER)
    ends_on = listed.carrier.retires_on if listed is not None else None
    if listed is not None and ends_on is not None and ends_on <= now.date():
        instead = way_out(shelf, listed.carrier.guild_id, listed.carrier, ends_on)
        return suspended_words(listed.carrier, ends_on, instead)
    if listed is not None and listed.off:
        name = listed.carrier.name
        return f"It takes no texts while {name} is switched off. /phone register offers others."
    return "It takes no texts at the moment: its carrier was changed or closed. Use /phone register again."


async def sent(session: AsyncSession, person_id: int) -> str:
    """List a person's last texts with their state, never their words."""
    rows = await texts.sent_by(session, person_id, LAST_TEXTS)
    if not rows:
        return "You have sent no texts yet. Use /text in a server."
    return "\n".join(
        f"<t:{int(row.created_at.timestamp())}:R> to {mention(row.recipient_id)}: "
        f"{short(row.state, row.reason, row.parts, row.parts_sent)}"
        for row in rows
    )


async def remove(session: AsyncSession, person_id: int, now: datetime) -> str:
    """Delete a registration with all that belongs to it; texts that wait for it are cancelled.

    What stays: the consent ledger, texts sent to and by the person (wordless), counters until they end.
    """
    if not await take_away(session, person_id, now):
        return NO_PHONE
    await people.add_consent(session, person_id, "withdrawn", WORDING_VERSION, None, now)
    return (
        "Removed: your number, your carrier, who may text you and whom you blocked. Nobody can text you now."
    )


async def take_away(session: AsyncSession, person_id: int, now: datetime) -> bool:
    """Delete a registration, or one that waits for its code; False where there was neither."""
    waiting = await verifications.live(session, person_id, now)
    # Codes first: a code that is just being typed makes a registration, for which this then waits.
    await verifications.end(session, person_id)
    had = await people.forget_phone(session, person_id)
    await outbox.forget_codes(session, person_id)
    await cancel_waiting(session, person_id, now)
    await notices.forget_person(session, person_id)
    await replies.forget_person(session, person_id)
    await note_erased(session)
    return had or waiting is not None


async def pause(session: AsyncSession, person_id: int, hours: int | None, now: datetime) -> str:
    """Pause texts for some hours, or until resumed."""
    until = pause_end(hours, now)
    if not await people.pause(session, person_id, until):
        raise UserError(NO_PHONE)
    await held.look_again(session, now, person_id=person_id)
    return f"Paused{_until(until, now)}. /phone resume turns texts on again."


def pause_end(hours: int | None, now: datetime) -> datetime:
    """Say when a pause of so many hours ends; without hours it ends by a word only. Raises UserError."""
    if hours is not None and not 1 <= hours <= LONGEST_PAUSE_HOURS:
        raise UserError("Pause for at least 1 hour and at most a year, or leave the hours out.")
    return now + (timedelta(hours=hours) if hours else FOREVER)


def _until(until: datetime, now: datetime) -> str:
    if until - now > FOREVER / 2:
        return " until you resume"
    return f" until <t:{int(until.timestamp())}:f>"


async def resume(session: AsyncSession, person_id: int) -> str:
    """Take texts again; not after a STOP that surely came from the phone."""
    phone = await people.phone_of(session, person_id)
    if phone is not None and phone.state == people.STOPPED:
        raise UserError("Your phone said STOP. Text START from it; /phone show says what else helps.")
    await people.move(session, person_id, [people.HALTED], people.ACTIVE)
    if not await people.pause(session, person_id, None):
        raise UserError(NO_PHONE)
    return "Your phone takes texts again."


async def block(session: AsyncSession, person_id: int, other_id: int, now: datetime) -> str:
    """Take no more texts from somebody."""
    if person_id == other_id:
        raise UserError("You can't block yourself. Use /phone pause to take no texts for a while.")
    await people.block(session, person_id, other_id, now)
    await held.look_again(session, now, person_id=person_id)
    return f"<@{other_id}> can't text you any more, and isn't told. /phone unblock lifts it."


async def unblock(session: AsyncSession, person_id: int, other_id: int) -> str:
    """Take texts from somebody again."""
    if await people.unblock(session, person_id, other_id):
        return f"<@{other_id}> can text you again."
    return f"<@{other_id}> wasn't blocked."
