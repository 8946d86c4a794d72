"""Hand mails to the operator's mail server, step by step, over connections that stay open."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import cast

import aiosmtplib

from bot.domain.account import SmtpConfig
from bot.domain.address import ForbiddenRecipient, check_recipient
from bot.domain.outcome import Reply, Step
from bot.mail.render import Mail, stuffed

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for the server, in seconds."""

    connect: float = 20
    command: float = 30
    # RFC 5321 allows ten minutes here; waiting is cheaper than a second copy.
    final_dot: float = 300
    idle: float = 60  # a connection idle for longer is not used again


class _Stopping(Exception):
    """The road is closing: nothing more is begun."""


class Road:
    """At most `connections` open SMTP connections; send() uses one of them for one mail.

    send() never raises for what a server or network does: the Reply says how far the mail came.
    """

    def __init__(
        self, config: SmtpConfig, domains: Callable[[], Collection[str]], timeouts: Timeouts | None = None
    ) -> None:
        self._config = config
        self._domains = domains
        self._timeouts = timeouts or Timeouts()
        self._slots = asyncio.Semaphore(config.connections)
        self._idle: list[tuple[aiosmtplib.SMTP, float]] = []
        self._busy: dict[aiosmtplib.SMTP, Step] = {}
        self._stopping = False

    async def send(self, mail: Mail) -> Reply:
        """Hand over one mail to one recipient and say what the server's last word was, at which step."""
        async with self._slots:
            reply, fresh = await self._over_a_connection(mail)
            if reply.code is None and reply.step is Step.MAIL and not fresh and not self._stopping:
                # A kept connection that the server had dropped meanwhile: surely not taken.
                reply, _ = await self._over_a_connection(mail, fresh=True)
            return reply

    async def _over_a_connection(self, mail: Mail, *, fresh: bool = False) -> tuple[Reply, bool]:
        if self._stopping:
            return Reply(Step.MAIL, None), True
        client = None if fresh else self._kept()
        fresh = client is None
        if client is None:
            opened = await self._open()
            if isinstance(opened, Reply):
                return opened, True
            client = opened
        try:
            reply = await self._dialogue(client, mail)
        except BaseException:
            client.close()
            raise
        finally:
            self._busy.pop(client, None)
        await self._keep_or_close(client, reply)
        return reply, fresh

    def _kept(self) -> aiosmtplib.SMTP | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            client, since = self._idle.pop()
            if client.is_connected and now - since < self._timeouts.idle:
                return client
            client.close()
        return None

    async def _open(self) -> aiosmtplib.SMTP | Reply:
        config = self._config
        client = aiosmtplib.SMTP(
            hostname=config.host,
            port=config.port,
            local_hostname=config.sender.rpartition("@")[2],
            timeout=self._timeouts.connect,
            use_tls=config.security == "tls",
            start_tls=config.security == "starttls",
            tls_context=_tls_context(config.ca_file) if config.security != "none" else None,
        )
        step = Step.CONNECT
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await client.ehlo()
            if config.username is not None:
                step = Step.LOGIN
                await self._log_in(client, config.username, config.password or "")
        except aiosmtplib.SMTPResponseException as refused:
            client.close()
            return Reply(step, refused.code, refused.message)
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as failed:
            client.close()
            # The kind says enough; the words of a TLS or socket error may quote what we sent.
            _log.debug("smtp: %s failed (%s)", step, type(failed).__name__)
            return Reply(step, None, type(failed).__name__)
        return client

    async def _log_in(self, client: aiosmtplib.SMTP, username: str, password: str) -> None:
        # One method, once: trying each in turn looks like guessing to the server.
        if "plain" in client.server_auth_methods:
            await client.auth_plain(username, password)
        else:
            await client.auth_login(username, password)

    async def _dialogue(self, client: aiosmtplib.SMTP, mail: Mail) -> Reply:
        """Drive MAIL, RCPT, DATA and the body ourselves: send() cannot say how far it came."""
        step = Step.CHECK
        try:
            check_recipient(mail.recipient, self._domains())
            sender = self._config.sender.encode("ascii")
            for step, words, wanted in (
                (Step.MAIL, b"MAIL FROM:<%s>" % sender, 2),
                (Step.RCPT, b"RCPT TO:<%s>" % mail.recipient.encode("ascii"), 2),
                (Step.DATA, b"DATA", 3),
            ):
                if self._stopping:
                    raise _Stopping
                self._busy[client] = step
                code, text = await client.execute_command(words, timeout=self._timeouts.command)
                if code // 100 != wanted:
                    return Reply(step, code, text)
            if client.protocol is None or self._stopping:
                raise _Stopping
            step = self._busy[client] = Step.BODY
            client.protocol.write(stuffed(mail.content))
            code, text = await client.protocol.read_response(timeout=self._timeouts.final_dot)
            return Reply(step, code, text)
        except ForbiddenRecipient:
            return Reply(Step.CHECK, None)
        except aiosmtplib.SMTPResponseException as garbled:
            return Reply(step, garbled.code, "")
        except (aiosmtplib.SMTPException, OSError, TimeoutError, _Stopping):
            return Reply(step, None)

    async def _keep_or_close(self, client: aiosmtplib.SMTP, reply: Reply) -> None:
        code = reply.code
        clean = code is not None and 200 <= code < 600 and code != 421 and client.is_connected
        if clean and code is not None and code >= 400 and reply.step in (Step.RCPT, Step.DATA):
            # The envelope is still open; RSET clears it, or the connection goes.
            try:
                clean = (await client.execute_command(b"RSET", timeout=self._timeouts.command)).code == 250
            except (aiosmtplib.SMTPException, OSError, TimeoutError):
                clean = False
        if (clean or reply.step is Step.CHECK) and not self._stopping:
            self._idle.append((client, asyncio.get_running_loop().time()))
        else:
            client.close()

    async def probe(self) -> Reply | None:
        """Open a connection and keep it; the Reply says why that failed."""
        async with self._slots:
            opened = await self._open()
            if isinstance(opened, Reply):
                return opened
            self._idle.append((opened, asyncio.get_running_loop().time()))
            return None

    async def close(self, before_dot: float, after_dot: float) -> None:
        """Begin nothing more; open dialogues get `before_dot` seconds, those past the dot `after_dot`."""
        self._stopping = True
        for client, _ in self._idle:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                await client.execute_command(b"QUIT", timeout=0.2)
            client.close()
        self._idle.clear()
        clock = asyncio.get_running_loop().time
        start = clock()
        while self._busy and clock() - start < after_dot:
            if clock() - start >= before_dot:
                self._cut(lambda step: step is not Step.BODY)
            await asyncio.sleep(0.02)
        self._cut(lambda step: True)

    def _cut(self, which: Callable[[Step], bool]) -> None:
        # Closing the socket is the one thing that is safe after a 354: anything written would be mail.
        for client, step in list(self._busy.items()):
            if which(step) and client.transport is not None:
                cast(asyncio.WriteTransport, client.transport).abort()


def _tls_context(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context
