"""Hold mails under a lease while they are sent, and let go of them with what they came to."""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Executable,
    Select,
    and_,
    bindparam,
    or_,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import table_of
from bot.db.given import given, rows
from bot.db.prepared import Prepared, dialect_of
from bot.db.tables import OutboxItem
from bot.db.types import Instant
from bot.domain.states import Item

# Any number will do, as long as every process uses the same.
RELAY_LOCK_CLASS = 7_284_002
GATEWAYS_AT_ONCE = 16
_outbox = table_of(OutboxItem)
_c = _outbox.c
_HELD: tuple[ColumnElement[Any], ...] = (
    *(_c.id, _c.queue, _c.priority, _c.domain, _c.turn, _c.text_id, _c.verification_id),
    *(_c.registration_id, _c.registration_version, _c.sender_id, _c.guild_id, _c.mail_id),
    *(_c.attempts, _c.ambiguous, _c.lost, _c.words_sealed, _c.let_in_by),
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
    let_in_by: int | None = None

    def __repr__(self) -> str:
        """Leave the words out, sealed as they are."""
        return f"Leased({self.id})"

    @property
    def unsure(self) -> bool:
        """Tell whether an earlier attempt may have arrived: then nobody may be told that it was not sent."""
        return self.ambiguous + self.lost > 0


async def due(
    session: AsyncSession, most: Mapping[str, int], now: datetime, full: Collection[int] = ()
) -> dict[str, list[tuple[int, int]]]:
    """List (id, queue) of mails that may go, at most so many of each gateway, save of full queues.

    Codes come first, then who has the earlier turn.
    """
    listed = await rows(session, ((each,) for each in full), "id")
    found: dict[str, list[tuple[int, int]]] = {domain: [] for domain in most}
    domains = list(most)
    for begin in range(0, len(domains), GATEWAYS_AT_ONCE):
        asked = domains[begin : begin + GATEWAYS_AT_ONCE]
        bound = {f"domain{place}": domain for place, domain in enumerate(asked)}
        bounds = {f"most{place}": most[domain] for place, domain in enumerate(asked)}
        ran = await _due_of(len(asked)).run(session, **listed, **bound, **bounds, now=now)
        for domain, _, _, row_id, queue in sorted(map(tuple, ran)):
            found[domain].append((row_id, queue))
    return found


@cache
def _due_of(gateways: int) -> Prepared:
    return Prepared(lambda dialect: union_all(*(_due(dialect, place) for place in range(gateways))))


def _due(dialect: str, place: int) -> "Select[Any]":
    # The state stands there as a word, not as a parameter: only so SQLite sees that the index fits.
    one = (
        select(_c.domain, _c.priority, _c.turn, _c.id, _c.queue)
        .where(text("outbox.state = 'waiting'"), _c.domain == bindparam(f"domain{place}"))
        .where(_c.turn.is_not(None), _c.due_at <= bindparam("now", type_=Instant()))
        .where(_c.queue.not_in(select(given(dialect, id=int).c.id)))
        .order_by(_c.priority, _c.turn, _c.id)
        .limit(bindparam(f"most{place}", type_=BigInteger()))
    )
    return select(one.subquery())


async def lease(session: AsyncSession, owner: int, ids: Collection[int], now: datetime) -> list[Leased]:
    """Lease waiting mails to `owner`, save those behind one that somebody else holds or that is not due."""
    if not ids:
        return []
    listed = await rows(session, ((each,) for each in ids), "id")
    await _LEASE.run(session, **listed, owner=owner, now=now)
    # Of these none was ours before.
    held = map(Leased._make, await _HELD_OF.run(session, **listed, owner=owner))
    return sorted(held, key=_order)


def _order(item: Leased) -> tuple[int, int, int]:
    return item.priority, item.turn, item.id


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
    wanted = _c.id.in_(select(given(dialect, id=int).c.id))
    leased = update(_outbox).where(wanted, _c.state == Item.WAITING, _c.expires_at > now, ~blocked)
    return leased.values(state=Item.LEASED, lease_owner=owner, leased_at=now)


def _ours(dialect: str) -> tuple[ColumnElement[bool], ...]:
    wanted = select(given(dialect, id=int).c.id)
    return _c.id.in_(wanted), _c.state == Item.LEASED, _c.lease_owner == bindparam("owner")


_LEASE = Prepared(_lease)
_HELD_OF = Prepared(lambda dialect: select(*_HELD).where(*_ours(dialect)))
_OURS = Prepared(lambda dialect: select(_c.id).where(*_ours(dialect)).with_for_update())


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
    ours = {row_id for (row_id,) in await _OURS.run(session, **listed, owner=owner)}
    if ours:
        await statement.run(session, **listed, owner=owner, **values)
    return ours


def _finish(dialect: str) -> Executable:
    values: dict[str, Any] = {"state": bindparam("ended_as"), **ENDED}
    return update(_outbox).where(*_ours(dialect)).values(values)


def _put_back(dialect: str) -> Executable:
    values: dict[str, Any] = {
        "state": Item.WAITING,
        "due_at": bindparam("again_at"),
        **{name: _c[name] + bindparam(f"more_{name}") for name in ("attempts", "ambiguous", "lost")},
        **_NOBODYS,
    }
    return update(_outbox).where(*_ours(dialect)).values(values)


_FINISH, _PUT_BACK = Prepared(_finish), Prepared(_put_back)


async def hold_up(session: AsyncSession, behind: Leased, due_at: datetime) -> None:
    """Put off what waits behind a mail of the same queue, so that claims need not look at it."""
    later = (_c.queue == behind.queue, _c.turn >= behind.turn, _c.state == Item.WAITING, _c.due_at < due_at)
    await session.execute(update(_outbox).where(*later).values(due_at=due_at))


async def orphans(session: AsyncSession, owner: int) -> list[Leased]:
    """Find leases whose owner is dead: on SQLite every other owner, on PostgreSQL one whose lock is free."""
    others = select(_c.lease_owner).where(_c.lease_owner.is_not(None), _c.lease_owner != owner).distinct()
    owners = set((await session.scalars(others)).all())
    if dialect_of(session).name == "postgresql":
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
