"""Hand mails over on one open connection, each reply attributed to the command it answers."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass

from bot.domain.address import ForbiddenRecipient, check_recipient
from bot.domain.outcome import Reply, Step
from bot.mail.door import Opened, Timeouts
from bot.mail.render import Mail, stuffed
from bot.mail.wire import WireBroke

_CLOSING = 421  # RFC 5321, 4.2.3: the server closes the connection after this reply
_ENVELOPE = ((Step.MAIL, 2), (Step.RCPT, 2), (Step.DATA, 3))


@dataclass(slots=True)
class Job:
    """A mail on its way, and who waits for what becomes of it."""

    mail: Mail
    done: "asyncio.Future[Reply]"

    def end(self, reply: Reply) -> None:
        """Say what became of it."""
        if not self.done.done():
            self.done.set_result(reply)


class Dialogue:
    """One connection's work, mail after mail.

    With PIPELINING (RFC 2920) MAIL, RCPT and DATA go in one write, and the next mail's ride with this body.
    A riding envelope cannot be taken back, so it is only sent for a mail that will go whatever happens.
    """

    def __init__(
        self,
        opened: Opened,
        sender: str,
        domains: Callable[[], Collection[str]],
        timeouts: Timeouts,
        *,
        fresh: bool,
    ) -> None:
        self._wire, self._pipelining = opened.wire, opened.pipelining
        self._sender, self._domains, self._timeouts = sender.encode("ascii"), domains, timeouts
        self._fresh, self._stopping = fresh, False
        self._jobs: list[Job] = []
        self.step: Step = Step.MAIL

    def has(self, job: Job) -> bool:
        """Tell whether a mail is under way here."""
        return job in self._jobs

    def stop(self) -> None:
        """Begin no more; what has not reached its body breaks off."""
        self._stopping = True

    async def run(self, job: Job, next_job: Callable[[], Job | None]) -> Job | None:
        """Send mails until none is ready; returns one that a dead connection surely did not take."""
        riding = False
        while True:
            self._jobs = [job]
            following: Job | None = None
            try:
                reply = await self._envelope(job, riding=riding)
                if reply is None:
                    following = self._body(job, next_job)
                    reply = Reply(Step.BODY, *await self._wire.reply(self._timeouts.final_dot))
            except WireBroke:
                not_taken = self._broke(job, riding=riding)
                return following or not_taken
            if reply.step is Step.MAIL and reply.code == _CLOSING and not self._fresh and not self._stopping:
                self._wire.abort()
                return job  # dropped between two mails: it goes over a fresh connection
            clean = await self._is_clean(reply)
            job.end(reply)
            self._fresh = False
            if not clean:
                self._wire.abort()
                return following
            riding = following is not None
            next_one = following or next_job()
            if next_one is None:
                return None
            job = next_one

    def _broke(self, job: Job, *, riding: bool) -> Job | None:
        """End the mail on which the line broke, or return it where a kept connection was just dead."""
        if self._stopping and self.step is not Step.BODY:
            # We cut it ourselves: nobody is to blame.
            job.end(Reply(Step.STOPPED, None))
        elif self.step is Step.MAIL and (riding or not self._fresh):
            return job
        job.end(Reply(self.step, None))
        return None

    async def _envelope(self, job: Job, *, riding: bool) -> Reply | None:
        """Send MAIL, RCPT, DATA (a riding envelope is sent already) and read; None: the body may follow."""
        if not riding:
            if not self._may_go(job):
                return Reply(Step.CHECK, None)
            self._break_off_if_told()
            if self._pipelining:
                self._wire.write(b"".join(self._commands(job)))
        refused: Reply | None = None
        for (step, wanted), command in zip(_ENVELOPE, self._commands(job), strict=True):
            self.step = step
            if not self._pipelining:
                self._break_off_if_told()
                self._wire.write(command)
            code, text = await self._wire.reply(self._timeouts.command)
            if code // 100 != wanted:
                refused = Reply(step, code, text)
                break
        if refused is None:
            self._break_off_if_told()
        elif self._pipelining:
            await self._pass_over(refused.step)
        return refused

    async def _pass_over(self, refused_at: Step) -> None:
        """Read the replies to what was sent behind a refused command."""
        steps = [step for step, _ in _ENVELOPE]
        try:
            for _ in steps[steps.index(refused_at) + 1 :]:
                code, _ = await self._wire.reply(self._timeouts.command)
                if code // 100 == 3:
                    # The server wants a body although it took no recipient: closing is the one safe answer.
                    self._wire.abort()
        except WireBroke:
            return

    def _body(self, job: Job, next_job: Callable[[], Job | None]) -> Job | None:
        """Send the body and, where a mail is ready, its envelope with it."""
        following = next_job() if self._pipelining and not self._stopping else None
        while following is not None and not self._may_go(following):
            following.end(Reply(Step.CHECK, None))
            following = next_job()
        envelope = b""
        if following is not None:
            envelope = b"".join(self._commands(following))
            self._jobs.append(following)
        self.step = Step.BODY
        self._wire.write(stuffed(job.mail.content) + envelope)
        return following

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

    def _commands(self, job: Job) -> tuple[bytes, bytes, bytes]:
        recipient = job.mail.recipient.encode("ascii")
        return b"MAIL FROM:<%s>\r\n" % self._sender, b"RCPT TO:<%s>\r\n" % recipient, b"DATA\r\n"

    def _break_off_if_told(self) -> None:
        if self._stopping:
            self._wire.abort()
            raise WireBroke
