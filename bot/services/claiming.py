"""Claim what may go now, lane by lane, each claim asked about once more."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import lanes, leases, outbox
from bot.db.leases import Leased
from bot.domain.lanes import ACCOUNT
from bot.domain.picking import MOST_OF_ONE_QUEUE, pick
from bot.services.gateways import Gateways
from bot.services.in_flight import Held
from bot.services.permit import Sendable, permit
from bot.services.shelf import Shelf
from bot.services.standing import update_standings

# At most so many in one transaction: whoever wants to write meanwhile waits for its end.
AT_ONCE, AT_ONCE_WHILE_OTHERS_WAIT = 1024, 128
# Rows of queues that have enough in flight are passed over: then so many more are looked at.
LOOK_AHEAD, FURTHEST_LOOK = 4, 1000
# Another relay holds the lane just now, for as long as its claim takes.
HELD_ELSEWHERE = timedelta(milliseconds=20)


@dataclass(slots=True)
class Claimed:
    """What one transaction claimed; it counts once that is committed."""

    mails: list[tuple[Leased, Sendable]] = field(default_factory=list)
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
    room_of: Callable[[str], int]
    has_account_rate: bool
    served: dict[str, int] = field(default_factory=dict)  # when each lane last got something, as a number

    async def claim(
        self, session: AsyncSession, gateways: Gateways, held: Held, now: datetime, *, hurried: bool
    ) -> Claimed:
        """Claim from every lane what its pace, its breaker and its room allow; few where we are `hurried`."""
        claimed = Claimed()
        waiting = self._in_turn(await lanes.waiting(session, now))
        if not waiting:
            return claimed
        await self.shelf.refresh(session)
        await gateways.take([*waiting, ACCOUNT] if self.has_account_rate else waiting)
        picked = await self._pick_all(session, gateways, waiting, held, claimed, now, hurried=hurried)
        items = await leases.lease(session, self.owner, picked.keys(), now)
        if items:
            permitted = await permit(session, items, self.shelf, self.owner, now)
            reasons = permitted.reasons
            claimed.moved = await update_standings(session, reasons.keys(), now, reasons)
            ready = permitted.ready
            claimed.mails = [(item, ready[item.id]) for item in items if item.id in ready]
            if len(claimed.mails) < len(items):
                claimed.wait_until(now)
        left = picked.keys() - {item.id for item, _ in claimed.mails}
        for domain, count in Counter(picked[item_id] for item_id in left).items():
            gateways.returned(domain, count)
        leased = {item.domain for item in items}
        for domain in waiting:
            idle = domain not in leased and not held.by_lane.get(domain)
            if idle and gateways.waits_for_a_try(domain):
                # All that could try is put off: then the first of them tries.
                await outbox.make_due(session, domain, now)
        return claimed

    def _in_turn(self, waiting: Mapping[str, bool]) -> list[str]:
        """Sort lanes that share the account's pace: those with codes first, then who has waited longest."""
        return sorted(waiting, key=lambda domain: (not waiting[domain], self.served.get(domain, 0)))

    async def _pick_all(
        self,
        session: AsyncSession,
        gateways: Gateways,
        waiting: Sequence[str],
        held: Held,
        claimed: Claimed,
        now: datetime,
        *,
        hurried: bool,
    ) -> dict[int, str]:
        """Choose what goes, lane by lane; returns the lane of each."""
        share = max((AT_ONCE_WHILE_OTHERS_WAIT if hurried else AT_ONCE) // len(waiting), 1)
        rooms = {domain: self._room(gateways, domain, share, held, claimed, now) for domain in waiting}
        in_queues, picked = dict(held.by_queue), dict[int, str]()
        full = [queue for queue, count in in_queues.items() if count >= MOST_OF_ONE_QUEUE]
        most = {domain: room + MOST_OF_ONE_QUEUE for domain, room in rooms.items() if room > 0}
        for domain, due in (await leases.due(session, most, now, full)).items():
            # What this claim chose in other lanes has taken of the account's pace, too.
            room = min(rooms[domain], self._room(gateways, domain, share, held, claimed, now))
            chosen = pick(due, room, in_queues)
            if len(chosen) < room and len(due) == most[domain]:
                far = {domain: room * LOOK_AHEAD + FURTHEST_LOOK}
                chosen = pick((await leases.due(session, far, now, full))[domain], room, in_queues)
            picked |= dict.fromkeys(chosen, domain)
            self._note(gateways, domain, len(chosen), room, claimed)
        return picked

    def _paced(self, domain: str) -> list[str]:
        return [domain, ACCOUNT] if self.has_account_rate else [domain]

    def _room(
        self, gateways: Gateways, domain: str, share: int, held: Held, claimed: Claimed, now: datetime
    ) -> int:
        """Say how many may go in one lane, as far as its pace, its breaker, the account and room allow."""
        paced = self._paced(domain)
        if not all(gateways.holds(lane) for lane in paced):
            claimed.wait_until(now + HELD_ELSEWHERE)
            return 0
        space = self.room_of(domain) - held.by_lane.get(domain, 0)
        if space <= 0:
            claimed.drained = False
            return 0
        room = min(gateways.room(lane, min(space, share)) for lane in paced)
        if room <= 0:
            claimed.wait_until(max(gateways.opens_at(lane) for lane in paced))
        return max(room, 0)

    def _note(self, gateways: Gateways, domain: str, chosen: int, room: int, claimed: Claimed) -> None:
        """Take in that so many of a lane go, of the room that there was."""
        if chosen:
            self.served[domain] = max(self.served.values(), default=0) + 1
        for lane in self._paced(domain):
            gateways.went(lane, chosen)
        if chosen == room:
            claimed.drained = False
            claimed.wait_until(max(gateways.opens_at(lane) for lane in self._paced(domain)))
