"""Serve SMTP with aiosmtpd on loopback: a submission server without root, and the sink behind Postfix."""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.peers.received import Mail, Received
from tests.peers.tls import Certificates, ServerCertificate

USERNAME = "bridge@example.org"
PASSWORD = "correct horse battery"

Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True, slots=True)
class Login:
    """One AUTH attempt."""

    mechanism: str
    username: str
    accepted: bool


class SmtpPeer(Received):
    """Take mails in a thread of its own, so that any event loop and any process may use it."""

    host = "127.0.0.1"

    def __init__(
        self,
        *,
        security: Security = "none",
        certificate: ServerCertificate | None = None,
        ca_file: Path | None = None,
        login: tuple[str, str] | None = None,
        mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN"),
    ) -> None:
        """Prepare a server; with a login, mail is refused until AUTH went well."""
        super().__init__()
        if (security == "none") != (certificate is None):
            raise ValueError("a certificate goes with starttls or tls, and only with them")
        self.security = security
        self.ca_file = ca_file
        self.username = login[0] if login else None
        self.password = login[1] if login else None
        self.port = 0
        self.connections = 0
        self.logins: list[Login] = []
        self.answer_rcpt: Callable[[str], str] = _take
        self.answer_data: Callable[[Mail], str] = _take
        self._mechanisms = mechanisms
        self._context = certificate.context() if certificate else None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="smtp peer", daemon=True)
        self._server: asyncio.Server | None = None
        self._protocols: set[SMTP] = set()

    @classmethod
    def submission(
        cls, certificates: Certificates, *, security: Literal["starttls", "tls"] = "starttls"
    ) -> SmtpPeer:
        """Prepare a server as a provider offers it: TLS with a good certificate, AUTH required."""
        return cls(
            security=security,
            certificate=certificates.good,
            ca_file=certificates.ca_file,
            login=(USERNAME, PASSWORD),
        )

    def __enter__(self) -> Self:
        """Start listening; `port` is set from here on."""
        # aiosmtpd logs every command with its address, which would drown a test that reads the log.
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the port and every connection, and end the thread."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def reset(self) -> None:
        """Forget what came, and take everything from now on."""
        self.clear()
        self.logins.clear()
        self.answer_rcpt = self.answer_data = _take

    def disconnect(self) -> None:
        """Drop every open connection at once, without a word."""
        self._loop.call_soon_threadsafe(self._abort_all)

    async def _listen(self) -> None:
        implicit = self._context if self.security == "tls" else None
        self._server = await self._loop.create_server(self._protocol, self.host, self.port, ssl=implicit)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        self._abort_all()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _abort_all(self) -> None:
        for protocol in list(self._protocols):
            transport = protocol._original_transport or protocol.transport
            if isinstance(transport, asyncio.WriteTransport):
                # Early 3.11 releases lose the protocol of a TLS transport that is closing already.
                with suppress(AttributeError):
                    transport.abort()

    def _protocol(self) -> SMTP:
        self.connections += 1
        starttls = self.security == "starttls"
        return _Protocol(self, self._context if starttls else None, self._mechanisms, self._loop)


def _take(offer: object) -> str:
    return "250 OK"


class _Protocol(SMTP):
    """Speak SMTP on one connection and report to the peer."""

    def __init__(
        self,
        peer: SmtpPeer,
        context: ssl.SSLContext | None,
        mechanisms: tuple[str, ...],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(
            _Answers(peer),
            hostname="mail.example.org",
            ident="test peer",
            tls_context=context,
            require_starttls=context is not None,
            # Under implicit TLS aiosmtpd believes the connection is in the clear.
            auth_require_tls=context is not None,
            auth_exclude_mechanism={"PLAIN", "LOGIN"} - set(mechanisms),
            authenticator=self._check_login,
            loop=loop,
        )
        self._peer = peer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._peer._protocols.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._peer._protocols.discard(self)
        super().connection_lost(error)

    def _check_login(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, login: LoginPassword
    ) -> AuthResult:
        username, password = login.login.decode(), login.password.decode()
        accepted = (username, password) == (self._peer.username, self._peer.password)
        self._peer.logins.append(Login(mechanism, username, accepted))
        return AuthResult(success=accepted, handled=False, auth_data=username)


class _Answers:
    """Decide each step of a mail; aiosmtpd finds these hooks by their names."""

    def __init__(self, peer: SmtpPeer) -> None:
        self._peer = peer

    async def handle_MAIL(  # noqa: N802 - aiosmtpd calls it so
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._peer.username is not None and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self._peer.answer_rcpt(address)
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(  # noqa: N802 - aiosmtpd calls it so
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.original_content, bytes)
        mail = Mail(
            sender=(envelope.mail_from or "").removeprefix("<>"),
            recipients=tuple(envelope.rcpt_tos),
            raw=envelope.original_content,
            tls=self._peer.security == "tls" or session.ssl is not None,
            username=session.auth_data if session.authenticated else None,
        )
        answer = self._peer.answer_data(mail)
        if answer.startswith("2"):
            self._peer.add(mail)
        return answer
