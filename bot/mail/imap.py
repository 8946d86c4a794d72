"""Read one folder over one IMAP connection, changing nothing but the mark of mails that are ours."""

import contextlib
import hashlib
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from imapclient import SEEN, SocketTimeout
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from bot.domain.account import ImapConfig
from bot.domain.mailbox import Folder, Head, Heads, MailboxTrouble, Trouble
from bot.mail.envelope import headers_of
from bot.mail.imap_client import Client

_log = logging.getLogger(__name__)
# What a server, a network or a hostile answer can make the library raise.
BROKEN = (IMAPClientError, OSError, ValueError, LookupError, TypeError, AttributeError, AssertionError)
MOST_OCTETS = 1024 * 1024
HEADER_OCTETS, GLANCE_OCTETS = 64 * 1024, 128 * 1024
HEADS_AT_ONCE = 50
# So many UIDs are asked for in one search, that no answer is long.
WINDOW_UIDS = 10_000
# RFC 5530: codes of a server that is busy, whatever the password.
_BUSY = ("unavailable", "limit", "inuse", "too many", "try again", "serverbug", "temporar")


@dataclass(frozen=True, slots=True)
class Waits:
    """How long to wait, in seconds."""

    connect: float = 20
    command: float = 20
    idle: float = 25  # then IDLE is left and begun again: only an answer shows that the server still lives
    reselect: float = 9 * 60  # then the folder is opened anew, which shows a folder that was replaced
    poll: float = 15  # where the server knows no IDLE
    slice: float = 1  # how long one wait for the socket is
    operation: float = 60  # however slowly the server drips


