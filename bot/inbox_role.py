"""Run the inbox: whose turn it is, the mailbox, its passes, and its end."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial

from bot.config import Config, Role
from bot.db.role_lock import FileLock
from bot.db.session_lock import SessionLock
from bot.db.store import Store
from bot.domain.account import ImapConfig
from bot.domain.returns import Returns
from bot.loop import repeat
from bot.mail.imap import Waits
from bot.mail.mailbox import Mailbox
from bot.mail.reader import Reader
from bot.services.arrivals import Rules, act
from bot.services.belonging import Finder
from bot.services.inbox import Act, Box, Inbox
from bot.services.inbox_watch import InboxWatch, Patience
from bot.services.shelf import Shelf

# Any numbers will do, as long as every process uses the same.
_LOCK_CLASS, _LOCK_KEY = 7_284_004, 1


class InboxRole:
    """The inbox with its mailbox; on PostgreSQL one of several processes reads it at a time."""

    def __init__(
        self,
        config: Config,
        imap: ImapConfig,
        store: Store,
        shelf: Shelf,
        returns: Returns,
        act: Act,
        now: Callable[[], datetime],
        waits: Waits | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._store = store
        self._file, self._session = FileLock("inbox"), SessionLock(_LOCK_CLASS)
        self.mailbox, self.reader = Mailbox(imap, config.smtp.ca_file, waits), Reader()
        box = Box(
            f"{imap.host}\0{imap.username}\0{imap.folder}",
            self.mailbox.open,
            self.mailbox.heads,
            self.mailbox.whole,
            self.mailbox.glance,
            self.mailbox.mark,
            self.reader.read,
        )
        self.inbox = Inbox(store, box, Finder(returns, shelf, config.trusted_authserv), act, now)
        self._watch = InboxWatch(store, self.inbox, self.mailbox.wait, self._ours, now, patience)

    async def take_lock(self) -> None:
        """Say that we are alive; raises AlreadyRunning where another inbox works on this SQLite file."""
        if self._store.is_sqlite:
            await self._file.take(self._store)

    async def _ours(self) -> bool:
        if self._store.is_sqlite or await self._session.held():
            return True
        return await self._session.take(self._store, _LOCK_KEY, wait=False)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop; what is being asked of the mail server is broken off then."""
        closing = asyncio.create_task(self._close_when(stop), name="mailbox")
        try:
            await repeat("inbox", self._watch.one_pass, asyncio.Event(), stop)
        finally:
            stop.set()
            await closing
            await self.reader.close()
            await self._file.release()
            await self._session.release()

    async def _close_when(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self.mailbox.close()


def inbox_of(
    config: Config, store: Store, shelf: Shelf, returns: Returns | None, now: Callable[[], datetime]
) -> InboxRole | None:
    """Build the inbox; None where there is no mailbox, or another process has the role."""
    if config.imap is None or returns is None or Role.INBOX not in config.roles:
        return None
    acting = partial(act, rules=Rules(shelf, config.abuse_contact))
    return InboxRole(config, config.imap, store, shelf, returns, acting, now)
