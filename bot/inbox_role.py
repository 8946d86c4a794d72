"""Run the inbox: whose turn it is, the mailbox, its passes, and its end."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Config, Role
from bot.db.role_lock import FileLock
from bot.db.session_lock import SessionLock
from bot.db.store import Store
from bot.domain.account import ImapConfig
from bot.domain.inbound import Arrived
from bot.domain.returns import Returns, default_pattern
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


def returns_of(config: Config, store: Store) -> Returns | None:
    """Say where answers go: only where somebody reads what comes back do mails say it."""
    pattern = config.reply_address or default_pattern(config.smtp.sender)
    return Returns(pattern, store.vault.token_mac) if config.imap else None


def make_inbox(
    config: Config,
    store: Store,
    shelf: Shelf,
    contact: Callable[[], str | None],
    now: Callable[[], datetime],
) -> "InboxRole | None":
    """Make the inbox where it is our role and there is a mailbox; `contact` is whom phones are told of."""
    returns = returns_of(config, store)
    if config.imap is None or returns is None or Role.INBOX not in config.roles:
        return None

    async def acting(session: AsyncSession, arrived: Arrived, now: datetime) -> str:
        return await act(session, arrived, now, Rules(shelf, contact()))

    return InboxRole(config, config.imap, store, shelf, returns, acting, now)


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
