"""Hold texts that may go, in the parts that a phone would show, and keep them with their mails."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import answer_channels, enqueue, listing, people, texts
from bot.domain.standing import OpenAnswer, Standing
from bot.domain.states import State, held_reason

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
    sender_roles: tuple[int, ...] = ()
    sender_joined_at: datetime | None = None
    sender_is_admin: bool = False
    answers_in: int | None = None  # the channel where answers are shown, instead of by DM

    def __repr__(self) -> str:
        """Leave the words out."""
        return f"Request({self.interaction_id})"


@dataclass(frozen=True, slots=True)
class Draft:
    """A text that its sender may send, in the parts that a phone would show."""

    request: Request
    parts: tuple[str, ...]
    introduces: bool = False
    held_until: datetime | None = None
    let_in_by: int | None = None

    @property
    def pair(self) -> tuple[int, int]:
        """Name recipient and sender."""
        return self.request.recipient_id, self.request.sender_id


async def keep(
    session: AsyncSession, kept: Sequence[tuple[Draft, people.Phone]], expires: timedelta, now: datetime
) -> list[Standing]:
    """Keep texts with their mails."""
    new = [_standing(draft, now) for draft, _ in kept]
    answers = [draft.request.answer for draft, _ in kept]
    await texts.add(session, list(zip(new, answers, strict=True)))
    mail_ids = _mail_ids(sum(len(draft.parts) for draft, _ in kept))
    items = [item for draft, phone in kept for item in _items(draft, phone, mail_ids, expires, now)]
    await enqueue.add(session, items)
    first = [(*draft.pair, draft.request.interaction_id) for draft, _ in kept if draft.introduces]
    await listing.introduce(session, first)
    asked = [draft.request for draft, _ in kept]
    shown = [
        (one.interaction_id, one.guild_id, one.answers_in) for one in asked if one.answers_in is not None
    ]
    await answer_channels.add(session, shown, now)
    return new


def _standing(draft: Draft, now: datetime) -> Standing:
    request, parts = draft.request, len(draft.parts)
    who = (request.sender_id, request.recipient_id, request.guild_id)
    until = request.answer.until if request.answer else None
    state, reason = (State.HELD, held_reason(draft.held_until)) if draft.held_until else (State.QUEUED, "")
    return Standing(request.interaction_id, *who, state, reason, parts, 0, now, until)


def _mail_ids(count: int) -> Iterator[str]:
    """Draw so many names for mails, with one question to the system."""
    drawn, length = secrets.token_hex(MAIL_ID_BYTES * count), 2 * MAIL_ID_BYTES
    return (drawn[at : at + length] for at in range(0, len(drawn), length))


def _items(
    draft: Draft, phone: people.Phone, mail_ids: Iterator[str], expires: timedelta, now: datetime
) -> list[enqueue.NewItem]:
    request, held, due_at = draft.request, draft.held_until is not None, draft.held_until or now
    return [
        enqueue.NewItem(
            queue=request.recipient_id,
            priority=enqueue.CHAT_PRIORITY,
            text_id=request.interaction_id,
            registration_id=phone.id,
            registration_version=phone.version,
            sender_id=request.sender_id,
            guild_id=request.guild_id,
            domain=phone.domain,
            part=number,
            words=words,
            mail_id=next(mail_ids),
            due_at=due_at,
            expires_at=due_at + expires,
            held=held,
            let_in_by=draft.let_in_by,
        )
        for number, words in enumerate(draft.parts, 1)
    ]
