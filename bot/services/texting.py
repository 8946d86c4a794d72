"""Accept texts: decide in order, keep what is permitted, and answer each with a value."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import enqueue, people, texts
from bot.domain.allowance import has_link
from bot.domain.catalogue import Carrier
from bot.domain.consent import EVERYONE
from bot.domain.errors import UserError
from bot.domain.limits import Limits
from bot.domain.render import chat_parts
from bot.domain.segments import ONE_SMS
from bot.domain.standing import OpenAnswer, Standing
from bot.domain.states import State
from bot.domain.words import NO_LINK_IN_NAME, NO_LINKS, REFUSAL
from bot.services.bounds import Bounds
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


@dataclass(frozen=True, slots=True)
class _Draft:
    """A text that its sender may send, in the parts that a phone would show."""

    request: Request
    parts: tuple[str, ...]


async def accept(
    session: AsyncSession, requests: Sequence[Request], rules: Rules, now: datetime
) -> list[Accepted | Refused]:
    """Decide on texts in order inside one transaction; its commit is the durable line."""
    await rules.shelf.refresh(session)
    distinct: dict[int, Request] = {}
    for request in requests:
        # Discord replays events after a RESUME: the same interaction is the same text.
        distinct.setdefault(request.interaction_id, request)
    await texts.take_turns(session, distinct)
    answers: dict[int, Accepted | Refused] = {
        text_id: Accepted(text) for text_id, text in (await texts.standings(session, distinct)).items()
    }
    new = [request for text_id, request in distinct.items() if text_id not in answers]
    answers.update(await _decide(session, new, rules, now))
    return [answers[request.interaction_id] for request in requests]


async def _decide(
    session: AsyncSession, requests: Sequence[Request], rules: Rules, now: datetime
) -> dict[int, Accepted | Refused]:
    """Decide on new texts; the order is the same for everybody, so that no answer tells who is registered."""
    answers: dict[int, Accepted | Refused] = {}
    bounds = Bounds(session, rules.limits, now)
    drafts = await _drafts(requests, bounds, answers)
    permitted = await _permitted(session, drafts, rules, now)
    may = (draft.request for draft in drafts if draft.request.interaction_id in permitted)
    await bounds.hold_recipients((one.recipient_id, one.guild_id) for one in may)
    kept: list[tuple[_Draft, people.Phone]] = []
    for draft in drafts:
        with _refusing(draft.request, answers):
            found = permitted.get(draft.request.interaction_id)
            if found is None:
                raise UserError(REFUSAL)
            phone, carrier = found
            fitted = _fitted(draft, carrier)
            bounds.count_recipient(draft.request.recipient_id, draft.request.guild_id)
            kept.append((fitted, phone))
    await bounds.save()
    return answers | {text.id: Accepted(text) for text in await _keep(session, kept, rules, now)}


async def _drafts(
    requests: Sequence[Request], bounds: Bounds, answers: dict[int, Accepted | Refused]
) -> list[_Draft]:
    """Write what its sender may send, as far as that depends on the sender and the text alone."""
    for request in requests:
        with _refusing(request, answers):
            _check_target(request)
    aimed = [request for request in requests if request.interaction_id not in answers]
    await bounds.hold_senders((one.sender_id, one.recipient_id) for one in aimed)
    drafts = []
    for request in aimed:
        with _refusing(request, answers):
            bounds.count_sender(request.sender_id, request.recipient_id)
            parts = chat_parts(request.sender_handle, request.guild_name, request.words)
            drafts.append(_Draft(request, parts))
    return drafts


@contextmanager
def _refusing(request: Request, answers: dict[int, Accepted | Refused]) -> Iterator[None]:
    """Answer a request with the sentence of its refusal."""
    try:
        yield
    except UserError as refused:
        answers[request.interaction_id] = Refused(str(refused))


def _check_target(request: Request) -> None:
    if request.recipient_id == request.sender_id:
        raise UserError("That's you. Pick somebody else to text.")
    if request.recipient_is_bot:
        raise UserError("That's a bot; bots have no phone. Pick a person to text.")


async def _permitted(
    session: AsyncSession, drafts: Sequence[_Draft], rules: Rules, now: datetime
) -> dict[int, tuple[people.Phone, Carrier]]:
    """Find the phones that take these texts, with their carriers.

    Every look-up is made in every case, so that time tells nothing.
    """
    asked = {_way(draft.request) for draft in drafts}
    reaches = await people.reaches(session, asked)
    found = ((draft.request, reaches[_way(draft.request)]) for draft in drafts)
    return {
        request.interaction_id: (reach.phone, rules.shelf.carrier_of(reach.phone))
        for request, reach in found
        if reach.phone is not None
        and request.recipient_is_member
        and reach.audience == EVERYONE
        and not reach.blocked
        and not reach.phone.paused(now)
        and rules.shelf.takes(reach.phone, now)
    }


def _fitted(draft: _Draft, carrier: Carrier) -> _Draft:
    """Cut a text anew where its gateway takes another length; raises UserError for what that one refuses.

    Only for one who may text this phone: what is said here tells something of its carrier.
    """
    request, room = draft.request, carrier.allowance.room
    if not carrier.links_pass:
        if has_link(request.words):
            raise UserError(NO_LINKS)
        if has_link(draft.parts[0].partition("\n")[0]):
            raise UserError(NO_LINK_IN_NAME)
    if room == ONE_SMS:
        return draft
    parts = chat_parts(request.sender_handle, request.guild_name, request.words, room=room)
    return replace(draft, parts=parts)


def _way(request: Request) -> tuple[int, int, int]:
    return request.recipient_id, request.guild_id, request.sender_id


async def _keep(
    session: AsyncSession, kept: Sequence[tuple[_Draft, people.Phone]], rules: Rules, now: datetime
) -> list[Standing]:
    """Keep texts with their mails."""
    new = [_standing(draft, now) for draft, _ in kept]
    answers = [draft.request.answer for draft, _ in kept]
    await texts.add(session, list(zip(new, answers, strict=True)))
    items = [item for draft, phone in kept for item in _items(draft, phone, rules, now)]
    await enqueue.add(session, items)
    return new


def _standing(draft: _Draft, now: datetime) -> Standing:
    request, parts = draft.request, len(draft.parts)
    who = (request.sender_id, request.recipient_id, request.guild_id)
    until = request.answer.until if request.answer else None
    return Standing(request.interaction_id, *who, State.QUEUED, "", parts, 0, now, until)


def _items(draft: _Draft, phone: people.Phone, rules: Rules, now: datetime) -> list[enqueue.NewItem]:
    request = draft.request
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
            mail_id=secrets.token_hex(MAIL_ID_BYTES),
            due_at=now,
            expires_at=now + rules.expires,
        )
        for number, words in enumerate(draft.parts, 1)
    ]
