"""Hand mails to the operator's mail server over connections that stay open."""

import asyncio
from collections.abc import Callable, Collection
from typing import cast

from bot.domain.account import SmtpConfig
from bot.domain.outcome import Reply, Step
from bot.mail.dialogue import Dialogue, Queue
from bot.mail.door import Door, Opened, Timeouts
from bot.mail.lanes import Job, Lanes
from bot.mail.render import Letter, Mail, render
from bot.mail.senders import Senders

# A server that takes no further connection is not asked for one again so soon.
NO_MORE_CONNECTIONS_S = 30.0
QUIT_S = 0.2


class Road:
    """At most `connections` open SMTP connections, each taking the mail whose turn it is."""

    def __init__(
        self, config: SmtpConfig, domains: Callable[[], Collection[str]], timeouts: Timeouts | None = None
    ) -> None:
        self._config, self._domains = config, domains
        self._timeouts = timeouts or Timeouts()
        self._door, self._senders = Door(config, self._timeouts), Senders(config.sender)
        self._lanes = Lanes(config.connections, self._timeouts.slow)
        self._queue = Queue(self._ride, self._begun, self._ended)
        self._idle: list[tuple[Opened, float]] = []
        self._talking: dict[Dialogue, Opened] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._openings = 0  # of them, those that have no connection yet
        self._checked: Opened | None = None  # by the last probe
        self._no_more_before = 0.0
        self._looks_again: asyncio.TimerHandle | None = None
        self._stopping = False

    def put(
        self,
        mail: Mail,
        lane: str,
        end: Callable[[Reply], None],
        *,
        urgent: bool = False,
        until: float = float("inf"),
        body_goes: Callable[[], None] | None = None,
    ) -> None:
        """Let a mail go when its turn comes; `end` hears once what the server's last word was, at which step.

        `lane` is the gateway's domain; a mail that has not begun by `until` (loop time) is given back. The
        word comes from a connection's task, or at once where the road is closed. Nothing that a server or
        network does raises. `body_goes` hears so just before the server may take the mail for the first time.
        """
        job = Job(mail, lane, end, urgent, until, body_goes)
        if self._stopping:
            job.end(Reply(Step.STOPPED, None))
            return
        self._lanes.put(job)
        self._want_worker()

    def post(
        self, letter: Letter, lane: str, end: Callable[[Reply], None], *, urgent: bool, until: float
    ) -> None:
        """Make a mail and put it; raises where it cannot be made."""
        self.put(render(self._config.sender, letter), lane, end, urgent=urgent, until=until)

    def recall(self) -> None:
        """Give back every mail that has not begun."""
        for job in self._lanes.drain():
            job.end(Reply(Step.STOPPED, None))

    def _want_worker(self) -> None:
        if len(self._workers) >= self._config.connections or not self._lanes.waiting or self._stopping:
            return
        if self._openings >= self._lanes.waiting and not self._idle:
            return  # as many are on the way already
        now = _now()
        if not self._lanes.could_go(now):
            self._look_again_later()
            return
        if self._idle or now >= self._no_more_before or not self._talking:
            self._openings += 1
            self._workers.add(asyncio.create_task(self._work(), name="smtp connection"))

    def _look_again_later(self) -> None:
        # Nothing else may happen while a lane waits for a mail of its own that is stuck.
        if self._looks_again is None:
            self._looks_again = asyncio.get_running_loop().call_later(
                self._lanes.stuck_s + 0.1, self._look_again
            )

    def _look_again(self) -> None:
        self._looks_again = None
        self._want_worker()

    def _next(self) -> Job | None:
        while not self._stopping and (job := self._lanes.take(_now())) is not None:
            if not self._given_back(job):
                return job
            self._lanes.leave(job.lane)
        return None

    def _ride(self, before: Job) -> Job | None:
        while not self._stopping and (job := self._lanes.ride(before, _now())) is not None:
            if not self._given_back(job):
                return job
        return None

    def _given_back(self, job: Job) -> bool:
        if job.until >= _now():
            return False
        job.end(Reply(Step.STOPPED, None))
        return True

    def _begun(self, job: Job) -> None:
        self._lanes.begun(job, _now())

    def _ended(self, job: Job, reply: Reply) -> None:
        self._lanes.ended(job, _now(), answered=reply.code is not None)
        job.end(reply)
        self._want_worker()

    async def _work(self) -> None:
        """Send what waits over one connection, then keep the connection for later."""
        worker = cast("asyncio.Task[None]", asyncio.current_task())
        try:
            opened = await self._connection()
            if opened is not None:
                await self._send_what_waits(opened)
        finally:
            # At once, not by a callback: whoever sends next must see that this place is free.
            self._workers.discard(worker)
            if not worker.cancelling():
                self._want_worker()

    async def _connection(self) -> Opened | None:
        """Return a kept connection or a new one; which mail it is for is chosen when it is there."""
        try:
            return self._kept() or await self._open()
        finally:
            self._openings -= 1

    async def _send_what_waits(self, opened: Opened) -> None:
        while opened.wire.is_open and (job := self._next()) is not None:
            self._want_worker()  # this one changed lanes, so another may have got room
            await self._talk(opened, job)
        self._keep(opened)

    async def _talk(self, opened: Opened, job: Job) -> None:
        """Send mails of one lane; one that a dead connection surely did not take waits again."""
        dialogue = Dialogue(opened, self._senders, self._domains, self._timeouts, self._queue)
        self._talking[dialogue] = opened
        try:
            left = await dialogue.run(job)
            if left is not None:
                self._give_back(left)
        finally:
            del self._talking[dialogue]
            self._lanes.leave(job.lane)

    def _give_back(self, job: Job) -> None:
        if self._stopping:
            self._ended(job, Reply(Step.STOPPED, None))
            return
        self._lanes.ended(job, _now(), answered=False)
        self._lanes.give_back(job)

    async def _open(self) -> Opened | None:
        """Open a connection; where that fails, all that wait hear of it."""
        opened = await self._door.open()
        if isinstance(opened, Opened):
            return opened
        if (self._talking or self._idle) and not self._stopping:
            # Others are through, so the server is there and just takes no further connection.
            self._no_more_before = _now() + NO_MORE_CONNECTIONS_S
            asyncio.get_running_loop().call_later(NO_MORE_CONNECTIONS_S, self._want_worker)
            return None
        for waiting in self._lanes.drain():
            waiting.end(opened)
        return None

    def _kept(self) -> Opened | None:
        while self._idle:
            opened, since = self._idle.pop()
            if opened.wire.is_quiet and _now() - since < self._timeouts.idle:
                return opened
            opened.wire.abort()
        return None

    def _keep(self, opened: Opened) -> None:
        if opened.wire.is_quiet and not self._stopping:
            opened.wire.fresh = False
            self._idle.append((opened, _now()))
        else:
            opened.wire.abort()

    async def probe(self) -> Reply | None:
        """Make sure of a connection, a kept one where there is one; the Reply says why that failed."""
        if self._talking:
            return None
        opened = self._checked = self._kept()
        if opened is None or not await opened.wire.answers(self._timeouts.command):
            new = await self._door.open()
            if isinstance(new, Reply):
                return new
            opened = new
        self._checked = None
        self._keep(opened)
        return None

    async def close(self, before_dot: float, after_dot: float) -> None:
        """Begin nothing more; open dialogues get `before_dot` seconds, those past the dot `after_dot`."""
        self._stopping = True
        if self._looks_again is not None:
            self._looks_again.cancel()
        self._door.close()
        if self._checked is not None:
            self._checked.wire.abort()
        for waiting in self._lanes.drain():
            waiting.end(Reply(Step.STOPPED, None))
        kept, self._idle = self._idle, []
        await asyncio.gather(*(opened.wire.quit(QUIT_S) for opened, _ in kept))
        for dialogue in self._talking:
            dialogue.stop()
        await self._wait(before_dot)
        self._cut(lambda dialogue: dialogue.step is not Step.BODY)
        await self._wait(after_dot - before_dot)
        self._cut(lambda dialogue: True)
        await self._wait(1.0)

    async def _wait(self, seconds: float) -> None:
        if self._workers:
            await asyncio.wait(self._workers, timeout=seconds)

    def _cut(self, which: Callable[[Dialogue], bool]) -> None:
        # Closing the socket is the one thing that is safe after a 354: anything written would be mail.
        for dialogue, opened in list(self._talking.items()):
            if which(dialogue):
                opened.wire.abort()


def _now() -> float:
    return asyncio.get_running_loop().time()
