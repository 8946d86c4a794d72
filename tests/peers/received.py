"""Keep the mails that a peer took, and let a test wait for the one it expects."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as it came over the wire; `sender` is empty for a bounce."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    tls: bool = False
    username: str | None = None

    def parsed(self) -> EmailMessage:
        """Return the mail as the standard library reads it."""
        mail = message_from_bytes(self.raw, policy=default)
        assert isinstance(mail, EmailMessage)
        return mail


class Received:
    """Collect mails from a server's thread and hand them to tests in any event loop."""

    def __init__(self) -> None:
        """Start empty."""
        self._lock = threading.Lock()
        self._mails: list[Mail] = []
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    @property
    def mails(self) -> tuple[Mail, ...]:
        """Return every mail so far, oldest first."""
        with self._lock:
            return tuple(self._mails)

    def add(self, mail: Mail) -> None:
        """Keep a mail and wake who waits."""
        with self._lock:
            self._mails.append(mail)
            for loop, event in self._waiting:
                loop.call_soon_threadsafe(event.set)

    def clear(self) -> None:
        """Forget every mail so far."""
        with self._lock:
            self._mails.clear()

    async def mail(self, predicate: Callable[[Mail], bool] = lambda mail: True, timeout: float = 10) -> Mail:
        """Return the first mail that fits, waiting for it; raise TimeoutError when none comes in time."""
        fitting = await self._until(lambda: [mail for mail in self.mails if predicate(mail)], 1, timeout)
        return fitting[0]

    async def count(self, number: int, timeout: float = 10) -> tuple[Mail, ...]:
        """Return all mails as soon as there are this many; raise TimeoutError when there are not in time."""
        return tuple(await self._until(lambda: list(self.mails), number, timeout))

    async def _until(self, look: Callable[[], list[Mail]], number: int, timeout: float) -> list[Mail]:
        entry = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._waiting.append(entry)
        try:
            async with asyncio.timeout(timeout):
                while len(found := look()) < number:
                    await entry[1].wait()
                    entry[1].clear()
            return found
        finally:
            with self._lock:
                self._waiting.remove(entry)
