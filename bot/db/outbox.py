"""Look after the mails that wait or have come to an end; bot/db/leases.py has those that are held."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Executable, bindparam, case, delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.leases import ENDED, Leased
from bot.db.prepared import Prepared
from bot.db.store import vault_of
from bot.db.tables import Attempt, OutboxItem
from bot.db.types import Instant
from bot.domain.states import Item

# As words, not as parameters: only so SQLite sees which of its partial indexes fit.
_WAITING = text("outbox.state = 'waiting'")
_HELD = text("outbox.state = 'held'")
_CODES = text("outbox.priority = 0")
_DOUBTS = OutboxItem.ambiguous + OutboxItem.lost


async def next_due(session: AsyncSession, now: datetime) -> datetime | None:
    """Tell when the next mail falls due; those already due wait for an earlier mail or a free place."""
    ((due,),) = await _NEXT_DUE.run(session, now=now)
    found: datetime | None = due
    return found


def _next_due(_: str) -> Executable:
    later = OutboxItem.due_at > bindparam("now", type_=Instant())
    return select(func.min(OutboxItem.due_at)).where(_WAITING, later)


_NEXT_DUE = Prepared(_next_due)


async def end_waiting(
    session: AsyncSession, state: Item, *, text_id: int | None = None, queue: int | None = None
) -> dict[int, bool]:
    """End every mail that still waits for a text or a recipient; returns the texts it hit.

    True where an earlier attempt may have arrived: nobody may be told that it was not sent.
    """
    where: list[Any] = [OutboxItem.state.in_((Item.WAITING, Item.HELD))]
    if text_id is not None:
        where.append(OutboxItem.text_id == text_id)
    hit: dict[int, bool] = {}
    if queue is not None:
        # One index has what waits, another what is held.
        where = [OutboxItem.queue == queue]
        for which in ((OutboxItem.state == Item.WAITING, OutboxItem.turn.is_not(None)), (_HELD,)):
            await _end(session, state, [*where, *which], hit)
    else:
        await _end(session, state, where, hit)
    return hit


async def _end(session: AsyncSession, state: Item, where: Sequence[Any], hit: dict[int, bool]) -> None:
    end = case((_DOUBTS > 0, Item.UNSURE), else_=state)
    statement = update(OutboxItem).where(*where).values(state=end, **ENDED)
    for text_of, doubts in await session.execute(statement.returning(OutboxItem.text_id, _DOUBTS)):
        if text_of is not None:
            hit[text_of] = hit.get(text_of, False) or doubts > 0


async def expire(session: AsyncSession, now: datetime, most: int) -> list[tuple[int | None, int, bool]]:
    """End waiting mails past their end; returns (text, sender, unsure) of each, the text None for a code.

    Unsure: an earlier attempt may have arrived, so nobody may be told that it was not sent.
    """
    late = (
        select(OutboxItem.id)
        .where(OutboxItem.expires_at <= now, OutboxItem.turn.is_not(None), OutboxItem.state == Item.WAITING)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    ids = list((await session.scalars(late)).all())
    if not ids:
        return []
    state = case((_DOUBTS > 0, Item.UNSURE), else_=Item.EXPIRED)
    statement = update(OutboxItem).where(OutboxItem.id.in_(ids)).values(state=state, **ENDED)
    told = (OutboxItem.text_id, OutboxItem.verification_id, OutboxItem.sender_id, _DOUBTS)
    return [
        (text_id, sender_id, unsure > 0)
        for text_id, code_id, sender_id, unsure in await session.execute(statement.returning(*told))
        # Nobody need hear that what the bot says to a phone of itself came to nothing.
        if text_id is not None or code_id is not None
    ]


async def pull_back(session: AsyncSession, now: datetime, longest: timedelta) -> None:
    """Make due what waits for longer than anything is put off."""
    far = (_WAITING, OutboxItem.due_at > now + longest)
    await session.execute(update(OutboxItem).where(*far).values(due_at=now))


async def make_due(session: AsyncSession, domain: str, now: datetime) -> None:
    """Let everything that waits for a gateway go now: it takes texts again."""
    put_off = (_WAITING, OutboxItem.domain == domain, OutboxItem.due_at > now)
    await session.execute(update(OutboxItem).where(*put_off).values(due_at=now))


async def waiting_after(session: AsyncSession, domain: str, item_id: int, most: int) -> list[tuple[int, int]]:
    """List (id, text) of mails that wait for a gateway and came in after one, oldest first."""
    where = (OutboxItem.id > item_id, OutboxItem.domain == domain, OutboxItem.state == Item.WAITING)
    chat = select(OutboxItem.id, OutboxItem.text_id).where(*where, OutboxItem.text_id.is_not(None))
    rows = await session.execute(chat.order_by(OutboxItem.id).limit(most))
    return [(row_id, text_id) for row_id, text_id in rows if text_id is not None]


async def forget_codes(session: AsyncSession, person_id: int) -> None:
    """Delete the mails of a person's codes, save one on the wire: it ends by its result."""
    mine = (_CODES, OutboxItem.queue == -person_id, OutboxItem.state != Item.LEASED)
    await session.execute(delete(OutboxItem).where(*mine))


async def note_attempts(
    session: AsyncSession, attempts: Sequence[tuple[Leased, str, str, int | None]], at: datetime
) -> None:
    """Log tries that were anything but a plain success: the mail, its outcome, step and reply code."""
    rows = [
        {
            "outbox_id": item.id,
            "text_id": item.text_id,
            "mail_id": item.mail_id,
            "outcome": outcome,
            "step": step,
            "code": code,
            "at": at,
        }
        for item, outcome, step, code in attempts
    ]
    if rows:
        await session.execute(insert(Attempt), rows)


def words_of(session: AsyncSession, item: Leased) -> str:
    """Open what a mail says."""
    return vault_of(session).open(item.sealed) if item.sealed else ""


async def forget_old(session: AsyncSession, before: datetime, most: int) -> None:
    """Delete mails that came to an end long ago, and the log of their attempts."""
    open_states = (Item.WAITING, Item.LEASED, Item.HELD)
    old = select(OutboxItem.id).where(OutboxItem.expires_at < before, OutboxItem.state.not_in(open_states))
    await session.execute(delete(OutboxItem).where(OutboxItem.id.in_(old.limit(most))))
    late = select(Attempt.id).where(Attempt.at < before).limit(most)
    await session.execute(delete(Attempt).where(Attempt.id.in_(late)))
