"""Offer one mailbox to the event loop: each step in its own thread, bounded in time, cut short at will."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from typing import Any, TypeVar, cast

from bot.domain.account import ImapConfig
from bot.domain.mailbox import Folder, Heads, MailboxTrouble, Trouble
from bot.mail.door import make_tls_context
from bot.mail.imap import BROKEN, Session, Waits
from bot.mail.own_thread import OwnThread

T = TypeVar("T")


class Mailbox:
    """The operator's mailbox. A step that cannot be done raises MailboxTrouble; the next connects anew."""

    def __init__(self, config: ImapConfig, ca_file: str | None, waits: Waits | None = None) -> None:
        self._config, self._ca_file, self._waits = config, ca_file, waits or Waits()
        self._tls: ssl.SSLContext | None = None
        self._thread = OwnThread("imap")
        self._session: Session | None = None
        self._waiting: asyncio.Future[Any] | None = None
        self._closed = asyncio.Event()

    async def open(self) -> Folder:
        """Make sure of a connection, and return the folder."""
        return await self._do(Session.open)

    async def heads(self, first: int, since: date | None) -> Heads:
        """Read the headers of the next mails."""
        return await self._do(lambda session: session.heads(first, since))

    async def whole(self, uid: int) -> bytes | None:
        """Fetch a mail of ours."""
        return await self._do(lambda session: session.whole(uid))

    async def glance(self, uid: int) -> bytes:
        """Fetch the beginning of a mail's body."""
        return await self._do(lambda session: session.glance(uid))

    async def mark(self, uids: Sequence[int]) -> None:
        """Mark mails of ours as seen."""
        await self._do(lambda session: session.mark(uids))

    async def wait(self) -> None:
        """Wait until something happens in the folder, or for a while."""
        longest = max(self._waits.idle, self._waits.poll)
        await self._do(Session.wait, more=longest)

    def close(self) -> None:
        """Break off what is being done, and do nothing more."""
        self._closed.set()
        self._drop()
        if self._waiting is not None:
            # The thread may hang where nothing can be cut, as in a connect: nobody waits for it.
            self._waiting.cancel()
        self._thread.end()

    async def _do(self, step: Callable[[Session], T], more: float = 0) -> T:
        if self._closed.is_set():
            raise MailboxTrouble(Trouble.CLOSED)
        session = self._session = self._session or Session(self._config, self._context(), self._waits)
        try:
            async with asyncio.timeout(self._waits.operation + more):
                self._waiting = asyncio.ensure_future(self._thread.run(partial(step, session)))
                return cast(T, await self._waiting)
        except TimeoutError as late:
            self._drop()
            raise MailboxTrouble(Trouble.AWAY, type(late).__name__) from None
        except MailboxTrouble:
            self._drop()
            raise
        except BROKEN as failed:
            self._drop()
            # The kind alone: the words may quote what the server sent.
            trouble = Trouble.CLOSED if self._closed.is_set() else Trouble.AWAY
            raise MailboxTrouble(trouble, type(failed).__name__) from None
        except asyncio.CancelledError:
            self._drop()
            if self._closed.is_set() and not cast("asyncio.Task[Any]", asyncio.current_task()).cancelling():
                raise MailboxTrouble(Trouble.CLOSED) from None
            raise
        finally:
            self._waiting = None

    def _context(self) -> ssl.SSLContext | None:
        if self._config.security == "tls" and self._tls is None:
            self._tls = make_tls_context(self._ca_file)
        return self._tls

    def _drop(self) -> None:
        """Give the connection up; what the thread still does with it fails at once."""
        session, self._session = self._session, None
        if session is not None:
            session.abort()
            self._thread.begin(session.end)
