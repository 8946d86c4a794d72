"""Keep each gateway's lane through one transaction: what may go, what was learned, who must hear of it."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import lanes, notices, outbox, texts
from bot.db.leases import Leased
from bot.domain.lanes import ACCOUNT, Lane, Verdict, goes, learn, may_go, opens_at, verdict
from bot.domain.outcome import Outcome, Reply
from bot.domain.words import GATEWAY_CLOSED
from bot.services.standing import say_why_they_wait

_log = logging.getLogger(__name__)
EXPLAIN_AT_ONCE = 500
_OPERATOR_WORDS = (
    "{domain} refuses the bot's texts to every number. They wait, and the bot keeps trying; "
    "check with the carrier, or switch its entry off with /carrier disable."
)


class Gateways:
    """The lanes that one transaction holds. Begin with take(), end with keep()."""

    def __init__(
        self, session: AsyncSession, rate_of: Callable[[str], int], now: datetime, jitter: Callable[[], float]
    ) -> None:
        self._session, self._rate_of, self._now, self._jitter = session, rate_of, now, jitter
        self._lanes: dict[str, Lane] = {}
        self._before: dict[str, Lane] = {}

    async def take(self, domains: Iterable[str]) -> None:
        """Hold lanes to the end of the transaction, save those that another relay holds just now."""
        wanted = set(domains) - self._lanes.keys()
        found = await lanes.take(self._session, wanted)
        self._lanes |= found
        self._before |= found

    def holds(self, domain: str) -> bool:
        """Tell whether a lane is ours for now."""
        return domain in self._lanes

    def room(self, domain: str, most: int) -> int:
        """Say how many of `most` texts a lane lets go now."""
        lane = self._lanes[domain]
        free = may_go(lane, self._rate_of(domain), self._now)
        return most if free is None else min(most, free)

    def opens_at(self, domain: str) -> datetime:
        """Say from when a lane lets a next text go."""
        return opens_at(self._lanes[domain], self._rate_of(domain), self._now)

    def went(self, domain: str, count: int) -> None:
        """Take in that so many texts go."""
        lane = self._lanes[domain]
        self._lanes[domain] = goes(lane, count, self._rate_of(domain), self._now, self._jitter())

    def learn(self, item: Leased, reply: Reply, outcome: Outcome) -> bool:
        """Take in what an attempt says of its gateway; True where the text waits, since all are refused."""
        lane = self._lanes.get(item.domain)
        if lane is None:
            # Another relay holds it: what this attempt says, its own will say too.
            return False
        said = verdict(reply, outcome)
        was_closed = lane.closed
        self._lanes[item.domain] = learn(lane, said, item.queue, self._now, self._jitter())
        return said is Verdict.REFUSED and was_closed

    async def keep(self) -> None:
        """Write down what changed, and leave word of what closed."""
        changed = [lane for domain, lane in self._lanes.items() if lane != self._before[domain]]
        for lane in changed:
            before = self._before[lane.domain]
            if lane.closed and not before.closed:
                _log.error("gateway %s: it refuses every number, its texts wait", lane.domain)
                words = _OPERATOR_WORDS.format(domain=lane.domain)
                await notices.add(self._session, notices.OPERATOR, "gateway", self._now, words=words)
            elif before.closed and not lane.closed:
                _log.info("gateway %s: it takes texts again", lane.domain)
                await outbox.make_due(self._session, lane.domain, self._now)
        await lanes.keep(self._session, changed)

    def closed(self) -> set[str]:
        """Name the lanes we hold that are closed."""
        return {domain for domain, lane in self._lanes.items() if domain != ACCOUNT and lane.closed}


class Explainer:
    """Tells senders once that their texts wait for a gateway that refuses everybody."""

    def __init__(self) -> None:
        self._reached: dict[str, int] = {}

    async def explain(self, session: AsyncSession, closed: set[str], now: datetime) -> int:
        """Leave word for senders whose texts wait in closed lanes; returns how many."""
        self._reached = {domain: self._reached.get(domain, 0) for domain in closed}
        told = 0
        for domain, reached in list(self._reached.items()):
            waiting = await outbox.waiting_after(session, domain, reached, EXPLAIN_AT_ONCE)
            standings = await texts.standings(session, {text_id for _, text_id in waiting})
            told += await say_why_they_wait(session, standings.values(), GATEWAY_CLOSED, now)
            if waiting:
                self._reached[domain] = waiting[-1][0]
        return told
