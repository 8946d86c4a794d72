"""Hand mails over on one open connection, each reply attributed to the command it answers."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from bot.domain.address import ForbiddenRecipient, check_recipient
from bot.domain.outcome import Reply, Step
from bot.mail.door import Opened, Timeouts
from bot.mail.lanes import Job
from bot.mail.render import stuffed
from bot.mail.senders import Senders
from bot.mail.wire import WireBroke

_CLOSING = 421  # RFC 5321, 4.2.3: the server closes the connection after this reply
_ENVELOPE = ((Step.MAIL, 2), (Step.RCPT, 2), (Step.DATA, 3))
_STEPS = tuple(step for step, _ in _ENVELOPE)
_SENT = Reply(Step.BODY, 250)


@dataclass(frozen=True, slots=True)
class Queue:
    """Where a dialogue gets its next mails, and what it tells of each."""

    ride: Callable[[Job], Job | None]  # the mail that goes after this one
    begun: Callable[[Job], None]
    ended: Callable[[Job, Reply], None]


class Dialogue:
    """One connection's work, mail after mail.

    With PIPELINING (RFC 2920) MAIL, RCPT and DATA go in one write, and the next mail's ride with this body.
    A riding envelope cannot be taken back, so it is only sent for a mail that will go whatever happens.
    """

    def __init__(
        self,
        opened: Opened,
        senders: Senders,
        domains: Callable[[], Collection[str]],
        timeouts: Timeouts,
        queue: Queue,
    ) -> None:
        self._wire, self._pipelining, self._queue = opened.wire, opened.pipelining, queue
        self._senders = senders
        self._domains, self._timeouts = domains, timeouts
        self._stopping = False
        self._job: Job | None = None
        self._following: Job | None = None  # its envelope rides with the body of `_job`
        self.step: Step = Step.MAIL

    def stop(self) -> None:
        """Begin no more; what has not reached its body breaks off."""
        self._stopping = True

    async def run(self, job: Job) -> Job | None:
        """Send mails until it is another's turn; returns one that a dead connection surely did not take."""
        riding = False
        try:
            while True:
                self._begin(job)
                try:
                    reply = await self._send(job, riding=riding)
                except WireBroke:
                    return self._broke(job, riding=riding)
                if self._was_dropped(reply) or self._senders.refused(job, reply):
                    self._wire.abort()
                    return self._hand_back(job)
                clean = reply is _SENT or await self._is_clean(reply)
                self._end(job, reply)
                following, self._wire.fresh = self._following, False
                if not clean:
                    self._wire.abort()
                    return self._hand_back(following)
                riding = following is not None
                next_one = following or self._next(job)
                if next_one is None:
                    return None
                job = next_one
        finally:
            self._settle()

    def _begin(self, job: Job) -> None:
        self._job, self._following = job, None
        self._queue.begun(job)

    def _was_dropped(self, reply: Reply) -> bool:
        """Tell whether the server hung up between two mails: the second goes over a fresh connection."""
        dropped = reply.step is Step.MAIL and reply.code == _CLOSING
        return dropped and not (self._wire.fresh or self._stopping)

    def _next(self, job: Job) -> Job | None:
        return None if self._stopping else self._queue.ride(job)

    def _end(self, job: Job, reply: Reply) -> None:
        self._job = None
        self._queue.ended(job, reply)

    def _hand_back(self, job: Job | None) -> Job | None:
        if job is not None and job is self._job:
            self._job = None
        self._following = None
        return job

    def _settle(self) -> None:
        """End what is still under way where a bug or a cancel broke the dialogue off."""
        job, following = self._job, self._following
        self._job = self._following = None
        if job is None and following is None:
            return
        self._wire.abort()
        if job is not None:
            self._queue.ended(job, Reply(self.step, None))
        if following is not None:
            self._queue.ended(following, Reply(Step.MAIL, None))

    def _broke(self, job: Job, *, riding: bool) -> Job | None:
        """End the mail on which the line broke; return what a dead connection surely did not take."""
        if self._following is not None:
            following = self._following
            self._end(job, Reply(self.step, None))
            return self._hand_back(following)
        if self._stopping and self.step is not Step.BODY:
            # We cut it ourselves: nobody is to blame.
            self._end(job, Reply(Step.STOPPED, None))
            return None
        if self.step is Step.MAIL and (riding or not self._wire.fresh):
            return self._hand_back(job)
        self._end(job, Reply(self.step, None))
        return None

    async def _send(self, job: Job, *, riding: bool) -> Reply:
        """Bring one mail as far as it comes, its envelope perhaps sent already, and return the last word."""
        refused = await self._envelope(job, riding=riding)
        if refused is not None:
            return refused
        self._body(job)
        code, text = await self._wire.reply(self._timeouts.final_dot)
        return _SENT if code == _SENT.code else Reply(Step.BODY, code, text)

    async def _envelope(self, job: Job, *, riding: bool) -> Reply | None:
        """Send MAIL, RCPT, DATA (a riding envelope is sent already) and read; None: the body may follow."""
        wire, replies, pipelining = self._wire, self._wire.replies, self._pipelining
        self.step = Step.MAIL
        if not riding:
            if not self._may_go(job):
                return Reply(Step.CHECK, None)
            self._break_off_if_told()
            if pipelining:
                wire.write(self._whole_envelope(job))
        for step, wanted in _ENVELOPE:
            self.step = step
            if not pipelining:
                self._break_off_if_told()
                wire.write(self._command(step, job))
            code, text = replies.popleft() if replies else await wire.reply(self._timeouts.command)
            if code // 100 != wanted:
                if pipelining:
                    await self._pass_over(step)
                return Reply(step, code, text)
        self._break_off_if_told()
        if not wire.is_open:
            raise WireBroke  # no octet of the body was sent: surely not taken
        return None

    async def _pass_over(self, refused_at: Step) -> None:
        """Read the replies to what was sent behind a refused command."""
        try:
            for _ in _STEPS[_STEPS.index(refused_at) + 1 :]:
                code, _ = await self._wire.reply(self._timeouts.command)
                if code // 100 == 3:
                    # The server wants a body although it took no recipient: closing is the one safe answer.
                    self._wire.abort()
        except WireBroke:
            return

    def _body(self, job: Job) -> None:
        """Send the body and, where a mail is ready, its envelope with it."""
        following = self._next(job) if self._pipelining else None
        while following is not None and not self._may_go(following):
            self._queue.ended(following, Reply(Step.CHECK, None))
            following = self._next(job)
        self._following = following
        octets = stuffed(job.mail.content)
        if following is not None:
            octets += self._whole_envelope(following)
        self.step = Step.BODY
        if job.body_goes is not None:
            job.body_goes()
        self._wire.write(octets)

    async def _is_clean(self, reply: Reply) -> bool:
        """Tell whether the connection can take the next mail, after RSET where an envelope is still open."""
        code = reply.code
        if reply.step is Step.CHECK:
            return True
        if code is None or code == _CLOSING or not self._wire.is_open:
            return False
        if reply.step is Step.BODY:
            return 200 <= code < 300 or 400 <= code < 600
        if not 400 <= code < 600:
            return False  # an answer out of step: who knows what the server believes
        if reply.step is Step.MAIL:
            return True
        try:
            self._wire.write(b"RSET\r\n")
            return (await self._wire.reply(self._timeouts.command))[0] == 250
        except WireBroke:
            return False

    def _may_go(self, job: Job) -> bool:
        try:
            check_recipient(job.mail.recipient, self._domains())
        except ForbiddenRecipient:
            return False
        return True

    def _whole_envelope(self, job: Job) -> bytes:
        mail_from, recipient = self._command(Step.MAIL, job), job.mail.recipient.encode("ascii")
        return b"%sRCPT TO:<%s>\r\nDATA\r\n" % (mail_from, recipient)

    def _command(self, step: Step, job: Job) -> bytes:
        if step is Step.MAIL:
            return b"MAIL FROM:<%s>\r\n" % self._senders.of(job.mail)
        return b"DATA\r\n" if step is Step.DATA else b"RCPT TO:<%s>\r\n" % job.mail.recipient.encode("ascii")

    def _break_off_if_told(self) -> None:
        if self._stopping:
            self._wire.abort()
            raise WireBroke
