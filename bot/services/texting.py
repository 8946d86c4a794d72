"""Accept texts: decide in order, keep what is permitted, and answer each with a value."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import people, reach, texts
from bot.domain.allowance import has_link
from bot.domain.catalogue import Carrier
from bot.domain.errors import UserError
from bot.domain.limits import Limits
from bot.domain.permission import Kind, Sender, Verdict, judge
from bot.domain.render import ANSWERS_SHOWN, Footer, chat_parts
from bot.domain.segments import ONE_SMS
from bot.domain.standing import Standing
from bot.domain.words import NO_ANSWERS_HERE, NO_ANSWERS_READ, NO_LINK_IN_NAME, NO_LINKS, REFUSAL
from bot.services.bounds import Bounds
from bot.services.door import door_of
from bot.services.drafts import Draft, keep
from bot.services.drafts import Request as Request
from bot.services.shelf import Shelf

_MAY = (Kind.YES, Kind.HELD)


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
    # What a sender's first text to somebody says at its end: how to stop.
    footer: Callable[[], Footer | None] = lambda: None
    reads_answers: bool = True  # a mailbox is set up for what phones answer


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
    bounds = Bounds(session, rules.limits, rules.shelf.policies, now)
    drafts = await _drafts(requests, bounds, rules, answers)
    found = await _judged(session, drafts, rules, now)
    may = (one.request for one, (_, verdict) in zip(drafts, found, strict=True) if verdict.kind in _MAY)
    await bounds.hold_recipients((one.recipient_id, one.guild_id) for one in may)
    kept: list[tuple[Draft, people.Phone]] = []
    introduced: set[tuple[int, int]] = set()
    for draft, (there, verdict) in zip(drafts, found, strict=True):
        with _refusing(draft.request, answers):
            if verdict.kind not in _MAY or there.phone is None:
                raise UserError(verdict.sentence)
            new = not there.introduced and draft.pair not in introduced
            fitted = _fitted(draft, rules.shelf.carrier_of(there.phone), rules.footer() if new else None)
            bounds.count_recipient(draft.request.recipient_id, draft.request.guild_id)
            kept.append((_as_judged(fitted, verdict), there.phone))
            introduced.add(draft.pair)
    kept = await _still_there(session, kept, answers)
    await bounds.save()
    return answers | {text.id: Accepted(text) for text in await keep(session, kept, rules.expires, now)}


async def _still_there(
    session: AsyncSession, kept: list[tuple[Draft, people.Phone]], answers: dict[int, Accepted | Refused]
) -> list[tuple[Draft, people.Phone]]:
    """Refuse what is for a phone that somebody else's transaction has just taken away; it would be named."""
    there = await reach.hold(session, {phone.id for _, phone in kept})
    for draft, phone in kept:
        if phone.id not in there:
            answers[draft.request.interaction_id] = Refused(REFUSAL)
    return [(draft, phone) for draft, phone in kept if phone.id in there]


async def _drafts(
    requests: Sequence[Request], bounds: Bounds, rules: Rules, answers: dict[int, Accepted | Refused]
) -> list[Draft]:
    """Write what its sender may send, as far as that depends on the sender and the text alone."""
    for request in requests:
        with _refusing(request, answers):
            _check_target(request)
            _check_answers(request, rules)
    aimed = [request for request in requests if request.interaction_id not in answers]
    await bounds.hold_senders((one.sender_id, one.recipient_id, one.guild_id) for one in aimed)
    drafts = []
    for request in aimed:
        with _refusing(request, answers):
            bounds.count_sender(request.sender_id, request.recipient_id, request.guild_id)
            parts = chat_parts(request.sender_handle, request.guild_name, request.words)
            drafts.append(Draft(request, parts))
    return drafts


@contextmanager
def _refusing(request: Request, answers: dict[int, Accepted | Refused]) -> Iterator[None]:
    """Answer a request with the sentence of its refusal."""
    try:
        yield
    except UserError as refused:
        answers[request.interaction_id] = Refused(str(refused))


def _check_answers(request: Request, rules: Rules) -> None:
    if request.answers_in is None:
        return
    if not rules.reads_answers:
        raise UserError(NO_ANSWERS_READ)
    if not rules.shelf.policies.of(request.guild_id).answers_here:
        raise UserError(NO_ANSWERS_HERE)


def _check_target(request: Request) -> None:
    if request.recipient_id == request.sender_id:
        raise UserError("That's you. Pick somebody else to text.")
    if request.recipient_is_bot:
        raise UserError("That's a bot; bots have no phone. Pick a person to text.")


async def _judged(
    session: AsyncSession, drafts: Sequence[Draft], rules: Rules, now: datetime
) -> list[tuple[reach.Reach, Verdict]]:
    """Look up what stands between sender and recipient of each draft, and decide.

    Every look-up is made in every case, so that time tells nothing.
    """
    reaches = await reach.reaches(session, {_way(draft.request) for draft in drafts})
    found = [(draft.request, reaches[_way(draft.request)]) for draft in drafts]
    return [(there, _verdict(request, there, rules.shelf, now)) for request, there in found]


def _verdict(request: Request, there: reach.Reach, shelf: Shelf, now: datetime) -> Verdict:
    roles, joined = request.sender_roles, request.sender_joined_at
    sender = Sender(request.sender_id, roles, joined, request.sender_is_admin)
    door = door_of(there, shelf, now, is_member=request.recipient_is_member)
    return judge(shelf.policies.of(request.guild_id), sender, door, None, now)


def _as_judged(draft: Draft, verdict: Verdict) -> Draft:
    if verdict.kind is Kind.YES and verdict.let_in_by is None:
        return draft
    return replace(draft, held_until=verdict.until, let_in_by=verdict.let_in_by)


def _fitted(draft: Draft, carrier: Carrier, footer: Footer | None) -> Draft:
    """Cut a text anew where its gateway takes another length or it says how to stop.

    Raises UserError for what that gateway refuses. Only for one who may text this phone: what is said here
    tells something of its carrier.
    """
    request, room = draft.request, carrier.allowance.room
    if not carrier.links_pass:
        if has_link(request.words):
            raise UserError(NO_LINKS)
        if has_link(draft.parts[0].partition("\n")[0]):
            raise UserError(NO_LINK_IN_NAME)
    footers = [footer] if footer else []
    if request.answers_in is not None:
        footers.append(ANSWERS_SHOWN)
    if room == ONE_SMS and not footers:
        return draft
    parts = chat_parts(request.sender_handle, request.guild_name, request.words, room=room, footers=footers)
    return replace(draft, parts=parts, introduces=footer is not None)


def _way(request: Request) -> tuple[int, int, int]:
    return request.recipient_id, request.guild_id, request.sender_id
