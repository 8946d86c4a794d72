"""Record what attempts came to."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import held as held_mails
from bot.db import leases, notices, outbox
from bot.db.leases import Leased
from bot.domain.outcome import MOST_AMBIGUOUS, REFUSED, Outcome, Reply, Step, decide
from bot.domain.states import Item
from bot.domain.words import (
    CODE_FAILED,
    CODE_LATE,
    CODE_UNSURE,
    GATEWAY_CLOSED,
    LATER,
    LIMITED,
    RELAY_AWAY,
    UNSURE,
)
from bot.services.gateways import Gateways
from bot.services.signs import note_results
from bot.services.standing import note_taken, update_standings

_log = logging.getLogger(__name__)
RetryAt = Callable[[int], datetime]  # from the attempts so far
ACCOUNT_PAUSE = timedelta(minutes=30)
CODE_NOTICE = "code"
EXPIRE_AT_ONCE = RELEASE_AT_ONCE = 200
MANY_ATTEMPTS = 16


class Result(NamedTuple):
    """What an attempt came to."""

    item: Leased
    reply: Reply
    outcome: Outcome


@dataclass(slots=True)
class _Record:
    """One transaction's recording, with the reasons that senders are shown."""

    session: AsyncSession
    owner: int
    now: datetime
    retry_at: RetryAt
    gateways: Gateways
    reasons: dict[int, str] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)  # texts of which a mail was taken

    async def plain(self, results: Sequence[Result]) -> None:
        """Record what needs no thought, all at once: mails sent, and mails not begun."""
        not_begun = {item.id: item.domain for item, _, outcome in results if outcome is Outcome.STOPPED}
        await leases.put_back(self.session, self.owner, not_begun.keys(), self.now)
        for domain, count in Counter(not_begun.values()).items():
            self.gateways.returned(domain, count)
        sent = {item.id: item for item, _, outcome in results if outcome is Outcome.SENT}
        ours = await leases.finish(self.session, self.owner, sent.keys(), Item.SENT)
        for item in sent.values():
            self._take_note(item, item.id in ours, "")
        self.taken = {item.text_id for item in sent.values() if item.text_id is not None and item.id in ours}
        if sent:
            _log.info("outbox: sent %s", ", ".join(map(str, sent)))

    async def one(self, item: Leased, reply: Reply, outcome: Outcome) -> None:
        """Record one that needs thought."""
        ours, reason = await self._apply(item, reply, outcome)
        self._take_note(item, ours, reason)

    def _take_note(self, item: Leased, ours: bool, reason: str) -> None:
        if not ours:
            _log.warning("outbox %d: its lease is no longer ours, the result is left out", item.id)
        elif item.text_id is not None:
            self.reasons[item.text_id] = reason

    async def _apply(self, item: Leased, reply: Reply, outcome: Outcome) -> tuple[bool, str]:
        """Apply one outcome; returns whether the lease was ours, and the reason to show the sender."""
        if self.gateways.learn(item, reply, outcome):
            # Long enough for others to try first: this number may be refused for its own sake.
            return await self._wait(item, self.retry_at(MANY_ATTEMPTS), attempts=1), GATEWAY_CLOSED
        match outcome:
            case Outcome.RETRY:
                return await self._wait(item, self.retry_at(item.attempts), attempts=1), LATER
            case Outcome.RELAY_AWAY:
                return await self._wait(item, self.now), RELAY_AWAY
            case Outcome.ACCOUNT_LIMIT:
                return await self._wait(item, self.now + ACCOUNT_PAUSE), LIMITED
            case Outcome.AMBIGUOUS:
                return await self._unsure(item, reply)
        return await self._refused(item, outcome)

    async def _wait(
        self, item: Leased, due_at: datetime, *, attempts: int = 0, ambiguous: int = 0, lost: int = 0
    ) -> bool:
        counts = {"attempts": attempts, "ambiguous": ambiguous, "lost": lost}
        ours = await leases.put_back(self.session, self.owner, [item.id], due_at, **counts)
        if ours and due_at > self.now:
            await leases.hold_up(self.session, item, due_at)
        return bool(ours)

    async def _unsure(self, item: Leased, reply: Reply) -> tuple[bool, str]:
        # Crashes of our own never give a text up: it may not have been begun in any of them.
        ours_to_blame = reply.step is Step.LOST
        if item.text_id is not None and (ours_to_blame or item.ambiguous + 1 < MOST_AMBIGUOUS):
            count = {"lost": 1} if ours_to_blame else {"ambiguous": 1}
            put_back = await self._wait(item, self.retry_at(item.attempts), attempts=1, **count)
            return put_back, "" if ours_to_blame else LATER
        # A code is never sent twice: the person asks for a new one instead.
        return await self._end(item, Item.UNSURE, CODE_UNSURE), UNSURE

    async def _refused(self, item: Leased, outcome: Outcome) -> tuple[bool, str]:
        # An earlier attempt may have arrived: then nobody may be told that it was not sent.
        state, reason = (Item.UNSURE, UNSURE) if item.unsure else (Item.REFUSED, str(outcome))
        return await self._end(item, state, CODE_FAILED), reason

    async def _end(self, item: Leased, state: Item, code_words: str) -> bool:
        ours = await leases.finish(self.session, self.owner, [item.id], state)
        if ours and item.text_id is not None:
            await outbox.end_waiting(self.session, Item.CANCELLED, text_id=item.text_id)
        elif ours and item.verification_id is not None:
            await notices.add(self.session, item.sender_id, CODE_NOTICE, self.now, words=code_words)
        return bool(ours)


