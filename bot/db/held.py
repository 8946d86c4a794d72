"""Hold mails until their recipient's quiet hours end, and let them wait for their turn again after that."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, and_, bindparam, or_, select, text, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import enqueue
from bot.db.base import table_of
from bot.db.given import given_ids
from bot.db.tables import OutboxItem
from bot.db.types import MICROSECOND, microseconds
from bot.domain.states import Item

_OUTBOX = table_of(OutboxItem)
_c = _OUTBOX.c
# As words, not as a parameter: only so SQLite sees that the index fits.
_HELD = text("outbox.state = 'held'")


class _Due(NamedTuple):
    """A held mail whose time has come."""

    id: int
    sender_id: int
    queue: int
    priority: int
    text_id: int | None
    due_at: datetime
    held: bool = False


async def hold(
    session: AsyncSession, owner: int, text_ids: Collection[int], until: datetime, now: datetime
) -> None:
    """Hold what waits of some texts, and what we have just claimed of them; the wait costs them no life."""
    wanted, bound = await given_ids(session, text_ids)
    ours = and_(_c.state == Item.LEASED, _c.lease_owner == owner)
    waits = update(_OUTBOX).where(_c.text_id.in_(wanted), or_(_c.state == Item.WAITING, ours))
    longer = type_coerce(_c.expires_at, BigInteger) + (until - now) // MICROSECOND
    values = {"state": Item.HELD, "turn": None, "due_at": until, "lease_owner": None, "leased_at": None}
    await session.execute(waits.values({**values, "expires_at": longer}), bound)


async def release(session: AsyncSession, now: datetime, most: int) -> set[int]:
    """Let mails wait for their turn whose quiet hours are over; returns their texts."""
    found = select(_c.id, _c.sender_id, _c.queue, _c.priority, _c.text_id).where(_HELD, _c.due_at <= now)
    found = found.order_by(_c.due_at, _c.id).limit(most).with_for_update(skip_locked=True)
    due = [_Due(*row, due_at=now) for row in await session.execute(found)]
    if not due:
        return set()
    turns = await enqueue.turns(session, due)
    waits = update(_OUTBOX).where(_c.id == bindparam("which"))
    values = {
        "state": Item.WAITING,
        "turn": bindparam("at"),
        "first_of_pair": bindparam("first"),
        "due_at": now,
    }
    places = [
        {"which": item.id, "at": turn.at, "first": turn.first_of_pair}
        for item, turn in zip(due, turns, strict=True)
    ]
    connection = await session.connection()
    await connection.execute(waits.values(values), places)
    return {item.text_id for item in due if item.text_id is not None}


async def look_again(
    session: AsyncSession, now: datetime, *, person_id: int | None = None, guild_id: int | None = None
) -> None:
    """Let all that is held for a person, or from a guild, be decided anew at the next look.

    What may not go any more is cancelled then, and what must still wait is held again.
    """
    whose = _c.queue == person_id if person_id is not None else _c.guild_id == guild_id
    spared = type_coerce(_c.due_at, BigInteger) - microseconds(now)
    sooner = {"due_at": now, "expires_at": type_coerce(_c.expires_at, BigInteger) - spared}
    await session.execute(update(_OUTBOX).where(_HELD, whose, _c.due_at > now).values(sooner))
