"""Keep looking into the mailbox; where it cannot be read, wait ever longer and tell the operator once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.db import notices
from bot.db.store import Store
from bot.domain.mailbox import MailboxTrouble, Trouble
from bot.services.inbox import Inbox

_log = logging.getLogger(__name__)
TOLD_EVERY = timedelta(days=1)
AT_ONCE_S, MOST_AT_ONCE = 0.5, 5
_WORDS = {
    Trouble.AWAY: (
        "The mailbox can't be reached, so replies and bounces wait there. Check IMAP_HOST and IMAP_PORT."
    ),
    Trouble.LOGIN: (
        "The mailbox refuses the login, so replies and bounces wait there. "
        "Check IMAP_USERNAME and IMAP_PASSWORD."
    ),
    Trouble.FOLDER: "The mailbox has no such folder, so replies and bounces wait there. Check IMAP_FOLDER.",
}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait after failures, in seconds, and how many of a kind the operator hears of."""

    others: float = 5  # until the next look whether another process still reads the mailbox
    first: float = 1
    longest: float = 30
    # A server that refuses our login is not asked often: it may lock the account.
    login_first: float = 60
    login_longest: float = 1800
    untold_failures: int = 5


class InboxWatch:
    """The inbox's passes; `ours` says whether it is this process's turn, `wait` waits for something new."""

    def __init__(
        self,
        store: Store,
        inbox: Inbox,
        wait: Callable[[], Awaitable[None]],
        ours: Callable[[], Awaitable[bool]],
        now: Callable[[], datetime],
        patience: Patience | None = None,
    ) -> None:
        self._store, self._inbox, self._wait, self._ours, self._now = store, inbox, wait, ours, now
        self._patience = patience or Patience()
        self._failures = 0
        self._at_once = 0  # waits in a row that ended as soon as they began

    async def one_pass(self) -> float:
        """Look once, and wait where there was nothing; returns how long to wait further, in seconds."""
        if not await self._ours():
            return self._patience.others
        try:
            more = await self._inbox.look()
            if self._failures:
                _log.info("inbox: the mailbox can be read again")
            self._failures = 0
            if not more:
                return await self._wait_for_news()
        except MailboxTrouble as trouble:
            if trouble.trouble is Trouble.CLOSED:
                return self._patience.first
            return await self._put_off(trouble)
        return 0.0

    async def _wait_for_news(self) -> float:
        """Wait for something new; a server that always says that there is some is asked once a second."""
        clock = asyncio.get_running_loop().time
        began = clock()
        await self._wait()
        self._at_once = self._at_once + 1 if clock() - began < AT_ONCE_S else 0
        return self._patience.first if self._at_once > MOST_AT_ONCE else 0.0

    async def _put_off(self, trouble: MailboxTrouble) -> float:
        patience, asked_too_often = self._patience, trouble.trouble is not Trouble.AWAY
        first = patience.login_first if asked_too_often else patience.first
        longest = patience.login_longest if asked_too_often else patience.longest
        seconds = float(min(first * 2 ** min(self._failures, 16), longest))
        self._failures += 1
        _log.warning("inbox: %s; next try in %.0f s", trouble, seconds)
        if asked_too_often or self._failures >= patience.untold_failures:
            await self._tell(_WORDS[trouble.trouble])
        return seconds

    async def _tell(self, words: str) -> None:
        """Leave word for the operator, once a day however often the bot starts."""
        now = self._now()
        async with self._store.write() as session:
            if not await notices.operator_knows(session, words, now - TOLD_EVERY, now):
                _log.error("inbox: %s", words)
                await notices.add(session, notices.OPERATOR, "inbox", now, words=words)
