"""Remember that the mail server is away, explain it to senders, and say when to try it again."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import notices, texts
from bot.domain.outcome import Outcome, Reply, Step
from bot.domain.words import LIMITED, RELAY_AWAY
from bot.services.standing import say_why_they_wait

_log = logging.getLogger(__name__)
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=1), timedelta(minutes=1)
# A server that refuses our login is not asked often: it may lock the account.
LOGIN_FIRST_WAIT, LOGIN_LONGEST_WAIT = timedelta(minutes=1), timedelta(minutes=30)
ACCOUNT_WAIT = timedelta(minutes=30)
# The same trouble may come back after each wait: the operator hears of it once a day.
TOLD_EVERY = timedelta(days=1)
TELL_AFTER_FAILURES = 3
EXPLAIN_AT_ONCE = 500


class _Trouble(StrEnum):
    """What closes the road."""

    AWAY = "away"
    BUSY = "busy"
    LOGIN = "login"
    LIMIT = "limit"


_WORDS = {
    _Trouble.AWAY: "The mail server can't be reached. Texts wait; check SMTP_HOST, SMTP_PORT, SMTP_SECURITY.",
    _Trouble.BUSY: "The mail server asks the bot to log in later. Texts wait, and the bot keeps trying.",
    _Trouble.LOGIN: "The mail server refuses the login. Texts wait; check SMTP_USERNAME and SMTP_PASSWORD.",
    _Trouble.LIMIT: "The mail account has reached its limit. Texts wait and go out later.",
}


class Outage:
    """One outage of the road that all mails share.

    What learn() and probed() take in stays in memory; explain() writes it down, and explained() follows the
    commit. So nothing is lost or counted twice where a transaction fails and its results are taken in again.
    """

    def __init__(self, jitter: Callable[[], float]) -> None:
        self._jitter = jitter
        self._failures = 0
        self._until: datetime | None = None
        self._reason = RELAY_AWAY
        self._untold: set[_Trouble] = set()
        self._told_at: dict[_Trouble, datetime] = {}

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

    def learn(self, results: Sequence[tuple[object, Reply, Outcome]], now: datetime) -> None:
        """Open, keep or end an outage from what attempts came to."""
        for _, reply, outcome in results:
            if self.away:
                return
            if outcome is Outcome.RELAY_AWAY:
                self._begin(reply, now)
                continue
            if reply.code is not None:
                # A server that talks about a mail lets us in: what went wrong before is over.
                self._failures = 0
            if outcome is Outcome.ACCOUNT_LIMIT:
                self._reason, self._until = LIMITED, now + ACCOUNT_WAIT
                self._note(_Trouble.LIMIT, now)

    def probed(self, failed: Reply | None, now: datetime) -> None:
        """Take in what a probe found: mails are tried again, or the wait grows.

        A probe that gets in proves less than a mail (a server may refuse us at MAIL): failures still count.
        """
        if failed is None:
            _log.info("smtp: the mail server lets us in again")
            self._until, self._reason = None, RELAY_AWAY
        else:
            self._begin(failed, now)

    def _begin(self, reply: Reply, now: datetime) -> None:
        trouble = _trouble(reply)
        login = trouble is _Trouble.LOGIN
        first, longest = (LOGIN_FIRST_WAIT, LOGIN_LONGEST_WAIT) if login else (FIRST_WAIT, LONGEST_WAIT)
        wait = min(first * 2 ** min(self._failures, 10), longest) * (0.75 + self._jitter() / 2)
        self._failures += 1
        self._until, self._reason = now + wait, RELAY_AWAY
        _log.warning("smtp: %r; next try in %.0f s", reply, wait.total_seconds())
        if login or self._failures >= TELL_AFTER_FAILURES:
            self._note(trouble, now)

    def _note(self, trouble: _Trouble, now: datetime) -> None:
        told_at = self._told_at.get(trouble)
        if trouble not in self._untold and (told_at is None or abs(now - told_at) >= TOLD_EVERY):
            _log.error("smtp: %s", _WORDS[trouble])
            self._untold.add(trouble)

    async def explain(self, session: AsyncSession, now: datetime) -> int:
        """Leave word for the operator, and for every sender whose text waits and who was not told yet.

        Returns how many senders that is.
        """
        for trouble in sorted(self._untold):
            await notices.add(session, notices.OPERATOR, "outage", now, words=_WORDS[trouble])
        if not self.away:
            return 0
        waiting = await texts.waiting_unexplained(session, self._reason, EXPLAIN_AT_ONCE)
        standings = await texts.standings(session, waiting)
        return await say_why_they_wait(session, standings.values(), self._reason, now)

    def explained(self, now: datetime) -> None:
        """Take in that what explain() wrote was committed."""
        self._told_at |= dict.fromkeys(self._untold, now)
        self._untold.clear()


def _trouble(reply: Reply) -> _Trouble:
    # A line that broke during the login says nothing about the password.
    if reply.step is Step.CONNECT or reply.code is None:
        return _Trouble.AWAY
    return _Trouble.LOGIN if reply.code >= 500 else _Trouble.BUSY
