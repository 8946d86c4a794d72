"""Accept texts: decide in order, keep what is permitted, and answer each with a value."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import enqueue, people, texts
from bot.db import limits as uses
from bot.domain.consent import EVERYONE
from bot.domain.errors import UserError
from bot.domain.limits import Limits, Rate
from bot.domain.render import chat_parts
from bot.domain.standing import OpenAnswer, Standing
from bot.domain.states import State
from bot.domain.words import REFUSAL
from bot.services.shelf import Shelf

MAIL_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Request:
    """One /text as it came in; neither words nor token show in a repr."""

    interaction_id: int
    sender_id: int
    sender_handle: str
    recipient_id: int
    recipient_is_member: bool
    recipient_is_bot: bool
    guild_id: int
    guild_name: str
    words: str
    answer: OpenAnswer | None

    def __repr__(self) -> str:
        """Leave the words out."""
        return f"Request({self.interaction_id})"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The text is kept, or was already: it stands here."""

    text: Standing


@dataclass(frozen=True, slots=True)
class Refused:
    """The text is not kept; the sentence says why and what to do."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator set: limits (None: off) and how long a text is worth sending."""

    limits: Limits | None
    expires: timedelta
    shelf: Shelf


async def accept(
    session: AsyncSession, requests: Sequence[Request], rules: Rules, now: datetime
) -> list[Accepted | Refused]:
    """Decide on texts in order inside one transaction; its commit is the durable line."""
    await rules.shelf.refresh(session)
    await texts.take_turns(session, [request.interaction_id for request in requests])
    return [await _accept_one(session, request, rules, now) for request in requests]


async def _accept_one(
    session: AsyncSession, request: Request, rules: Rules, now: datetime
) -> Accepted | Refused:
    known = await texts.standings(session, [request.interaction_id])
    if known:
        # Discord replays events after a RESUME: the same interaction is the same text.
        return Accepted(known[request.interaction_id])
    try:
        # The order is the same for everybody, so that no answer tells who is registered.
        await _check_sender(session, request, rules, now)
        parts = chat_parts(request.sender_handle, request.guild_name, request.words)
        phone = await _phone_that_takes(session, request, rules, now)
        await _check_recipient_limits(session, request, rules, now)
    except UserError as refused:
        return Refused(str(refused))
    return Accepted(await _keep(session, request, parts, phone, rules, now))


async def _check_sender(session: AsyncSession, request: Request, rules: Rules, now: datetime) -> None:
    if request.recipient_id == request.sender_id:
        raise UserError("That's you. Pick somebody else to text.")
    if request.recipient_is_bot:
        raise UserError("That's a bot; bots have no phone. Pick a person to text.")
    if rules.limits is None:
        return
    sender, pair = request.sender_id, f"{request.sender_id}:{request.recipient_id}"
    await _use(
        session, f"sender:{sender}", rules.limits.sender, now, "You've sent as many texts as you may for now"
    )
    await _use(
        session,
        f"pair:{pair}",
        rules.limits.pair,
        now,
        "You've tried to text this person often enough for now",
    )


async def _check_recipient_limits(
    session: AsyncSession, request: Request, rules: Rules, now: datetime
) -> None:
    if rules.limits is None:
        return
    full = "That person has had as many texts as they can take for now"
    await _use(session, f"recipient:{request.recipient_id}", rules.limits.recipient, now, full)
    full = "This server has sent as many texts as it may for now"
    await _use(session, f"guild:{request.guild_id}", rules.limits.guild, now, full)


async def _use(session: AsyncSession, key: str, rate: Rate, now: datetime, sentence: str) -> None:
    next_at = await uses.use(session, key, rate.count, rate.per, now)
    if next_at is not None:
        raise UserError(f"{sentence}. The next one can go <t:{int(next_at.timestamp()) + 1}:R>.")


async def _phone_that_takes(
    session: AsyncSession, request: Request, rules: Rules, now: datetime
) -> people.Phone:
    # Every look-up is made in every case, so that time tells as little as words.
    phone = await people.phone_of(session, request.recipient_id)
    audience = await people.audience(session, request.recipient_id, request.guild_id)
    blocked = await people.is_blocked(session, request.recipient_id, request.sender_id)
    if phone is None or not request.recipient_is_member or audience != EVERYONE or blocked:
        raise UserError(REFUSAL)
    if phone.paused(now) or not rules.shelf.takes(phone, now):
        raise UserError(REFUSAL)
    return phone


async def _keep(
    session: AsyncSession,
    request: Request,
    parts: Sequence[str],
    phone: people.Phone,
    rules: Rules,
    now: datetime,
) -> Standing:
    text = Standing(
        request.interaction_id,
        request.sender_id,
        request.recipient_id,
        request.guild_id,
        State.QUEUED,
        "",
        len(parts),
        0,
        now,
    )
    await texts.add(session, text, request.answer)
    items = [
        enqueue.NewItem(
            queue=request.recipient_id,
            priority=enqueue.CHAT_PRIORITY,
            text_id=text.id,
            registration_id=phone.id,
            registration_version=phone.version,
            sender_id=request.sender_id,
            guild_id=request.guild_id,
            domain=phone.domain,
            part=number,
            words=words,
            mail_id=secrets.token_hex(MAIL_ID_BYTES),
            due_at=now,
            expires_at=now + rules.expires,
        )
        for number, words in enumerate(parts, 1)
    ]
    await enqueue.add(session, items)
    return text
