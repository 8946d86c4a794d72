"""Hand mails to the operator's mail server, step by step, over connections that stay open."""

import asyncio
import contextlib
from collections.abc import Callable, Collection

import aiosmtplib

from bot.domain.account import SmtpConfig
from bot.domain.address import ForbiddenRecipient, check_recipient
from bot.domain.outcome import Reply, Step
from bot.mail.door import Door, Timeouts, hang_up
from bot.mail.render import Mail, stuffed

QUIT_S = 0.2


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
        self._door = Door(config, self._timeouts)
        self._stopping = False

    async def send(self, mail: Mail) -> Reply:
        """Hand over one mail to one recipient and say what the server's last word was, at which step."""
        async with self._slots:
            reply, fresh = await self._over_a_connection(mail)
            if reply.code in (None, 421) and reply.step is Step.MAIL and not fresh:
                # A kept connection that the server had dropped meanwhile: surely not taken.
                reply, _ = await self._over_a_connection(mail, fresh=True)
            return reply

    async def _over_a_connection(self, mail: Mail, *, fresh: bool = False) -> tuple[Reply, bool]:
        client = None if fresh else self._kept()
        fresh = client is None
        if client is None:
            opened = await self._door.open()
            if isinstance(opened, Reply):
                return opened, True
            client = opened
        try:
            reply = await self._dialogue(client, mail)
            await self._keep_or_close(client, reply)
        except BaseException:
            hang_up(client)
            raise
        finally:
            self._busy.pop(client, None)
        return reply, fresh

    def _kept(self) -> aiosmtplib.SMTP | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            client, since = self._idle.pop()
            if client.is_connected and now - since < self._timeouts.idle:
                return client
            hang_up(client)
        return None

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
                    return Reply(Step.STOPPED, None)
                self._busy[client] = step
                code, text = await client.execute_command(words, timeout=self._timeouts.command)
                if code // 100 != wanted:
                    return Reply(step, code, text)
            if self._stopping:
                return Reply(Step.STOPPED, None)
            if client.protocol is None:
                return Reply(step, None)
            step = self._busy[client] = Step.BODY
            client.protocol.write(stuffed(mail.content))
            code, text = await client.protocol.read_response(timeout=self._timeouts.final_dot)
            return Reply(step, code, text)
        except ForbiddenRecipient:
            return Reply(Step.CHECK, None)
        except aiosmtplib.SMTPResponseException as garbled:
            return Reply(step, garbled.code, "")
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            # Where close() cut the dialogue before the final dot, nobody is to blame.
            return Reply(Step.STOPPED if self._stopping and step is not Step.BODY else step, None)

    async def _keep_or_close(self, client: aiosmtplib.SMTP, reply: Reply) -> None:
        if client.is_connected and not self._stopping and await self._is_clean(client, reply):
            self._idle.append((client, asyncio.get_running_loop().time()))
        else:
            hang_up(client)

    async def _is_clean(self, client: aiosmtplib.SMTP, reply: Reply) -> bool:
        """Tell whether a connection can take the next mail, after RSET where an envelope is still open."""
        code = reply.code
        if reply.step is Step.CHECK:
            return True
        if code is None or code == 421:
            return False
        if reply.step is Step.BODY:
            return 200 <= code < 300 or 400 <= code < 600
        if not 400 <= code < 600:
            return False  # an answer out of step: who knows what the server believes
        if reply.step is Step.MAIL:
            return True
        try:
            return (await client.execute_command(b"RSET", timeout=self._timeouts.command)).code == 250
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            return False

    async def probe(self) -> Reply | None:
        """Open a connection and keep it; the Reply says why that failed."""
        async with self._slots:
            opened = await self._door.open()
            if isinstance(opened, Reply):
                return opened
            self._idle.append((opened, asyncio.get_running_loop().time()))
            return None

    async def close(self, before_dot: float, after_dot: float) -> None:
        """Begin nothing more; open dialogues get `before_dot` seconds, those past the dot `after_dot`."""
        self._stopping = True
        loop = asyncio.get_running_loop()
        start = loop.time()
        self._door.close()
        kept, self._idle = self._idle, []
        await asyncio.gather(*(_quit(client) for client, _ in kept))
        while (self._busy or self._door.busy) and loop.time() - start < after_dot:
            self._door.close()
            if loop.time() - start >= before_dot:
                self._cut(lambda step: step is not Step.BODY)
            await asyncio.sleep(0.02)
        self._cut(lambda step: True)

    def _cut(self, which: Callable[[Step], bool]) -> None:
        for client, step in list(self._busy.items()):
            if which(step):
                hang_up(client)


async def _quit(client: aiosmtplib.SMTP) -> None:
    with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
        await client.execute_command(b"QUIT", timeout=QUIT_S)
    hang_up(client)
