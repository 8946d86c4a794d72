"""Claim what may go now, lane by lane, each claim asked about once more."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import lanes, leases
from bot.db.leases import Leased
from bot.domain.lanes import ACCOUNT
from bot.domain.picking import MOST_OF_ONE_QUEUE, pick
from bot.services.gateways import Gateways
from bot.services.in_flight import InFlight
from bot.services.permit import Sendable, permit
from bot.services.shelf import Shelf
from bot.services.standing import update_standings

# Looked at for each mail that may go: rows of queues that have enough in flight are passed over.
LOOK_AHEAD = 4
# Another relay holds the lane just now, for as long as its claim takes.
HELD_ELSEWHERE = timedelta(milliseconds=20)


@dataclass(slots=True)
class Claimed:
    """What one transaction claimed; it counts once that is committed."""

    mails: list[tuple[Leased, Sendable]] = field(default_factory=list)
    leased: int = 0
    moved: int = 0
    again_at: datetime | None = None  # from when more may go
    drained: bool = True  # nothing that may go was left behind for want of room

    def wait_until(self, at: datetime) -> None:
        """Look again no later than this."""
        self.again_at = at if self.again_at is None else min(self.again_at, at)


@dataclass(frozen=True, slots=True)
class Claimer:
    """Claims for one relay; `room_of` says how many mails of a lane may be in flight."""

    shelf: Shelf
    owner: int
    flight: InFlight
    room_of: Callable[[str], int]
    has_account_rate: bool

    async def claim(self, session: AsyncSession, gateways: Gateways, now: datetime) -> Claimed:
        """Claim from every lane what its pace, its breaker and its room allow."""
        claimed = Claimed()
        waiting = await lanes.waiting(session)
        if not waiting:
            return claimed
        await self.shelf.refresh(session)
        await gateways.take([*waiting, ACCOUNT] if self.has_account_rate else waiting)
        items: list[Leased] = []
        for domain in waiting:
            items += await self._claim_lane(session, gateways, domain, claimed, now)
        claimed.leased = len(items)
        if items:
            permitted = await permit(session, items, self.shelf, self.owner, now)
            claimed.moved = await update_standings(session, permitted.ended.keys(), now, permitted.ended)
            ready = permitted.ready
            claimed.mails = [(item, ready[item.id]) for item in items if item.id in ready]
        return claimed

    async def _claim_lane(
        self, session: AsyncSession, gateways: Gateways, domain: str, claimed: Claimed, now: datetime
    ) -> list[Leased]:
        paced = [domain, ACCOUNT] if self.has_account_rate else [domain]
        if not all(gateways.holds(lane) for lane in paced):
            claimed.wait_until(now + HELD_ELSEWHERE)
            return []
        space = self.room_of(domain) - self.flight.in_lane(domain)
        room = min(gateways.room(lane, max(space, 0)) for lane in paced)
        if room <= 0:
            if space > 0:
                claimed.wait_until(max(gateways.opens_at(lane) for lane in paced))
            else:
                claimed.drained = False
            return []
        due = await leases.due(session, domain, now, room * LOOK_AHEAD + MOST_OF_ONE_QUEUE)
        picked = pick(due, room, self.flight.in_queues())
        items = await leases.lease(session, self.owner, picked, now)
        for lane in paced:
            gateways.went(lane, len(items))
        if len(items) == room:
            claimed.drained = False
            claimed.wait_until(max(gateways.opens_at(lane) for lane in paced))
        return items
