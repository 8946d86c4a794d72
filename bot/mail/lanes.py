"""Choose whose mail goes next, so that no gateway's stall or backlog holds up the mail of another."""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.domain.outcome import Reply
from bot.mail.render import Mail

# A connection sends this many mails of a lane in a row while others wait: changing lanes costs a round trip.
TURN_MAILS = 16
# A lane is trusted with this many connections until it has answered; each prompt answer adds one.
FIRST_CONNECTIONS = 2
# A mail that stalls for this many times `slow_s` does not keep its whole lane waiting.
STUCK_FACTOR = 10
_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Job:
    """A mail on its way, and who is to hear what becomes of it."""

    mail: Mail
    lane: str
    tell: Callable[[Reply], None] | None
    urgent: bool = False
    until: float = float("inf")  # whoever asked wants it back where it has not begun by then
    body_goes: Callable[[], None] | None = None  # hears so before the first octet of the body is written
    row: int = 0  # which mail of its connection's turn it is
    began: float = 0.0
    stalled: bool = False

    def end(self, reply: Reply) -> None:
        """Say what became of it, once."""
        tell, self.tell = self.tell, None
        if tell is None:
            return
        try:
            tell(reply)
        except Exception:  # noqa: BLE001 - a bug of whoever asked must not stop the connection's other mails
            _log.exception("smtp: the word on a mail (%r) was not taken", reply)


@dataclass(slots=True, eq=False)
class _Lane:
    """One gateway's mails; what is in `on_wire` is in the order in which it began."""

    most: int
    urgent: deque[Job] = field(default_factory=deque)
    ordinary: deque[Job] = field(default_factory=deque)
    on_wire: dict[Job, None] = field(default_factory=dict)
    connections: int = 0
    slow: bool = False
    rests_until: float = 0.0

    def waits(self) -> bool:
        return bool(self.urgent or self.ordinary)


def share(connections: int) -> int:
    """Return how many connections may work for one lane: all but a quarter, where there are enough."""
    return connections if connections <= 2 else connections - (connections + 3) // 4


