"""Find the leases of relays that are gone, and take them over."""

from collections.abc import Collection

from sqlalchemy import or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.outbox import Leased, leased
from bot.db.tables import OutboxItem
from bot.domain.states import Item

# Any number will do, as long as every process uses the same.
RELAY_LOCK_CLASS = 7_284_002


async def orphans(session: AsyncSession, owner: int) -> list[Leased]:
    """Find leases whose owner is dead: on SQLite every other owner, on PostgreSQL one whose lock is free."""
    others = select(OutboxItem.lease_owner).where(
        OutboxItem.state == Item.LEASED,
        or_(OutboxItem.lease_owner != owner, OutboxItem.lease_owner.is_(None)),
    )
    owners = set((await session.scalars(others.distinct())).all())
    if session.get_bind().dialect.name == "postgresql":
        owners = {other for other in owners if other is None or await _lock_is_free(session, other)}
    if not owners:
        return []
    where = or_(
        OutboxItem.lease_owner.in_([o for o in owners if o is not None]), OutboxItem.lease_owner.is_(None)
    )
    statement = select(OutboxItem).where(OutboxItem.state == Item.LEASED, where)
    return [leased(row) for row in await session.scalars(statement.with_for_update(skip_locked=True))]


async def _lock_is_free(session: AsyncSession, owner: int) -> bool:
    # Held to the end of this transaction, so no two relays take the same dead one's leases.
    query = text("SELECT pg_try_advisory_xact_lock(:class, :owner)")
    return bool(await session.scalar(query, {"class": RELAY_LOCK_CLASS, "owner": owner}))


async def give_back_lost(session: AsyncSession, owner: int, held: Collection[int]) -> int:
    """Let our leases wait again that we do not know of: the claim was committed, its reply never came."""
    lost = (OutboxItem.state == Item.LEASED, OutboxItem.lease_owner == owner, OutboxItem.id.not_in(held))
    values = {"state": Item.WAITING, "lease_owner": None, "leased_at": None}
    rows = await session.scalars(update(OutboxItem).where(*lost).values(values).returning(OutboxItem.id))
    return len(rows.all())


async def adopt(session: AsyncSession, items: Collection[Leased], owner: int) -> None:
    """Take over leases, so that the ordinary recording applies to them."""
    ids = [item.id for item in items]
    await session.execute(update(OutboxItem).where(OutboxItem.id.in_(ids)).values(lease_owner=owner))
