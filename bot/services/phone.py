"""Let a person see and change their own registration."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import held, notices, outbox, people, replies, suppressions, texts, verifications
from bot.db.scrub import note_erased
from bot.domain.consent import LISTED, NOBODY, WORDING_VERSION
from bot.domain.ending import suspended_words
from bot.domain.errors import UserError
from bot.domain.permission import FOREVER
from bot.domain.phone import mask
from bot.domain.returned import RETURNED
from bot.domain.stopping import CODE_AFTER, HALTED, stopped_words
from bot.domain.words import MOST_NAMED, mention, short, some_of
from bot.services.audience import NO_PHONE
from bot.services.audience import allow as allow
from bot.services.offers import way_out
from bot.services.shelf import Listed, Shelf
from bot.services.standing import cancel_waiting

LAST_TEXTS = 20
LONGEST_PAUSE_HOURS = 24 * 365
_QUIET = "It takes no texts: it has shown no sign of life here for a year and must be proved again."
_STATES = {people.RETURNED: RETURNED, people.QUIET: _QUIET}
_HERE = {LISTED: "In this server: only people and roles you list.", NOBODY: "In this server: nobody."}
_IF_A_CODE = " If a code comes, type it with /phone verify."


async def show(
    session: AsyncSession, person_id: int, shelf: Shelf, now: datetime, guild_id: int | None = None
) -> str:
    """Describe a registration with the number masked, and who may text it in the guild one is in."""
    await shelf.refresh(session)
    phone = await people.phone_of(session, person_id)
    if phone is None:
        if await verifications.live(session, person_id, now):
            return "A code is on its way to your phone. Type it with /phone verify."
        return "\n".join(filter(None, (NO_PHONE, await _blocked(session, person_id))))
    listed = shelf.find(phone.carrier_guild or None, phone.carrier)
    carrier = listed.carrier.name if listed else phone.carrier
    lines = [f"Your phone: {mask(people.number_of(session, phone))}, {carrier}."]
    takes = shelf.takes(phone, now)
    if takes and await verifications.live(session, person_id, now):
        lines.append("It stays so until you type the code that was asked for, with /phone verify.")
    if not takes:
        lines.append(await _what_to_do(session, phone, listed, shelf, now))
    elif phone.paused_until is not None and phone.paused(now):
        lines.append(f"Texts are paused{_until(phone.paused_until, now)}. /phone resume turns them on.")
    if phone.quiet is not None:
        lines.append(f"Quiet hours: {phone.quiet}. Texts wait until they end.")
    lines.append(_who_may(dict(await people.opt_ins(session, person_id)), guild_id))
    if blocked := await _blocked(session, person_id):
        lines.append(blocked)
    if await replies.goes_on(session, person_id):
        lines.append("Answers that nothing proves to be yours go on, marked as unverified.")
    return "\n".join(lines)


def _who_may(said: Mapping[int, str], guild_id: int | None) -> str:
    """Word who may text a person: in how many servers, and in this one where that is not everyone."""
    count = sum(who != NOBODY for who in said.values())
    if not count:
        return "No server's members may text you. Use /phone allow in the server whose members may."
    servers = "1 server" if count == 1 else f"{count} servers"
    words = f"Members of {servers} may text you. /phone allow changes that for the server you are in."
    here = _HERE.get(said.get(guild_id, NOBODY)) if guild_id is not None else None
    return f"{words}\n{here}" if here else words


async def _blocked(session: AsyncSession, person_id: int) -> str:
    """Name whom a person blocked, the latest first; no words where that is nobody."""
    found, count = await people.blocked_by(session, person_id, MOST_NAMED)
    return f"You blocked {some_of(found, count)}. /phone unblock lifts that." if found else ""


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
    waits = await verifications.live(session, phone.person_id, now) is not None
    if phone.state == people.HALTED:
        return HALTED
    if phone.state == people.STOPPED:
        # Perhaps no code goes to it; what is said tells nobody whether one did.
        stopped_at = await suppressions.since(session, people.index_of(session, phone)) or now
        return stopped_words(stopped_at + CODE_AFTER) + (_IF_A_CODE if waits else "")
    if waits:
        return "It takes no texts until you type the code that is on its way, with /phone verify."
    if phone.state in _STATES:
        return _STATES[phone.state]
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
    _, blocked = await people.blocked_by(session, person_id, 1)
    if not await take_away(session, person_id, now):
        return "Removed: whom you blocked. You have no phone registered." if blocked else NO_PHONE
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
