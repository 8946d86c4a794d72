"""Remember that the mail server is away, explain it to senders, and say when to try it again."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import notices, texts
from bot.domain.outcome import Outcome, Reply, Step
from bot.domain.words import LIMITED, RELAY_AWAY
from bot.services.standing import TEXT_NOTICE

_log = logging.getLogger(__name__)
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=1), timedelta(minutes=1)
# A server that refuses our login is not asked often: it may lock the account.
LOGIN_FIRST_WAIT, LOGIN_LONGEST_WAIT = timedelta(minutes=1), timedelta(minutes=30)
ACCOUNT_WAIT = timedelta(minutes=30)
# A daily quota is run into again after each wait: the operator hears of it once a day.
LIMIT_TOLD_EVERY = timedelta(days=1)
EXPLAIN_AT_ONCE = 500
_WORDS = {
    Step.CONNECT: "The mail server can't be reached. Texts wait; check SMTP_HOST, SMTP_PORT, SMTP_SECURITY.",
    Step.LOGIN: "The mail server refuses the login. Texts wait; check SMTP_USERNAME and SMTP_PASSWORD.",
    None: "The mail account has reached its limit. Texts wait and go out later.",
}


class Outage:
    """One outage of the road that all mails share."""

    def __init__(self, jitter: Callable[[], float]) -> None:
        self._jitter = jitter
        self._failures = 0
        self._until: datetime | None = None
        self._reason = RELAY_AWAY
        self._limit_told_at: datetime | None = None

    @property
    def away(self) -> bool:
        """Tell whether the road is closed."""
        return self._until is not None

    def may_probe(self, now: datetime) -> bool:
        """Tell whether it is time to try the server again."""
        return self._until is not None and (now >= self._until or self._until - now > 2 * LOGIN_LONGEST_WAIT)

    def seconds_left(self, now: datetime) -> float:
        """Say how long to wait before the next look: at most a second, so that senders hear of it."""
        left = (self._until - now).total_seconds() if self._until else 0.0
        return min(max(left, 0.05), 1.0)

    async def learn(
        self,
        session: AsyncSession,
        outcomes: Sequence[Outcome],
        results: Sequence[tuple[object, Reply]],
        now: datetime,
    ) -> int:
        """Open or keep an outage from what attempts came to; returns how many senders are to be told."""
        for outcome, (_, reply) in zip(outcomes, results, strict=True):
            if outcome is Outcome.RELAY_AWAY and not self.away:
                await self._begin(session, reply, now)
            elif outcome is Outcome.ACCOUNT_LIMIT and not self.away:
                self._reason, self._until = LIMITED, now + ACCOUNT_WAIT
                if self._limit_told_at is None or abs(now - self._limit_told_at) >= LIMIT_TOLD_EVERY:
                    await self._tell_operator(session, None, now)
                    self._limit_told_at = now
        return await self.explain(session, now) if self.away else 0

    async def probed(self, session: AsyncSession, failed: Reply | None, now: datetime) -> None:
        """Take in what a probe found: the end of the outage, or a longer wait."""
        if failed is None:
            _log.info("smtp: the mail server is back")
            self._failures, self._until, self._reason = 0, None, RELAY_AWAY
        else:
            await self._begin(session, failed, now)

    async def _begin(self, session: AsyncSession, reply: Reply, now: datetime) -> None:
        # A line that broke during the login says nothing about the password.
        login = reply.step is not Step.CONNECT and reply.code is not None
        first, longest = (LOGIN_FIRST_WAIT, LOGIN_LONGEST_WAIT) if login else (FIRST_WAIT, LONGEST_WAIT)
        wait = min(first * 2 ** min(self._failures, 10), longest) * (0.75 + self._jitter() / 2)
        self._failures += 1
        self._until, self._reason = now + wait, RELAY_AWAY
        _log.warning("smtp: %r; next try in %.0f s", reply, wait.total_seconds())
        if self._failures == (1 if login else 3):
            await self._tell_operator(session, Step.LOGIN if login else Step.CONNECT, now)

    async def _tell_operator(self, session: AsyncSession, step: Step | None, now: datetime) -> None:
        _log.error("smtp: %s", _WORDS[step])
        await notices.add(session, notices.OPERATOR, "outage", now, words=_WORDS[step])

    async def explain(self, session: AsyncSession, now: datetime) -> int:
        """Leave word for every sender whose text waits because of the outage and who was not told yet."""
        waiting = await texts.waiting_unexplained(session, self._reason, EXPLAIN_AT_ONCE)
        standings = await texts.standings(session, waiting)
        for text in standings.values():
            await texts.set_state(session, text.id, text.state, self._reason, text.parts_sent, now)
            await notices.add(session, text.sender_id, TEXT_NOTICE, now, text_id=text.id)
        return len(standings)
