"""Hold mails under a lease while they are sent, and let go of them with what they came to."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Executable, and_, bindparam, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import table_of
from bot.db.given import given, rows
from bot.db.prepared import Prepared
from bot.db.tables import OutboxItem
from bot.db.types import Instant
from bot.domain.states import Item

# Any number will do, as long as every process uses the same.
RELAY_LOCK_CLASS = 7_284_002
_outbox = table_of(OutboxItem)
_c = _outbox.c
_HELD: tuple[ColumnElement[Any], ...] = (
    *(_c.id, _c.queue, _c.priority, _c.domain, _c.turn, _c.text_id, _c.verification_id),
    *(_c.registration_id, _c.registration_version, _c.sender_id, _c.guild_id, _c.mail_id),
    *(_c.attempts, _c.ambiguous, _c.lost, _c.words_sealed),
)
_NOBODYS = {"lease_owner": None, "leased_at": None}
ENDED = {"words_sealed": None, "turn": None, **_NOBODYS}


class Leased(NamedTuple):
    """A mail that a relay holds, with what is needed to send it and to record the end."""

    id: int
    queue: int
    priority: int
    domain: str
    turn: int
    text_id: int | None
    verification_id: int | None
    registration_id: int | None
    registration_version: int | None
    sender_id: int
    guild_id: int | None
    mail_id: str
    attempts: int
    ambiguous: int
    lost: int
    sealed: bytes | None

    def __repr__(self) -> str:
        """Leave the words out, sealed as they are."""
        return f"Leased({self.id})"

    @property
    def unsure(self) -> bool:
        """Tell whether an earlier attempt may have arrived: then nobody may be told that it was not sent."""
        return self.ambiguous + self.lost > 0


async def due(
    session: AsyncSession, domain: str, now: datetime, most: int, full: Collection[int] = ()
) -> Sequence[tuple[int, int]]:
    """List (id, queue) of a gateway's mails that may go, codes first, then by turn, save of full queues."""
    listed = await rows(session, ((each,) for each in full), "id")
    found = await _DUE.run(session, **listed, domain=domain, now=now, most=most)
    return [(row_id, queue) for row_id, queue in found]


def _due(dialect: str) -> Executable:
    # The state stands there as a word, not as a parameter: only so SQLite sees that the index fits.
    return (
        select(_c.id, _c.queue)
        .where(text("outbox.state = 'waiting'"), _c.domain == bindparam("domain"), _c.turn.is_not(None))
        .where(
            _c.due_at <= bindparam("now", type_=Instant()),
            _c.queue.not_in(select(given(dialect, id=int).c.id)),
        )
        .order_by(_c.priority, _c.turn, _c.id)
        .limit(bindparam("most", type_=BigInteger()))
    )


_DUE = Prepared(_due)


async def lease(session: AsyncSession, owner: int, ids: Collection[int], now: datetime) -> list[Leased]:
    """Lease waiting mails to `owner`, save those behind one that somebody else holds or that is not due."""
    if not ids:
        return []
    listed = await rows(session, ((each,) for each in ids), "id")
    held = map(Leased._make, await _LEASE.run(session, **listed, owner=owner, now=now))
    return sorted(held, key=lambda item: (item.priority, item.turn, item.id))


def _lease(dialect: str) -> Executable:
    owner, now = bindparam("owner", type_=BigInteger()), bindparam("now", type_=Instant())
    earlier = _outbox.alias("earlier")
    before_it = or_(earlier.c.turn < _c.turn, and_(earlier.c.turn == _c.turn, earlier.c.id < _c.id))
    not_ours = or_(
        earlier.c.due_at > now, and_(earlier.c.lease_owner.is_not(None), earlier.c.lease_owner != owner)
    )
    blocked = (
        select(earlier.c.id)
        .where(earlier.c.queue == _c.queue, earlier.c.turn <= _c.turn, before_it, not_ours)
        .exists()
    )
    wanted = select(given(dialect, id=int).c.id)
    return (
        update(_outbox)
        .where(_c.id.in_(wanted), _c.state == Item.WAITING, _c.expires_at > now, ~blocked)
        .values(state=Item.LEASED, lease_owner=owner, leased_at=now)
        .returning(*_HELD)
    )


_LEASE = Prepared(_lease)