async def record(
    session: AsyncSession,
    owner: int,
    results: Sequence[Result],
    now: datetime,
    retry_at: RetryAt,
    gateways: Gateways,
) -> int:
    """Write down how mails we hold ended; returns how many texts moved."""
    if not results:
        return 0
    writing = _Record(session, owner, now, retry_at, gateways)
    await writing.plain(results)
    odd: list[tuple[Leased, str, str, int | None]] = []
    for item, reply, outcome in results:
        if outcome is Outcome.SENT:
            gateways.learn(item, reply, outcome)
        elif outcome is not Outcome.STOPPED:
            await writing.one(item, reply, outcome)
            _log_attempt(item, reply, outcome)
            odd.append((item, outcome, reply.step, reply.code))
    await outbox.note_attempts(session, odd, now)
    await note_results(session, results, now)
    whole, told = await note_taken(session, writing.taken, now)
    reasons = {text_id: reason for text_id, reason in writing.reasons.items() if text_id not in whole}
    return told + await update_standings(session, reasons.keys(), now, reasons)


def _log_attempt(item: Leased, reply: Reply, outcome: Outcome) -> None:
    level = logging.WARNING if outcome in REFUSED or outcome is Outcome.AMBIGUOUS else logging.INFO
    _log.log(level, "outbox %d: %s at %s", item.id, outcome, reply)


async def end_late(session: AsyncSession, now: datetime) -> int:
    """End what waited too long, and leave word of it; returns how many texts moved."""
    late = await outbox.expire(session, now, EXPIRE_AT_ONCE)
    for person_id in {person_id for text_id, person_id, _ in late if text_id is None}:
        await notices.add(session, person_id, CODE_NOTICE, now, words=CODE_LATE)
    reasons = {text_id: UNSURE for text_id, _, unsure in late if text_id is not None and unsure}
    return await update_standings(session, {text_id for text_id, _, _ in late if text_id}, now, reasons)


async def take_over(session: AsyncSession, owner: int, now: datetime, gateways: Gateways) -> int:
    """Take up dead relays' leases: perhaps past the final dot, so each is an ambiguous attempt."""
    items = await leases.orphans(session, owner)
    if not items:
        return 0
    await leases.adopt(session, items, owner)
    _log.warning("outbox: took over %d leases of a relay that is gone", len(items))
    # No waiting for these: the break was ours, not the server's.
    broke = Reply(Step.LOST, None)
    lost = [Result(item, broke, decide(broke)) for item in items]
    return await record(session, owner, lost, now, lambda _: now, gateways)


async def sweep(
    session: AsyncSession, owner: int, held: Collection[int], now: datetime, gateways: Gateways
) -> int:
    """Do what is due every second: end what is late, and see to leases that nobody looks after."""
    moved = await end_late(session, now)
    released = await held_mails.release(session, now, RELEASE_AT_ONCE)
    moved += await update_standings(session, released, now, dict.fromkeys(released, ""))
    await leases.give_back_lost(session, owner, held)
    return moved + await take_over(session, owner, now, gateways)
