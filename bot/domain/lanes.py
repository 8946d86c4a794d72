"""Pace one gateway's texts, and stop sending to one that refuses everybody until it takes a text again."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto

from bot.domain.outcome import Outcome, Reply, Step

ACCOUNT = ""  # the lane of the whole mail account
# One number may be wrong, two may be chance.
NUMBERS_THAT_CLOSE = 3
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=10), timedelta(minutes=1)
# Relays on several machines share a lane, and their clocks are never quite the same.
CLOCKS_DIFFER = timedelta(seconds=30)
# Texts are counted by the second, so one more than a minute's are looked at: no minute has too many.
_WINDOW_S = 61
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
    recent: tuple[tuple[int, int], ...] = ()
    """How many texts went in which second (since 1970) of the last minute."""
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
    free = max(rate - sum(count for _, count in _recent(lane, now)), 0) if rate else None
    return free if not lane.closed else min(1, free if free is not None else 1)


def goes(lane: Lane, count: int, rate: int, now: datetime, jitter: float) -> Lane:
    """Take in that so many texts go; the one that tries a closed lane keeps others back until it is known."""
    if not count:
        return lane
    if rate:
        second, recent = int(now.timestamp()), dict(_recent(lane, now))
        recent[second] = recent.get(second, 0) + count
        lane = replace(lane, recent=tuple(sorted(recent.items())))
    return _close(lane, now, jitter) if lane.closed else lane


def returned(lane: Lane, count: int) -> Lane:
    """Take in that so many of the last texts did not go after all."""
    recent = list(lane.recent)
    while count and recent:
        second, went = recent.pop()
        if went > count:
            recent.append((second, went - count))
        count -= min(count, went)
    return replace(lane, recent=tuple(recent))


def opens_at(lane: Lane, rate: int, now: datetime) -> datetime:
    """Say from when a next text may go."""
    opens = now
    if lane.closed_until is not None and not _may_probe(lane, now):
        opens = lane.closed_until
    recent = _recent(lane, now)
    if rate and sum(count for _, count in recent) >= rate:
        opens = max(opens, datetime.fromtimestamp(recent[0][0] + _WINDOW_S, now.tzinfo))
    return opens


def _recent(lane: Lane, now: datetime) -> tuple[tuple[int, int], ...]:
    """Return what counts still; what lies far ahead was written by a clock that ran ahead."""
    second = int(now.timestamp())
    last = second + CLOCKS_DIFFER // timedelta(seconds=1)
    return tuple((at, count) for at, count in lane.recent if second - _WINDOW_S < at <= last)


def _may_probe(lane: Lane, now: datetime) -> bool:
    left = lane.closed_until - now if lane.closed_until else timedelta()
    return left <= timedelta() or left > 2 * LONGEST_WAIT