class Session:
    """One connection. All but abort() is called from one thread."""

    def __init__(self, config: ImapConfig, tls: ssl.SSLContext | None, waits: Waits) -> None:
        self._config, self._tls, self._waits = config, tls, waits
        self._client: Client | None = None
        self._folder = Folder(0, 0)
        self._selected_at = 0.0
        self._idles = False
        self._cut = threading.Event()

    def abort(self) -> None:
        """Break off whatever is being done, from any thread."""
        self._cut.set()
        client = self._client
        if client is not None:
            with contextlib.suppress(*BROKEN):
                # The plain socket's way: TLS would first say goodbye and wait for the other thread.
                socket.socket.shutdown(client.socket(), socket.SHUT_RDWR)

    def open(self) -> Folder:
        """Connect and log in where that is not done yet; return the folder, opened for reading alone."""
        if self._client is None:
            self._client = self._connect()
            self._log_in(self._client)
            self._idles = self._client.has_capability("IDLE")
            self._examine()
        elif time.monotonic() - self._selected_at > self._waits.reselect:
            self._examine()
        return self._folder

    def _connect(self) -> Client:
        config = self._config
        client = Client(
            config.host,
            config.port,
            ssl=config.security == "tls",
            ssl_context=self._tls,
            timeout=SocketTimeout(self._waits.connect, self._waits.command),
        )
        client.normalise_times = False  # times keep their zone
        if self._cut.is_set():
            client.shutdown()
            raise OSError("cut")
        return client

    def _log_in(self, client: Client) -> None:
        try:
            client.login(self._config.username, self._config.password)
        except LoginError as refused:
            said = str(refused).lower()
            busy = any(word in said for word in _BUSY)
            raise MailboxTrouble(Trouble.AWAY if busy else Trouble.LOGIN, "login refused") from None

    def _examine(self) -> None:
        """Open the folder so that nothing in it can be changed, not even by mistake."""
        client = self._at_hand()
        try:
            shown = client.select_folder(self._config.folder, readonly=True)
        except IMAPClientAbortError:
            raise
        except IMAPClientError as refused:
            raise MailboxTrouble(Trouble.FOLDER, type(refused).__name__) from None
        self._folder = Folder(int(shown[b"UIDVALIDITY"]), _next_uid(client, shown))
        self._selected_at = time.monotonic()

    def _at_hand(self) -> Client:
        if self._client is None:
            raise OSError("not connected")
        return self._client

    def heads(self, first: int, since: date | None) -> Heads:
        """Read the headers of the next mails from this UID on; of those since a day, where one is given."""
        client = self._at_hand()
        client.forget_news()
        last = first + WINDOW_UIDS - 1
        wanted: list[Any] = ["UID", f"{first}:{last}"]
        there = client.search([*wanted, "SINCE", since] if since else wanted)
        uids = sorted(uid for uid in there if first <= uid <= last)
        if not uids:
            further = last + 1 < self._folder.next_uid
            return Heads((), last + 1 if further else first, further)
        some = uids[:HEADS_AT_ONCE]
        asked = ("RFC822.SIZE", "INTERNALDATE", f"BODY.PEEK[HEADER]<0.{HEADER_OCTETS}>")
        found = client.fetch(some, asked)
        heads = [_head(uid, found[uid]) for uid in some if uid in found]
        after = some[-1] + 1
        # The folder has grown since it was opened: whoever compares must not take it for another one.
        self._folder = replace(self._folder, next_uid=max(self._folder.next_uid, after))
        return Heads(tuple(head for head in heads if head), after, True)

    def whole(self, uid: int) -> bytes | None:
        """Fetch a mail of ours; None where it is gone by now."""
        return self._part(uid, f"BODY.PEEK[]<0.{MOST_OCTETS + 1}>")

    def glance(self, uid: int) -> bytes:
        """Fetch the beginning of a mail's body."""
        return self._part(uid, f"BODY.PEEK[TEXT]<0.{GLANCE_OCTETS}>") or b""

    def _part(self, uid: int, part: str) -> bytes | None:
        fetched = self._at_hand().fetch([uid], [part]).get(uid, {})
        return _body_of(fetched)

    def mark(self, uids: Sequence[int]) -> None:
        """Mark mails of ours as seen. Only for this is the folder opened for writing, and closed again."""
        client, validity = self._at_hand(), self._folder.validity
        try:
            shown = client.select_folder(self._config.folder)
            if int(shown[b"UIDVALIDITY"]) == validity:
                client.add_flags(uids, [SEEN], silent=True)
        except IMAPClientAbortError:
            raise
        except IMAPClientError:
            # It stays unread, which hurts nobody: the store knows that it was dealt with.
            _log.warning("inbox: the server does not let us mark mails as read")
        self._examine()

    def wait(self) -> None:
        """Wait until something happens in the folder, or for a while."""
        client = self._at_hand()
        if self._idles and self._begin_idle(client):
            self._until(self._waits.idle, lambda: client.has_news(self._waits.slice))
            client.idle_done()
        else:
            self._until(self._waits.poll, lambda: self._cut.wait(self._waits.slice))
            client.noop()

    def _begin_idle(self, client: Client) -> bool:
        try:
            client.begin_idle()
        except IMAPClientAbortError:
            raise
        except IMAPClientError:
            self._idles = False
        return self._idles

    def _until(self, seconds: float, happens: Callable[[], bool]) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._cut.is_set() and not happens():
            pass

    def end(self) -> None:
        """Let go of the connection."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(*BROKEN):
                client.shutdown()


def _next_uid(client: Client, shown: dict[bytes, Any]) -> int:
    """Tell which UID comes next, where the server says it only when asked for the last mail."""
    if b"UIDNEXT" in shown:
        return int(shown[b"UIDNEXT"])
    last = client.fetch("*", ["UID"]) if shown.get(b"EXISTS") else {}
    return max(last, default=0) + 1


def _head(uid: int, fetched: dict[bytes, Any]) -> Head | None:
    raw = _body_of(fetched)
    if raw is None:
        return None
    envelope, at = headers_of(raw), fetched.get(b"INTERNALDATE")
    named = f"{envelope.mail_id}\n{envelope.author}" if envelope.mail_id else hashlib.sha256(raw).hexdigest()
    when = at if isinstance(at, datetime) and at.tzinfo else None
    return Head(uid, int(fetched.get(b"RFC822.SIZE") or 0), when, named, envelope)


def _body_of(fetched: dict[bytes, Any]) -> bytes | None:
    return next((raw for key, raw in fetched.items() if key.startswith(b"BODY[") and raw is not None), None)
