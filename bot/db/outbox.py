"""Claim mails that wait, under a lease, and record what became of them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from bot.db.store import vault_of
from bot.db.tables import Attempt, OutboxItem
from bot.domain.states import Item


@dataclass(frozen=True, slots=True)
class Leased:
    """A mail that a relay holds, with what is needed to send it and to record the end."""

    id: int
    text_id: int | None
    verification_id: int | None
    registration_id: int | None
    registration_version: int | None
    sender_id: int
    guild_id: int | None
    mail_id: str
    attempts: int
    ambiguous: int
    sealed: bytes | None = field(repr=False)


def leased(row: OutboxItem) -> Leased:
    """Turn a row that is held into what leaves the session."""
    return Leased(
        row.id,
        row.text_id,
        row.verification_id,
        row.registration_id,
        row.registration_version,
        row.sender_id,
        row.guild_id,
        row.mail_id,
        row.attempts,
        row.ambiguous,
        row.words_sealed,
    )


async def claim(session: AsyncSession, owner: int, most: int, now: datetime) -> list[Leased]:
    """Lease due mails to `owner`: codes first, then in due order, one open mail a recipient at a time."""
    earlier = aliased(OutboxItem)
    first_of_queue = ~(
        select(earlier.id)
        .where(
            earlier.queue == OutboxItem.queue,
            earlier.state.in_((Item.WAITING, Item.LEASED)),
            earlier.id < OutboxItem.id,
        )
        .exists()
    )
    due = (
        select(OutboxItem.id)
        .where(OutboxItem.state == Item.WAITING, OutboxItem.due_at <= now, OutboxItem.expires_at > now)
        .where(first_of_queue)
        .order_by(OutboxItem.priority, OutboxItem.due_at, OutboxItem.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    ids = list((await session.scalars(due)).all())
    if not ids:
        return []
    lease = update(OutboxItem).where(OutboxItem.id.in_(ids), OutboxItem.state == Item.WAITING)
    values = {"state": Item.LEASED, "lease_owner": owner, "leased_at": now}
    rows = (await session.scalars(lease.values(**values).returning(OutboxItem))).all()
    return [leased(row) for row in sorted(rows, key=lambda row: (row.priority, row.due_at, row.id))]


async def next_due(session: AsyncSession, now: datetime) -> datetime | None:
    """Tell when the next mail falls due; those already due wait for an earlier mail or a free place."""
    where = (OutboxItem.state == Item.WAITING, OutboxItem.due_at > now)
    return await session.scalar(select(func.min(OutboxItem.due_at)).where(*where))


async def finish(session: AsyncSession, owner: int, item_id: int, state: Item) -> bool:
    """End a mail we still hold and drop its words; False where the lease is no longer ours."""
    return await _leave(session, owner, item_id, {"state": state, "words_sealed": None})


async def put_back(
    session: AsyncSession,
    owner: int,
    item_id: int,
    due_at: datetime,
    *,
    attempts: int = 0,
    ambiguous: int = 0,
) -> bool:
    """Let a mail we hold wait again, adding to its counts; False where the lease is no longer ours."""
    return await _leave(
        session,
        owner,
        item_id,
        {
            "state": Item.WAITING,
            "due_at": due_at,
            "attempts": OutboxItem.attempts + attempts,
            "ambiguous": OutboxItem.ambiguous + ambiguous,
        },
    )


async def _leave(session: AsyncSession, owner: int, item_id: int, values: dict[str, object]) -> bool:
    statement = (
        update(OutboxItem)
        .where(OutboxItem.id == item_id, OutboxItem.state == Item.LEASED, OutboxItem.lease_owner == owner)
        .values(**values, lease_owner=None, leased_at=None)
        .returning(OutboxItem.id)
    )
    return (await session.execute(statement)).first() is not None


async def end_waiting(
    session: AsyncSession, state: Item, *, text_id: int | None = None, queue: int | None = None
) -> set[int]:
    """End every mail that still waits for a text or a recipient; returns the texts it hit."""
    statement = update(OutboxItem).where(OutboxItem.state == Item.WAITING)
    if text_id is not None:
        statement = statement.where(OutboxItem.text_id == text_id)
    if queue is not None:
        statement = statement.where(OutboxItem.queue == queue)
    rows = await session.scalars(
        statement.values(state=state, words_sealed=None).returning(OutboxItem.text_id)
    )
    return {row for row in rows if row is not None}


async def expire(session: AsyncSession, now: datetime, most: int) -> list[tuple[int | None, int, bool]]:
    """End waiting mails past their end; returns (text, sender, unsure) of each, the text None for a code.

    Unsure: an earlier attempt may have arrived, so nobody may be told that it was not sent.
    """
    late = (
        select(OutboxItem.id)
        .where(OutboxItem.state == Item.WAITING, OutboxItem.expires_at <= now)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    ids = list((await session.scalars(late)).all())
    if not ids:
        return []
    state = case((OutboxItem.ambiguous > 0, Item.UNSURE), else_=Item.EXPIRED)
    statement = update(OutboxItem).where(OutboxItem.id.in_(ids)).values(state=state, words_sealed=None)
    columns = (OutboxItem.text_id, OutboxItem.sender_id, OutboxItem.ambiguous)
    rows = await session.execute(statement.returning(*columns))
    return [(text_id, sender_id, ambiguous > 0) for text_id, sender_id, ambiguous in rows]


async def pull_back(session: AsyncSession, now: datetime, longest: timedelta) -> None:
    """Make due what waits for longer than anything is put off."""
    far = (OutboxItem.state == Item.WAITING, OutboxItem.due_at > now + longest)
    await session.execute(update(OutboxItem).where(*far).values(due_at=now))


async def forget_codes(session: AsyncSession, person_id: int) -> None:
    """Delete the mails of a person's codes, save one on the wire: it ends by its result."""
    mine = (OutboxItem.queue == -person_id, OutboxItem.state != Item.LEASED)
    await session.execute(delete(OutboxItem).where(*mine))


async def note_attempt(
    session: AsyncSession, item: Leased, outcome: str, step: str, code: int | None, at: datetime
) -> None:
    """Log a try that was anything but a plain success."""
    session.add(
        Attempt(
            outbox_id=item.id,
            text_id=item.text_id,
            mail_id=item.mail_id,
            outcome=outcome,
            step=step,
            code=code,
            at=at,
        )
    )
    await session.flush()


def words_of(session: AsyncSession, item: Leased) -> str:
    """Open what a mail says."""
    return vault_of(session).open(item.sealed) if item.sealed else ""


async def forget_old(session: AsyncSession, before: datetime, most: int) -> None:
    """Delete mails that came to an end long ago, and the log of their attempts."""
    open_states = (Item.WAITING, Item.LEASED)
    old = select(OutboxItem.id).where(OutboxItem.expires_at < before, OutboxItem.state.not_in(open_states))
    await session.execute(delete(OutboxItem).where(OutboxItem.id.in_(old.limit(most))))
    late = select(Attempt.id).where(Attempt.at < before).limit(most)
    await session.execute(delete(Attempt).where(Attempt.id.in_(late)))