class Lanes:
    """The mails that wait, by lane (a gateway's domain); urgent ones first, then the lanes in turn.

    A lane whose mail stalls for more than `slow_s` is slow: it gets one connection, and while others wait it
    rests for as long as it stalled, until it answers promptly again. `now` is any clock's seconds.
    """

    def __init__(self, connections: int, slow_s: float) -> None:
        self._share, self._slow_s = share(connections), slow_s
        self.stuck_s = slow_s * STUCK_FACTOR
        self._first = min(self._share, FIRST_CONNECTIONS if connections > 2 else 1)
        self._spare = connections > 3
        self._lanes: dict[str, _Lane] = {}
        self._turns: deque[_Lane] = deque()  # the lanes in which a mail waits
        self._urgent = 0
        self.waiting = 0

    def put(self, job: Job) -> None:
        """Let a mail wait behind its like."""
        self._append(job, deque.append)

    def give_back(self, job: Job) -> None:
        """Let a mail that was taken wait again, before its like."""
        job.row = 0
        self._append(job, deque.appendleft)

    def _append(self, job: Job, append: Callable[[deque[Job], Job], None]) -> None:
        lane = self._lanes.get(job.lane)
        if lane is None:
            lane = self._lanes[job.lane] = _Lane(self._first)
        if not lane.waits():
            self._turns.append(lane)
        append(lane.urgent if job.urgent else lane.ordinary, job)
        self._urgent += job.urgent
        self.waiting += 1

    def could_go(self, now: float) -> bool:
        """Tell whether a mail waits that one more connection may take."""
        return any(self._has_room(lane, now) for lane in self._turns)

    def take(self, now: float) -> Job | None:
        """Choose for a free connection, which then works for the mail's lane until it leaves it."""
        lane = None
        if self._urgent:
            lane = self._next_in_turn(lambda each: bool(each.urgent) and not self._rests(each, now), now)
        lane = (
            lane
            or self._next_in_turn(lambda each: not self._rests(each, now), now)
            or self._next_in_turn(lambda each: True, now)
        )
        if lane is None:
            return None
        lane.connections += 1
        return self._pop(lane)

    def ride(self, before: Job, now: float) -> Job | None:
        """Choose the mail that goes after another on its connection: of the same lane, if it is its turn."""
        lane = self._lanes[before.lane]
        if not lane.waits() or self._over(lane, now):
            return None
        row = before.row + 1
        if self._urgent > len(lane.urgent) and self._others_could_go(lane, now, urgent=True):
            return None
        if row >= TURN_MAILS and self._others_could_go(lane, now, urgent=False):
            self._turns.remove(lane)
            self._turns.append(lane)
            return None
        job = self._pop(lane)
        job.row = row % TURN_MAILS
        return job

    def leave(self, name: str) -> None:
        """Take note that a connection works for the lane no more."""
        lane = self._lanes[name]
        lane.connections -= 1
        if not (lane.connections or lane.slow or lane.waits()):
            del self._lanes[name]

    def begun(self, job: Job, now: float) -> None:
        """Take note that the server is to answer for this mail from now on."""
        job.began, job.stalled = now, False
        self._lanes[job.lane].on_wire[job] = None

    def ended(self, job: Job, now: float, *, answered: bool) -> None:
        """Take note that a mail is off the wire, with the server's answer or without."""
        lane = self._lanes[job.lane]
        self._look(lane, now)
        if job not in lane.on_wire:
            return
        del lane.on_wire[job]
        if job.stalled:
            lane.rests_until = now + (now - job.began)
        elif answered:
            lane.most = self._first if lane.slow else min(lane.most + 1, self._share)
            lane.slow = False

    def drain(self) -> list[Job]:
        """Take out all that waits."""
        jobs = [job for lane in self._turns for job in (*lane.urgent, *lane.ordinary)]
        for lane in self._turns:
            lane.urgent.clear()
            lane.ordinary.clear()
        self._turns.clear()
        self._urgent = self.waiting = 0
        self._lanes = {name: lane for name, lane in self._lanes.items() if lane.connections or lane.slow}
        return jobs

    def _next_in_turn(self, fits: Callable[[_Lane], bool], now: float) -> _Lane | None:
        for _ in range(len(self._turns)):
            lane = self._turns[0]
            self._turns.rotate(-1)
            if self._has_room(lane, now) and fits(lane):
                return lane
        return None

    def _pop(self, lane: _Lane) -> Job:
        job = lane.urgent.popleft() if lane.urgent else lane.ordinary.popleft()
        self._urgent -= job.urgent
        self.waiting -= 1
        job.row = 0
        if not lane.waits():
            self._turns.remove(lane)
        return job

    def _others_could_go(self, lane: _Lane, now: float, *, urgent: bool) -> bool:
        return any(
            each is not lane
            and (each.urgent or not urgent)
            and not self._rests(each, now)
            and self._has_room(each, now)
            for each in self._turns
        )

    def _has_room(self, lane: _Lane, now: float) -> bool:
        return self._free(lane, now) > 0

    def _over(self, lane: _Lane, now: float) -> bool:
        return self._free(lane, now) < 0

    def _free(self, lane: _Lane, now: float) -> int:
        """Return how many more connections may work for the lane; negative where too many do."""
        self._look(lane, now)
        stuck = 0
        if self._spare and lane.on_wire:
            stuck = now - next(iter(lane.on_wire)).began > self.stuck_s
        return (1 if lane.slow else lane.most) + stuck - lane.connections

    def _rests(self, lane: _Lane, now: float) -> bool:
        return lane.slow and now < lane.rests_until

    def _look(self, lane: _Lane, now: float) -> None:
        """Call the lane slow where a mail on the wire has newly stalled."""
        for job in lane.on_wire:
            if now - job.began <= self._slow_s:
                return
            if not job.stalled:
                job.stalled = lane.slow = True
