"""Keep each gateway's lane through one transaction: what may go, what was learned, who must hear of it."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import lanes, notices, outbox, texts
from bot.db.leases import Leased
from bot.domain.lanes import ACCOUNT, Lane, Verdict, goes, learn, may_go, opens_at, returned, verdict
from bot.domain.outcome import Outcome, Reply
from bot.domain.words import GATEWAY_CLOSED
from bot.services.standing import say_why_they_wait

_log = logging.getLogger(__name__)
EXPLAIN_AT_ONCE = 500
TOLD_EVERY = timedelta(days=1)
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
        self._tried: dict[str, Lane] = {}  # closed lanes as they were before a text tried them

    async def take_for(self, results: Sequence[tuple[Leased, Reply, Outcome]]) -> None:
        """Hold the lanes of attempts; one that learns something is waited for where another relay has it."""
        said = {(item.domain, verdict(reply, outcome)) for item, reply, outcome in results}
        learning = {domain for domain, says in said if says is Verdict.REFUSED}
        took = {domain for domain, says in said if says is Verdict.TOOK} - learning
        learning |= await lanes.troubled(self._session, took)
        await self.take(learning, wait=True)
        await self.take({domain for domain, _ in said})

    async def take(self, domains: Iterable[str], *, wait: bool = False) -> None:
        """Hold lanes to the end of the transaction, save those that another relay holds just now."""
        wanted = set(domains) - self._lanes.keys()
        found = await lanes.take(self._session, wanted, wait=wait)
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
        if lane.closed and count:
            self._tried[domain] = lane
        self._lanes[domain] = goes(lane, count, self._rate_of(domain), self._now, self._jitter())

    def returned(self, domain: str, count: int) -> None:
        """Take in that so many of the last texts did not go after all."""
        for lane in (domain, ACCOUNT):
            if lane in self._lanes:
                self._lanes[lane] = returned(self._lanes[lane], count)
        if domain in self._tried:
            # Nothing tried it after all, so another may.
            self._lanes[domain] = self._tried.pop(domain)

    def waits_for_a_try(self, domain: str) -> bool:
        """Tell whether a lane is closed and a text may try it now."""
        lane = self._lanes.get(domain)
        return lane is not None and lane.closed and may_go(lane, 0, self._now) == 1

    def learn(self, item: Leased, reply: Reply, outcome: Outcome) -> bool:
        """Take in what an attempt says of its gateway; True where the text waits, since all are refused."""
        lane = self._lanes.get(item.domain)
        if lane is None:
            # Nothing that it could learn from this one.
            return False
        if outcome is Outcome.SENT and not lane.refused and not lane.closed:
            # Nearly every mail, and nothing new.
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
                # It may open and close again all day.
                if not await notices.operator_knows(self._session, words, self._now - TOLD_EVERY, self._now):
                    await notices.add(self._session, notices.OPERATOR, "gateway", self._now, words=words)
            elif before.closed and not lane.closed:
                _log.info("gateway %s: it takes texts again", lane.domain)
                await outbox.make_due(self._session, lane.domain, self._now)
        await lanes.keep(self._session, changed)

    def closed(self) -> dict[str, bool]:
        """Tell of each gateway's lane that we hold whether it is closed."""
        return {domain: lane.closed for domain, lane in self._lanes.items() if domain != ACCOUNT}


class Explainer:
    """Tells senders once that their texts wait for a gateway that refuses everybody."""

    def __init__(self) -> None:
        self._reached: dict[str, int] = {}  # the last mail in each closed lane whose sender was told
        self._reaching: dict[str, int] = {}  # the same, once it is committed

    async def explain(self, session: AsyncSession, closed: Mapping[str, bool], now: datetime) -> int:
        """Leave word for senders whose texts wait in closed lanes; returns how many."""
        told, self._reaching = 0, {each: at for each, at in self._reached.items() if closed.get(each, True)}
        for domain in (each for each, is_closed in closed.items() if is_closed):
            waiting = await outbox.waiting_after(
                session, domain, self._reaching.get(domain, 0), EXPLAIN_AT_ONCE
            )
            standings = await texts.standings(session, {text_id for _, text_id in waiting})
            told += await say_why_they_wait(session, standings.values(), GATEWAY_CLOSED, now)
            if waiting:
                self._reaching[domain] = waiting[-1][0]
        return told

    def explained(self) -> None:
        """Take in that what explain() wrote was committed."""
        self._reached = self._reaching