async def finish(session: AsyncSession, owner: int, ids: Collection[int], state: Item) -> set[int]:
    """End mails that we hold and drop their words; returns those whose lease was still ours."""
    return await _leave(session, _FINISH, owner, ids, ended_as=state)


async def put_back(
    session: AsyncSession,
    owner: int,
    ids: Collection[int],
    due_at: datetime,
    *,
    attempts: int = 0,
    ambiguous: int = 0,
    lost: int = 0,
) -> set[int]:
    """Let mails that we hold wait again, adding to their counts; returns those whose lease was still ours."""
    more = {"more_attempts": attempts, "more_ambiguous": ambiguous, "more_lost": lost}
    return await _leave(session, _PUT_BACK, owner, ids, again_at=due_at, **more)


async def _leave(
    session: AsyncSession, statement: Prepared, owner: int, ids: Collection[int], **values: Any
) -> set[int]:
    if not ids:
        return set()
    listed = await rows(session, ((each,) for each in ids), "id")
    return {row_id for (row_id,) in await statement.run(session, **listed, owner=owner, **values)}


def _finish(dialect: str) -> Executable:
    values: dict[str, Any] = {"state": bindparam("ended_as"), **ENDED}
    return update(_outbox).where(*_ours(dialect)).values(values).returning(_c.id)


def _put_back(dialect: str) -> Executable:
    values: dict[str, Any] = {
        "state": Item.WAITING,
        "due_at": bindparam("again_at"),
        **{name: _c[name] + bindparam(f"more_{name}") for name in ("attempts", "ambiguous", "lost")},
        **_NOBODYS,
    }
    return update(_outbox).where(*_ours(dialect)).values(values).returning(_c.id)


def _ours(dialect: str) -> tuple[ColumnElement[bool], ...]:
    wanted = select(given(dialect, id=int).c.id)
    return _c.id.in_(wanted), _c.state == Item.LEASED, _c.lease_owner == bindparam("owner")


_FINISH, _PUT_BACK = Prepared(_finish), Prepared(_put_back)


async def hold_up(session: AsyncSession, behind: Leased, due_at: datetime) -> None:
    """Put off what waits behind a mail of the same queue, so that claims need not look at it."""
    later = (_c.queue == behind.queue, _c.turn >= behind.turn, _c.state == Item.WAITING, _c.due_at < due_at)
    await session.execute(update(_outbox).where(*later).values(due_at=due_at))


async def orphans(session: AsyncSession, owner: int) -> list[Leased]:
    """Find leases whose owner is dead: on SQLite every other owner, on PostgreSQL one whose lock is free."""
    others = select(_c.lease_owner).where(_c.lease_owner.is_not(None), _c.lease_owner != owner).distinct()
    owners = set((await session.scalars(others)).all())
    if session.get_bind().dialect.name == "postgresql":
        owners = {other for other in owners if await _lock_is_free(session, other)}
    if not owners:
        return []
    statement = select(*_HELD).where(_c.lease_owner.in_(owners), _c.state == Item.LEASED)
    rows = await session.execute(statement.with_for_update(skip_locked=True))
    return [Leased(*row) for row in rows]


async def _lock_is_free(session: AsyncSession, owner: int) -> bool:
    # Held to the end of this transaction, so no two relays take the same dead one's leases.
    query = text("SELECT pg_try_advisory_xact_lock(:class, :owner)")
    return bool(await session.scalar(query, {"class": RELAY_LOCK_CLASS, "owner": owner}))


async def give_back_lost(session: AsyncSession, owner: int, held: Collection[int]) -> None:
    """Let our leases wait again that we do not know of: the claim was committed, its reply never came."""
    ours = select(_c.id).where(_c.lease_owner == owner)
    lost = set((await session.scalars(ours)).all()) - set(held)
    if lost:
        waits = update(_outbox).where(_c.id.in_(lost), _c.lease_owner == owner)
        await session.execute(waits.values(state=Item.WAITING, **_NOBODYS))


async def adopt(session: AsyncSession, items: Collection[Leased], owner: int) -> None:
    """Take over leases, so that the ordinary recording applies to them."""
    ids = [item.id for item in items]
    await session.execute(update(_outbox).where(_c.id.in_(ids)).values(lease_owner=owner))
