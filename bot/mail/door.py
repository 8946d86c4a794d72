"""Open connections to the operator's mail server: TLS, login, and no second try of a refused password."""

import asyncio
import logging
import ssl
from dataclasses import dataclass
from typing import cast

import aiosmtplib

from bot.domain.account import SmtpConfig
from bot.domain.outcome import Reply, Step
from bot.mail.wire import Wire

CANCEL_AGAIN_S = 0.05
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection that is ready for MAIL."""

    wire: Wire
    pipelining: bool


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for the server, in seconds."""

    connect: float = 20
    command: float = 30
    # RFC 5321 allows ten minutes here; waiting is cheaper than a second copy.
    final_dot: float = 300
    idle: float = 60  # a connection idle for longer is not used again
    slow: float = 3  # a gateway whose mail waits for longer gets fewer connections
    login_again: float = 20  # a refused login is not repeated sooner, whoever asks


class Door:
    """Opens connections that are ready for MAIL, until it is closed."""

    def __init__(self, config: SmtpConfig, timeouts: Timeouts) -> None:
        self._config, self._timeouts = config, timeouts
        self._opening: set[asyncio.Task[Opened | Reply]] = set()
        self._login_turn = asyncio.Lock()
        self._login_refused: tuple[aiosmtplib.SMTPResponseException, float] | None = None
        self._tls: ssl.SSLContext | None = None
        self._closed = asyncio.Event()

    def close(self) -> None:
        """Open nothing more, and give up what is being opened."""
        self._closed.set()
        for opening in self._opening:
            self._insist(opening)

    def _insist(self, opening: "asyncio.Task[Opened | Reply]") -> None:
        """Cancel until it is done: before Python 3.12 a cancel may get lost at the end of a connect."""
        if not opening.done():
            opening.cancel()
            asyncio.get_running_loop().call_later(CANCEL_AGAIN_S, self._insist, opening)

    async def open(self) -> Opened | Reply:
        """Connect, upgrade and log in, until close() cuts that short."""
        if self._closed.is_set():
            return Reply(Step.STOPPED, None)
        opening = asyncio.create_task(self._connect())
        self._opening.add(opening)
        try:
            await asyncio.wait({opening})
        finally:
            self._opening.discard(opening)
            self._insist(opening)
        return Reply(Step.STOPPED, None) if opening.cancelled() else opening.result()

    async def _connect(self) -> Opened | Reply:
        config, step, ready = self._config, Step.CONNECT, False
        client = aiosmtplib.SMTP(
            hostname=config.host,
            port=config.port,
            local_hostname=config.sender.rpartition("@")[2],
            timeout=self._timeouts.connect,
            use_tls=config.security == "tls",
            start_tls=config.security == "starttls",
        )
        try:
            await client.connect(tls_context=self._tls_context())
            if client.is_ehlo_or_helo_needed:
                await client.ehlo()
            if config.username is not None:
                step = Step.LOGIN
                await self._log_in(client, config.username, config.password or "")
            if client.transport is None:
                return Reply(step, None, "Closed")
            ready = True
            pipelining = config.pipelining and client.supports_extension("pipelining")
            return Opened(Wire(client.transport), pipelining)
        except aiosmtplib.SMTPResponseException as refused:
            return Reply(step, refused.code, refused.message)
        except (aiosmtplib.SMTPException, OSError, ValueError) as failed:
            # The kind says enough; the words of a TLS or socket error may quote what we sent.
            kind = type(failed.__cause__ or failed).__name__
            _log.info("smtp: %s failed (%s)", step, kind)
            return Reply(step, None, kind)
        finally:
            if not ready:
                _hang_up(client)

    def _tls_context(self) -> ssl.SSLContext | None:
        if self._config.security != "none" and self._tls is None:
            self._tls = make_tls_context(self._config.ca_file)
        return self._tls

    async def _log_in(self, client: aiosmtplib.SMTP, username: str, password: str) -> None:
        # In turn, so that a wrong password is tried once and not by every connection: accounts get locked.
        async with self._login_turn:
            now = asyncio.get_running_loop().time()
            if self._login_refused and now - self._login_refused[1] < self._timeouts.login_again:
                raise self._login_refused[0]
            try:
                # One method, once: trying each in turn looks like guessing to the server.
                if "plain" in client.server_auth_methods:
                    await client.auth_plain(username, password)
                else:
                    await client.auth_login(username, password)
            except aiosmtplib.SMTPAuthenticationError as refused:
                self._login_refused = refused, now
                raise


def _hang_up(client: aiosmtplib.SMTP) -> None:
    """Close a connection at once: nothing that still waits to be written goes out, not even TLS's goodbye."""
    if client.transport is not None:
        cast(asyncio.WriteTransport, client.transport).abort()
    client.close()


def make_tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Build the context in which every server must prove its name."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context
