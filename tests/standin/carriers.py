"""A carrier's mail server that also asks for TLS and a login, as a submission service does."""

import base64
import binascii
import ssl
from typing import Any

from bot.sandbox.smtp import Sink
from bot.sandbox.smtp_talk import Conversation


class SubmissionTalk(Conversation):
    """One client's connection to a submission service."""

    sink: "SubmissionSink"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.encrypted = self.sink.implicit
        self.known = False

    async def on_ehlo(self, rest: str) -> bool:
        """Offer STARTTLS before TLS, AUTH only after it (or where there is no TLS at all)."""
        offered = list(type(self).extensions)
        if not self.sink.pipelining:
            offered.remove("PIPELINING")
        if self.sink.tls and not self.encrypted and not self.sink.strip_starttls:
            offered.append("STARTTLS")
        if self.sink.login and (self.encrypted or not self.sink.tls):
            offered.append("AUTH PLAIN LOGIN")
        self.extensions = tuple(offered)
        return await super().on_ehlo(rest)

    async def on_starttls(self, rest: str) -> bool:
        """Go on encrypted; what was said before is forgotten."""
        if not self.sink.tls or self.encrypted:
            await self.say("503 5.5.1 no TLS here")
            return False
        await self.say("220 2.0.0 ready")
        await self.writer.start_tls(self.sink.tls)
        self.encrypted = True
        self.reset()
        return False

    async def on_auth(self, rest: str) -> bool:
        """Check a login by PLAIN or LOGIN."""
        self.sink.logins += 1
        kind, _, first = rest.partition(" ")
        try:
            given = await (self._plain(first) if kind.upper() == "PLAIN" else self._login(first))
        except (binascii.Error, ValueError):
            await self.say("501 5.5.2 cannot decode")
            return False
        self.known = given == self.sink.login
        await self.say("235 2.7.0 welcome" if self.known else self.sink.wrong_login_reply)
        return False

    async def on_mail(self, rest: str) -> bool:
        """Take mail only from who has logged in."""
        if self.sink.login and not self.known:
            await self.say("530 5.7.0 authentication required")
            return False
        return await super().on_mail(rest)

    async def _plain(self, first: str) -> tuple[str, str]:
        _, name, secret = _decoded(first or await self._ask("")).split("\0")
        return name, secret

    async def _login(self, first: str) -> tuple[str, str]:
        name = _decoded(first or await self._ask("Username:"))
        return name, _decoded(await self._ask("Password:"))

    async def _ask(self, what: str) -> str:
        await self.say("334 " + base64.b64encode(what.encode()).decode())
        return (await self.reader.readline()).decode("latin-1").strip()


def _decoded(text: str) -> str:
    return base64.b64decode(text, validate=True).decode()


class SubmissionSink(Sink):
    """The sink with `tls` (a server context; `implicit`: from the start) and `login` (name, password)."""

    conversation_class = SubmissionTalk

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.tls: ssl.SSLContext | None = None
        self.implicit = False
        self.strip_starttls = False
        self.pipelining = True
        self.login: tuple[str, str] | None = None
        self.logins = 0
        self.wrong_login_reply = "535 5.7.8 authentication failed"

    def listening(self) -> dict[str, Any]:
        """Listen with TLS from the start where told."""
        return super().listening() | ({"ssl": self.tls} if self.implicit else {})
