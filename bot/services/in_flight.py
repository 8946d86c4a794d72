"""Know every mail that this relay holds: on the road, behind another of its queue, or not recorded yet."""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from bot.db.leases import Leased
from bot.domain.outcome import Outcome, Reply, Step, decide
from bot.domain.picking import MOST_OF_ONE_QUEUE
from bot.services.permit import Sendable
from bot.services.recording import Result

_log = logging.getLogger(__name__)
# A mail that waits longer behind another is given back and asked about again: its recipient may have paused.
BEHIND_LASTS_S = 0.1
# So many begin without a pause.
BEGIN_AT_ONCE = 64
# The same for one that waits for a connection.
PERMIT_LASTS_S = 2.0
# Hand over a mail: its gateway's lane, whether it is urgent, until when it may begin (loop time), who hears.
Put = Callable[[Sendable, str, bool, float, Callable[[Reply], None]], None]


@dataclass(slots=True)
class _Chain:
    """A queue's mails: since when one of them is on the road (loop time), and those that wait behind it."""

    since: float
    behind: deque[tuple[Leased, Sendable, float]] = field(default_factory=deque)


@dataclass(frozen=True, slots=True)
class Held:
    """What a relay held at one moment: every mail (ids), how many of each lane and of each queue."""

    ids: frozenset[int]
    by_lane: Mapping[str, int]
    by_queue: Mapping[int, int]


class InFlight:
    """At most one mail of a queue is on the road; the next follows once that one was taken."""

    def __init__(self, put: Put, wake: asyncio.Event) -> None:
        self._put, self._wake = put, wake
        self._held: dict[int, Leased] = {}
        self._chains: dict[int, _Chain] = {}
        self._stuck: Counter[int] = Counter()
        self._by_lane: Counter[str] = Counter()
        self._results: list[Result] = []
        self._to_begin: deque[tuple[Leased, Sendable]] = deque()
        self._beginning: asyncio.Task[None] | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def ids(self) -> Collection[int]:
        """Name everything we hold, until what it came to is recorded."""
        return self._held.keys()

    def held(self) -> Held:
        """Tell what is held now, for who looks at it beside the event loop."""
        by_queue = Counter(self.in_queues())
        by_queue.update(item.queue for item, _ in self._to_begin)
        return Held(frozenset(self._held), dict(self._by_lane), by_queue)

    def in_lane(self, domain: str) -> int:
        """Count the mails of a lane that have not ended."""
        return self._by_lane[domain]

    def in_queues(self) -> dict[int, int]:
        """Count the mails of each queue that have not ended; a queue that stalls counts as full."""
        late = asyncio.get_running_loop().time() - BEHIND_LASTS_S
        return {
            queue: MOST_OF_ONE_QUEUE if chain.since < late else len(chain.behind) + 1
            for queue, chain in self._chains.items()
        }

    def results(self, most: int | None = None) -> list[Result]:
        """List what ended first and is not recorded yet."""
        return self._results[:most]

    def recorded(self, results: Sequence[Result]) -> None:
        """Forget what is written down now: the first of results()."""
        for item, _, outcome in results:
            del self._held[item.id]
            if outcome is not Outcome.SENT:
                self._stuck[item.queue] -= 1
                if not self._stuck[item.queue]:
                    del self._stuck[item.queue]
        del self._results[: len(results)]

    def begin_all(self, mails: Sequence[tuple[Leased, Sendable]]) -> None:
        """Send mails that we hold: the first at once, many more in turn with whatever else the loop does.

        So the store works on the next pass meanwhile.
        """
        for item, _ in mails:
            self._held[item.id] = item
            self._by_lane[item.domain] += 1
            self._empty.clear()
        self._to_begin.extend(mails)
        self._begin_some()
        if self._to_begin and (self._beginning is None or self._beginning.done()):
            self._beginning = asyncio.create_task(self._begin_in_turn(), name="begin")

    async def _begin_in_turn(self) -> None:
        while self._to_begin:
            await asyncio.sleep(0)
            self._begin_some()

    def _begin_some(self, most: int = BEGIN_AT_ONCE) -> None:
        for _ in range(min(most, len(self._to_begin))):
            self._begin(*self._to_begin.popleft())

    def begin_rest(self) -> None:
        """Send what is left of them now."""
        self._begin_some(len(self._to_begin))

    def _begin(self, item: Leased, mail: Sendable) -> None:
        """Send a mail, or keep it until those before it are taken."""
        now = asyncio.get_running_loop().time()
        chain = self._chains.get(item.queue)
        if self._stuck[item.queue]:
            # One before it did not go, which the claim could not know yet.
            self._not_begun(item)
        elif chain is not None:
            chain.behind.append((item, mail, now + BEHIND_LASTS_S))
        else:
            self._chains[item.queue] = _Chain(now)
            self._send(item, mail, now)

    def recall(self) -> None:
        """Give back what has not gone out yet, so that it is asked about again: permissions changed."""
        while self._to_begin:
            self._not_begun(self._to_begin.popleft()[0])
        for chain in self._chains.values():
            self._stop(chain.behind)

    def let_go(self) -> None:
        """Give back what waited too long behind another: a queue that stalls keeps no room from others."""
        now = asyncio.get_running_loop().time()
        for chain in self._chains.values():
            if chain.behind and chain.behind[0][2] < now:
                self._stop(chain.behind)

    def _stop(self, behind: deque[tuple[Leased, Sendable, float]]) -> None:
        while behind:
            self._not_begun(behind.popleft()[0])

    def _not_begun(self, item: Leased) -> None:
        self._take(item, Reply(Step.STOPPED, None), Outcome.STOPPED)

    def _send(self, item: Leased, mail: Sendable, now: float) -> None:
        def end(reply: Reply) -> None:
            self._ended(item, reply)

        try:
            self._put(mail, item.domain, item.verification_id is not None, now + PERMIT_LASTS_S, end)
        except Exception:
            # A bug in making this one mail: it must neither end the pass nor stay held for ever.
            _log.exception("outbox %d: it could not be put on the road", item.id)
            end(Reply(Step.MAIL, None))

    def _ended(self, item: Leased, reply: Reply) -> None:
        chain, now = self._chains[item.queue], asyncio.get_running_loop().time()
        fresh = bool(chain.behind) and chain.behind[0][2] >= now
        outcome = decide(reply)
        if fresh and outcome is Outcome.SENT:
            chain.since = now
            self._send(*chain.behind.popleft())
        else:
            # Given back before this one is recorded: what its end means for them applies then.
            self._stop(chain.behind)
            del self._chains[item.queue]
        self._take(item, reply, outcome)

    def _take(self, item: Leased, reply: Reply, outcome: Outcome) -> None:
        self._results.append(Result(item, reply, outcome))
        self._by_lane[item.domain] -= 1
        if outcome is not Outcome.SENT:
            self._stuck[item.queue] += 1
        if not (self._chains or self._to_begin):
            self._empty.set()
        self._wake.set()

    async def ended(self, seconds: float | None = None) -> None:
        """Wait until nothing is on the road: as it closes, or no longer than for so many seconds."""
        if self._empty.is_set():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._empty.wait()
