"""Hand mails to the operator's mail server over connections that stay open."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection

from bot.domain.account import SmtpConfig
from bot.domain.outcome import Reply, Step
from bot.mail.dialogue import Dialogue, Job
from bot.mail.door import Door, Opened, Timeouts
from bot.mail.render import Mail

# A server that takes no further connection is not asked for one again so soon.
NO_MORE_CONNECTIONS_S = 30.0
QUIT_S = 0.2


class Road:
    """At most `connections` open SMTP connections, each taking the next mail that waits.

    send() never raises for what a server or network does: the Reply says how far the mail came.
    """

    def __init__(
        self, config: SmtpConfig, domains: Callable[[], Collection[str]], timeouts: Timeouts | None = None
    ) -> None:
        self._config, self._domains = config, domains
        self._timeouts = timeouts or Timeouts()
        self._door = Door(config, self._timeouts)
        self._jobs: deque[Job] = deque()
        self._idle: list[tuple[Opened, float]] = []
        self._talking: dict[Dialogue, Opened] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._checked: Opened | None = None  # by the last probe
        self._no_more_before = 0.0
        self._stopping = False

    async def send(self, mail: Mail) -> Reply:
        """Hand over one mail to one recipient and say what the server's last word was, at which step."""
        job = Job(mail, asyncio.get_running_loop().create_future())
        if self._stopping:
            return Reply(Step.STOPPED, None)
        self._jobs.append(job)
        self._want_worker()
        try:
            return await job.done
        except asyncio.CancelledError:
            self._forget(job)
            raise

    def _forget(self, job: Job) -> None:
        """Drop a mail that nobody waits for: unsent where it waits, else with its connection."""
        if job in self._jobs:
            self._jobs.remove(job)
        for dialogue, opened in self._talking.items():
            if dialogue.has(job):
                opened.wire.abort()
        self._door.give_up(job)

    def _want_worker(self) -> None:
        if not self._jobs or self._stopping:
            return
        may_open = asyncio.get_running_loop().time() >= self._no_more_before or not self._talking
        if len(self._workers) < self._config.connections and (self._idle or may_open):
            self._workers.add(asyncio.create_task(self._work(), name="smtp connection"))

    def _next_job(self) -> Job | None:
        return self._jobs.popleft() if self._jobs and not self._stopping else None

    async def _work(self) -> None:
        worker = asyncio.current_task()
        try:
            await self._send_what_waits()
        finally:
            # At once, not by a callback: whoever sends next must see that this place is free.
            self._workers -= {worker} if worker is not None else set()
        if self._jobs and not self._talking:
            self._want_worker()

    async def _send_what_waits(self) -> None:
        """Send what waits over one connection, then keep the connection for later."""
        opened, fresh = self._kept(), False
        job = self._next_job()
        while job is not None:
            if opened is None or not opened.wire.is_open:
                opened, fresh = await self._open(job), True
                if opened is None:
                    return
            if self._stopping or job.done.done():
                # It took a while to connect: meanwhile we were told to stop, or the sender went away.
                job.end(Reply(Step.STOPPED, None))
                job = self._next_job()
                continue
            job = await self._talk(opened, job, fresh=fresh) or self._next_job()
            fresh = False
        if opened is not None:
            self._keep(opened)

    async def _talk(self, opened: Opened, job: Job, *, fresh: bool) -> Job | None:
        """Send mails until none is ready; returns one that a dead connection surely did not take."""
        dialogue = Dialogue(opened, self._config.sender, self._domains, self._timeouts, fresh=fresh)
        self._talking[dialogue] = opened
        try:
            return await dialogue.run(job, self._next_job)
        finally:
            del self._talking[dialogue]

    async def _open(self, job: Job) -> Opened | None:
        """Open a connection for a mail; where that fails the mail, and all that wait, hear of it."""
        opened = await self._door.open(job)
        if isinstance(opened, Opened):
            return opened
        if opened.step is Step.STOPPED and not self._stopping:
            job.end(opened)  # whoever wanted it went away; the others still wait for a connection
            return None
        if (self._talking or self._idle) and not self._stopping:
            # Others are through, so the server is there and just takes no further connection.
            loop = asyncio.get_running_loop()
            self._no_more_before = loop.time() + NO_MORE_CONNECTIONS_S
            self._jobs.appendleft(job)
            loop.call_later(NO_MORE_CONNECTIONS_S, self._want_worker)
            return None
        job.end(opened)
        while (waiting := self._next_job()) is not None:
            waiting.end(opened)
        return None

    def _kept(self) -> Opened | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            opened, since = self._idle.pop()
            if opened.wire.is_open and now - since < self._timeouts.idle:
                return opened
            opened.wire.abort()
        return None

    def _keep(self, opened: Opened) -> None:
        if opened.wire.is_open and not self._stopping:
            self._idle.append((opened, asyncio.get_running_loop().time()))
        else:
            opened.wire.abort()

    async def probe(self) -> Reply | None:
        """Make sure of a connection, a kept one where there is one; the Reply says why that failed."""
        if self._talking:
            return None
        opened = self._checked = self._kept()
        if opened is None or not await opened.wire.answers(self._timeouts.command):
            new = await self._door.open(None)
            if isinstance(new, Reply):
                return new
            opened = new
        self._checked = None
        self._keep(opened)
        return None

    async def close(self, before_dot: float, after_dot: float) -> None:
        """Begin nothing more; open dialogues get `before_dot` seconds, those past the dot `after_dot`."""
        self._stopping = True
        self._door.close()
        if self._checked is not None:
            self._checked.wire.abort()
        while self._jobs:
            self._jobs.popleft().end(Reply(Step.STOPPED, None))
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
