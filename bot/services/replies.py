"""Bring what a phone answers to whoever sent the text, hold what may be forged, and end it when they ask."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import notices, people, quiet, replies, texts
from bot.domain.errors import UserError
from bot.domain.inbound import Arrived, Picture
from bot.domain.plain import visible
from bot.domain.signs import Sign
from bot.domain.standing import Standing
from bot.services.signs import note
from bot.services.standing import note_answered

# Of answers that may be forged no more wait for a person's word.
MOST_HELD = 5
# Whose answers nobody reads, as their sender takes no DMs, fills no disk with them.
MOST_UNREAD, MOST_PICTURED = 1_000, 6
# Stands for a picture that was not kept.
_LEFT_OUT = Picture("", "", b"")
# Discord shows 2,000 of them.
MOST_CHARS_KEPT = 4_000
_GONE = (
    "That answer is no longer kept, so there is nothing to do. Use /text in a server to write to somebody."
)
_SETTLED = "That answer was seen to already."


async def take(session: AsyncSession, arrived: Arrived, now: datetime) -> bool:
    """Keep an answer for the sender of the text, or for its owner's word; False where nobody gets it."""
    belonging, reading = arrived.belonging, arrived.reading
    if belonging.text_id is None or not (visible(reading.words) or reading.pictures):
        return False
    text = (await texts.standings(session, [belonging.text_id])).get(belonging.text_id)
    phone = await people.phone_of(session, belonging.person_id)
    # Whoever has that phone now need not be whom the sender knows.
    if text is None or phone is None or text.recipient_id != belonging.person_id:
        return False
    # A number that was silent for a year may be somebody else's until it is proved again.
    proven = belonging.of_this_phone and phone.state != people.QUIET
    if proven:
        await note(session, {phone.domain: {Sign.REPLY: 1}}, now)
        await quiet.note_sign(session, phone.person_id, now)
        await note_answered(session, text.id, now)
    if await replies.muted(session, text.sender_id, text.recipient_id, text.created_at):
        return False
    held = not proven and not await replies.goes_on(session, text.recipient_id)
    if held and await replies.count_held(session, text.recipient_id) >= MOST_HELD:
        return False
    return await _keep(session, arrived, text, now, proven=proven, held=held)


async def _keep(
    session: AsyncSession, arrived: Arrived, text: Standing, now: datetime, *, proven: bool, held: bool
) -> bool:
    pictures = arrived.reading.pictures
    unread, pictured = await replies.unread(session, text.recipient_id)
    if unread >= MOST_UNREAD:
        return False
    if pictured >= MOST_PICTURED:
        pictures = (_LEFT_OUT,) * len(pictures)
    reply_id = await replies.add(
        session,
        text=(text.id, text.recipient_id, text.sender_id, text.guild_id),
        words=arrived.reading.words[:MOST_CHARS_KEPT],
        pictures=pictures,
        proven=proven,
        held=held,
        at=now,
    )
    whom, kind = (text.recipient_id, notices.HELD) if held else (text.sender_id, notices.REPLY)
    await notices.add(session, whom, kind, now, reply_id=reply_id)
    return True


@dataclass(frozen=True, slots=True)
class Route:
    """Where an answer to an answer goes: to the same phone, in the same guild; the next is shown there."""

    person_id: int
    guild_id: int
    answers_in: int | None


async def route(session: AsyncSession, reply_id: int, to_id: int) -> Route:
    """Find the way back for whoever got an answer; raises UserError."""
    reply = await replies.find(session, reply_id)
    if reply is None or reply.to_id != to_id or reply.held:
        raise UserError(_GONE)
    return Route(reply.person_id, reply.guild_id, reply.channel_id)


async def mute(session: AsyncSession, reply_id: int, to_id: int, now: datetime) -> str:
    """Show somebody no more answers to what they have texted that phone so far; raises UserError."""
    back = await route(session, reply_id, to_id)
    await replies.mute(session, to_id, back.person_id, now)
    return (
        f"You'll see no more answers from <@{back.person_id}> to what you've texted so far. "
        "When you text them again, you'll see what they answer to that."
    )


async def pass_on(session: AsyncSession, reply_id: int, person_id: int, now: datetime) -> str:
    """Bring an answer that was held to the sender of the text: its owner says that it is theirs."""
    return await _let_on(session, reply_id, person_id, now, proven=True)


async def always_pass_on(session: AsyncSession, reply_id: int, person_id: int, now: datetime) -> str:
    """Bring this answer on, and from now on all that may be forged, marked as unverified."""
    said = await _let_on(session, reply_id, person_id, now, proven=False)
    await replies.let_go_on(session, person_id, now)
    return (
        f"{said} From now on such answers go on at once, marked as unverified; **Hold them again** under "
        "/phone show changes that."
    )


async def _let_on(
    session: AsyncSession, reply_id: int, person_id: int, now: datetime, *, proven: bool
) -> str:
    if not await replies.release(session, reply_id, person_id, proven=proven):
        raise UserError(_SETTLED)
    reply = await replies.find(session, reply_id)
    text = (await texts.standings(session, [reply.text_id])).get(reply.text_id) if reply else None
    if reply is None or text is None:
        raise UserError(_GONE)
    if await replies.muted(session, reply.to_id, person_id, text.created_at):
        await replies.drop_words(session, reply_id)
        return f"<@{reply.to_id}> wants no more answers to that, so it stays here."
    await notices.add(session, reply.to_id, notices.REPLY, now, reply_id=reply_id)
    return f"<@{reply.to_id}> gets your answer."


async def throw_away(session: AsyncSession, reply_id: int, person_id: int) -> str:
    """Drop an answer that was held."""
    if not await replies.release(session, reply_id, person_id, proven=False):
        raise UserError(_SETTLED)
    await replies.drop_words(session, reply_id)
    return "Thrown away; nobody else sees it."


async def hold_again(session: AsyncSession, person_id: int) -> str:
    """Hold a person's unproven answers again."""
    await replies.hold_again(session, person_id)
    return "From now on you are asked before an answer goes on that nothing proves to be yours."
