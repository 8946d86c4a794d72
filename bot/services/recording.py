"""Record what attempts came to."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import leases, notices, outbox
from bot.db.outbox import Leased
from bot.domain.outcome import MOST_AMBIGUOUS, REFUSED, Outcome, Reply, Step, decide
from bot.domain.states import Item
from bot.domain.words import CODE_FAILED, CODE_LATE, CODE_UNSURE, LATER, LIMITED, RELAY_AWAY, UNSURE
from bot.services.standing import update_standings

_log = logging.getLogger(__name__)
RetryAt = Callable[[int], datetime]  # from the attempts so far
ACCOUNT_PAUSE = timedelta(minutes=30)
CODE_NOTICE = "code"
EXPIRE_AT_ONCE = 200
# In an item's `ambiguous` a line that broke counts two; leases that crashes lost count one between them.
# So a crash leaves it open whether a text arrived, but never brings its end nearer.
_BREAK, _CRASH = 2, 1


async def record(
    session: AsyncSession,
    owner: int,
    results: Sequence[tuple[Leased, Reply]],
    now: datetime,
    retry_at: RetryAt,
) -> int:
    """Write down how mails we hold ended; returns how many texts moved."""
    reasons: dict[int, str] = {}
    for item, reply in results:
        outcome = decide(reply)
        ours, reason = await _record_one(session, owner, item, reply, outcome, now, retry_at)
        if item.text_id is not None and ours and outcome is not Outcome.STOPPED:
            reasons[item.text_id] = reason
        if outcome not in (Outcome.SENT, Outcome.STOPPED):
            _log_attempt(item, reply, outcome)
            await outbox.note_attempt(session, item, outcome, reply.step, reply.code, now)
        if not ours:
            _log.warning("outbox %d: its lease is no longer ours, the result is left out", item.id)
    return await update_standings(session, reasons.keys(), now, reasons)


def _log_attempt(item: Leased, reply: Reply, outcome: Outcome) -> None:
    level = logging.WARNING if outcome in REFUSED or outcome is Outcome.AMBIGUOUS else logging.INFO
    _log.log(level, "outbox %d: %s at %s", item.id, outcome, reply)


async def _record_one(
    session: AsyncSession,
    owner: int,
    item: Leased,
    reply: Reply,
    outcome: Outcome,
    now: datetime,
    retry_at: RetryAt,
) -> tuple[bool, str]:
    """Apply one outcome; returns whether the lease was ours, and the reason to show the sender."""
    match outcome:
        case Outcome.SENT:
            return await outbox.finish(session, owner, item.id, Item.SENT), ""
        case Outcome.RETRY:
            return await outbox.put_back(session, owner, item.id, retry_at(item.attempts), attempts=1), LATER
        case Outcome.STOPPED:
            return await outbox.put_back(session, owner, item.id, now), ""
        case Outcome.RELAY_AWAY:
            return await outbox.put_back(session, owner, item.id, now), RELAY_AWAY
        case Outcome.ACCOUNT_LIMIT:
            return await outbox.put_back(session, owner, item.id, now + ACCOUNT_PAUSE), LIMITED
        case Outcome.AMBIGUOUS:
            return await _unsure(session, owner, item, reply, now, retry_at)
    return await _refused(session, owner, item, outcome, now)


async def _unsure(
    session: AsyncSession, owner: int, item: Leased, reply: Reply, now: datetime, retry_at: RetryAt
) -> tuple[bool, str]:
    # Crashes of our own never give a text up: it may not have been begun in any of them.
    ours_to_blame = reply.step is Step.LOST
    breaks, had_crash = divmod(item.ambiguous, _BREAK)
    if item.verification_id is None and (ours_to_blame or breaks + 1 < MOST_AMBIGUOUS):
        doubt = _BREAK if not ours_to_blame else 0 if had_crash else _CRASH
        put_back = await outbox.put_back(
            session, owner, item.id, retry_at(item.attempts), attempts=1, ambiguous=doubt
        )
        return put_back, "" if ours_to_blame else LATER
    # A code is never sent twice: the person asks for a new one instead.
    ours = await outbox.finish(session, owner, item.id, Item.UNSURE)
    if ours:
        await _end(session, item, CODE_UNSURE, now)
    return ours, UNSURE


async def _refused(
    session: AsyncSession, owner: int, item: Leased, outcome: Outcome, now: datetime
) -> tuple[bool, str]:
    # An earlier attempt may have arrived: then nobody may be told that it was not sent.
    state, reason = (Item.UNSURE, UNSURE) if item.ambiguous else (Item.REFUSED, str(outcome))
    ours = await outbox.finish(session, owner, item.id, state)
    if ours:
        await _end(session, item, CODE_FAILED, now)
    return ours, reason


async def _end(session: AsyncSession, item: Leased, code_words: str, now: datetime) -> None:
    if item.text_id is not None:
        await outbox.end_waiting(session, Item.CANCELLED, text_id=item.text_id)
    else:
        await notices.add(session, item.sender_id, CODE_NOTICE, now, words=code_words)


async def end_late(session: AsyncSession, now: datetime) -> int:
    """End what waited too long, and leave word of it; returns how many texts moved."""
    late = await outbox.expire(session, now, EXPIRE_AT_ONCE)
    for person_id in {person_id for text_id, person_id, _ in late if text_id is None}:
        await notices.add(session, person_id, CODE_NOTICE, now, words=CODE_LATE)
    reasons = {text_id: UNSURE for text_id, _, unsure in late if text_id is not None and unsure}
    return await update_standings(session, {text_id for text_id, _, _ in late if text_id}, now, reasons)


async def take_over(session: AsyncSession, owner: int, now: datetime) -> int:
    """Take up dead relays' leases: perhaps past the final dot, so each is an ambiguous attempt."""
    items = await leases.orphans(session, owner)
    if not items:
        return 0
    await leases.adopt(session, items, owner)
    _log.warning("outbox: took over %d leases of a relay that is gone", len(items))
    # No waiting for these: the break was ours, not the server's.
    return await record(
        session, owner, [(item, Reply(Step.LOST, None)) for item in items], now, lambda _: now
    )
