"""Put mails into the outbox, each with its turn in its lane."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy import BigInteger, Executable, bindparam, case, exists, false, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import table_of
from bot.db.bulk import insert_rows
from bot.db.given import given, rows
from bot.db.prepared import Prepared
from bot.db.store import vault_of
from bot.db.tables import OutboxItem
from bot.db.types import microseconds
from bot.domain.states import Item
from bot.domain.turns import FURTHEST_TURNS, Turn, Waiting, furthest

CODE_PRIORITY, CHAT_PRIORITY = 0, 1
_OUTBOX = table_of(OutboxItem)


@dataclass(frozen=True, slots=True)
class NewItem:
    """A mail to keep until it is sent. Its words never show in a repr."""

    queue: int
    priority: int
    sender_id: int
    guild_id: int | None
    domain: str
    part: int
    words: str = field(repr=False)
    mail_id: str
    due_at: datetime
    expires_at: datetime
    text_id: int | None = None
    verification_id: int | None = None
    registration_id: int | None = None
    registration_version: int | None = None
    held: bool = False  # due_at is the end of quiet hours; it gets its turn then (db/held.py)
    let_in_by: int | None = None


async def add(session: AsyncSession, items: Sequence[NewItem]) -> None:
    """Put mails into the outbox, sealed; the parts of one text stand together and in order."""
    if not items:
        return
    places = await turns(session, items)
    vault = vault_of(session)
    values = [
        {
            "queue": item.queue,
            "priority": item.priority,
            "text_id": item.text_id,
            "verification_id": item.verification_id,
            "registration_id": item.registration_id,
            "registration_version": item.registration_version,
            "sender_id": item.sender_id,
            "guild_id": item.guild_id,
            "domain": item.domain,
            "part": item.part,
            "turn": None if item.held else turn.at,
            "first_of_pair": turn.first_of_pair,
            "words_sealed": vault.seal(item.words),
            "mail_id": item.mail_id,
            "state": (Item.HELD if item.held else Item.WAITING).value,
            "attempts": 0,
            "ambiguous": 0,
            "lost": 0,
            "due_at": microseconds(item.due_at),
            "expires_at": microseconds(item.expires_at),
            "let_in_by": item.let_in_by,
        }
        for item, turn in zip(items, places, strict=True)
    ]
    await insert_rows(session, _OUTBOX, values)


class Queued(Protocol):
    """A mail that needs a turn: a new one, or one that was held."""

    @property
    def sender_id(self) -> int:
        """Name who writes."""

    @property
    def queue(self) -> int:
        """Name the queue that it stands in (NewItem)."""

    @property
    def priority(self) -> int:
        """Tell codes from chat."""

    @property
    def text_id(self) -> int | None:
        """Name the text that it is a part of; None for a code."""

    @property
    def due_at(self) -> datetime:
        """Say from when it may go."""

    @property
    def held(self) -> bool:
        """Tell whether it waits for the end of quiet hours."""


async def turns(session: AsyncSession, items: Sequence[Queued]) -> list[Turn]:
    """Give every mail its turn; of a text's parts only the first can be the first of its pair."""
    pairs = {(item.sender_id, item.queue) for item in items if item.priority != CODE_PRIORITY}
    waiting = await _waiting(session, pairs, microseconds(min(item.due_at for item in items)))
    found: list[Turn] = []
    before: Queued | None = None
    for item in items:
        if item.priority == CODE_PRIORITY:
            # Codes overtake chat, and wait for nobody.
            found.append(Turn(microseconds(item.due_at), first_of_pair=True))
        elif item.held:
            # It stands in nobody's way until it is released, and then takes its turn.
            found.append(Turn(microseconds(item.due_at), first_of_pair=False))
        elif before is not None and before.text_id == item.text_id:
            found.append(Turn(found[-1].at, first_of_pair=False))
        else:
            found.append(waiting.take(item.sender_id, item.queue, microseconds(item.due_at)))
        before = item
    return found


async def _waiting(session: AsyncSession, pairs: Collection[tuple[int, int]], now: int) -> Waiting:
    """Look up what waits of these senders and for these recipients."""
    waiting = Waiting({}, set(), {})
    if not pairs:
        return waiting
    asked = await rows(session, pairs, "sender", "queue")
    for sender, queue, last, has_one in await _OF_SENDERS.run(session, **asked, furthest=furthest(now)):
        if last is not None:
            waiting.last_of_sender[sender] = last
        if has_one:
            waiting.pairs.add((sender, queue))
    asked = await rows(session, ((queue,) for queue in {queue for _, queue in pairs}), "queue")
    found = await _FOR_RECIPIENTS.run(session, **asked)
    waiting.senders_of_recipient.update((queue, senders) for queue, senders in found)
    return waiting


def _of_senders(dialect: str) -> Executable:
    """For each sender and recipient: the sender's last turn, and whether one of theirs waits for them.

    Both read the index by sender alone. A sender who is beyond the furthest turn is first of no pair.
    """
    asked = given(dialect, sender=int, queue=int)
    mine, theirs, end = (
        _OUTBOX.alias("mine"),
        _OUTBOX.alias("theirs"),
        bindparam("furthest", type_=BigInteger()),
    )
    # Codes have queues below zero; chat does not wait for them.
    last = select(mine.c.turn).where(mine.c.sender_id == asked.c.sender, mine.c.turn.is_not(None))
    last_turn = last.where(mine.c.queue > 0).order_by(mine.c.turn.desc()).limit(1).scalar_subquery()
    has_one = exists(theirs.c.id).where(theirs.c.sender_id == asked.c.sender, theirs.c.turn <= end)
    # The sum keeps the planner from the index by recipient, which knows no senders.
    has_one = has_one.where(theirs.c.queue + 0 == asked.c.queue)
    return select(asked.c.sender, asked.c.queue, last_turn, case((last_turn > end, false()), else_=has_one))


def _for_recipients(dialect: str) -> Executable:
    """For each recipient: how many senders wait for them, among the mails whose turns come first."""
    asked, their = given(dialect, queue=int), _OUTBOX.alias("their")
    first = select(their.c.first_of_pair).where(their.c.queue == asked.c.queue, their.c.turn.is_not(None))
    near = first.order_by(their.c.turn).limit(FURTHEST_TURNS).correlate(asked).subquery("near")
    count = select(func.count()).select_from(near).where(near.c.first_of_pair).scalar_subquery()
    return select(asked.c.queue, count)


_OF_SENDERS, _FOR_RECIPIENTS = Prepared(_of_senders), Prepared(_for_recipients)
