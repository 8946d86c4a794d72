"""Pace one gateway's texts, and stop sending to one that refuses everybody until it takes a text again."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto

from bot.domain.outcome import Outcome, Reply, Step

ACCOUNT = ""  # the lane of the whole mail account
# One number may be wrong, two may be chance.
NUMBERS_THAT_CLOSE = 3
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=10), timedelta(minutes=1)
_MINUTE, _SECOND = timedelta(minutes=1), timedelta(seconds=1)
# At these steps a server speaks for the gateway; before them for itself.
_GATEWAY_STEPS = frozenset({Step.RCPT, Step.DATA, Step.BODY})
_CLOSING_LINE = 421  # RFC 5321, 4.2.3: about the connection to us, so about our own mail server


class Verdict(Enum):
    """What one attempt says about the gateway, whoever the text was for."""

    TOOK = auto()
    REFUSED = auto()
    NOTHING = auto()


@dataclass(frozen=True, slots=True)
class Lane:
    """Where the pace and the breaker of one gateway stand; `refused` names the queues it refused lately."""

    domain: str
    paced_to: datetime | None = None
    closed_until: datetime | None = None
    closings: int = 0
    refused: tuple[int, ...] = ()

    @property
    def closed(self) -> bool:
        """Tell whether the breaker is open; from `closed_until` on one text may try."""
        return self.closed_until is not None


def verdict(reply: Reply, outcome: Outcome) -> Verdict:
    """Say what an attempt tells about the gateway: policy, relaying and its connection, never one phone."""
    if outcome is Outcome.SENT:
        return Verdict.TOOK
    if reply.step not in _GATEWAY_STEPS:
        return Verdict.NOTHING
    if outcome in (Outcome.REFUSED_SENDER, Outcome.GATEWAY_GONE):
        return Verdict.REFUSED
    if outcome is not Outcome.RETRY or reply.code in (None, _CLOSING_LINE):
        return Verdict.NOTHING
    # 4.1 and 4.2 are about one address or mailbox (RFC 3463, 3.2 and 3.3).
    return Verdict.NOTHING if reply.enhanced.startswith(("4.1.", "4.2.")) else Verdict.REFUSED


def learn(lane: Lane, said: Verdict, queue: int, now: datetime, jitter: float) -> Lane:
    """Take in what an attempt tells; the third number refused in a row closes the lane."""
    if said is Verdict.TOOK:
        return (
            lane
            if not (lane.closed or lane.refused)
            else replace(lane, closed_until=None, closings=0, refused=())
        )
    if said is Verdict.NOTHING or lane.closed or queue in lane.refused:
        return lane
    refused = (*lane.refused, queue)
    if len(refused) < NUMBERS_THAT_CLOSE:
        return replace(lane, refused=refused)
    return _close(replace(lane, refused=refused), now, jitter)


def _close(lane: Lane, now: datetime, jitter: float) -> Lane:
    wait = min(FIRST_WAIT * float(2 ** min(lane.closings, 8)), LONGEST_WAIT) * (0.75 + jitter / 2)
    return replace(lane, closed_until=now + wait, closings=lane.closings + 1)


def may_go(lane: Lane, rate: int, now: datetime) -> int | None:
    """Say how many texts may go now at `rate` a minute (0: no bound); None for any number."""
    if lane.closed and not _may_probe(lane, now):
        return 0
    free = None
    if rate:
        step, at_once = _steps(rate)
        free = max(int((now + at_once - _paced_to(lane, rate, now)) / step), 0)
    return free if not lane.closed else min(1, free if free is not None else 1)


def goes(lane: Lane, count: int, rate: int, now: datetime, jitter: float) -> Lane:
    """Take in that so many texts go; the one that tries a closed lane keeps others back until it is known."""
    if not count:
        return lane
    if rate:
        lane = replace(lane, paced_to=_paced_to(lane, rate, now) + _steps(rate)[0] * count)
    return _close(lane, now, jitter) if lane.closed else lane


def opens_at(lane: Lane, rate: int, now: datetime) -> datetime:
    """Say from when a next text may go."""
    opens = now
    if lane.closed_until is not None and not _may_probe(lane, now):
        opens = lane.closed_until
    if rate:
        step, at_once = _steps(rate)
        opens = max(opens, _paced_to(lane, rate, now) + step - at_once)
    return opens


def _steps(rate: int) -> tuple[timedelta, timedelta]:
    """Return the time that one text takes up, and what may go at once: a second's worth, one at least."""
    step = _MINUTE / rate
    return step, max(step, _SECOND)


def _paced_to(lane: Lane, rate: int, now: datetime) -> datetime:
    if lane.paced_to is None or lane.paced_to < now:
        return now
    # Later than this it was written by a clock that ran ahead.
    return min(lane.paced_to, now + _steps(rate)[1])


def _may_probe(lane: Lane, now: datetime) -> bool:
    left = lane.closed_until - now if lane.closed_until else timedelta()
    return left <= timedelta() or left > 2 * LONGEST_WAIT
