"""A mail server that speaks nothing newer than TLS 1.1 gets neither password nor mail."""

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.config import SmtpConfig
from bot.domain.mailbox import Trouble
from bot.domain.outcome import Outcome, Step, decide
from bot.mail.smtp import Road
from tests.mail.sending import send
from tests.mail.test_death import DOMAINS, PATIENT, SENDER, letter
from tests.mail.test_mailbox import mailbox, trouble_with
from tests.peers.tls import Certificates

PROMPT_S = 5.0
WEAK = "ALL:@SECLEVEL=0"  # else OpenSSL itself speaks no TLS 1.1


def old(context: ssl.SSLContext) -> ssl.SSLContext:
    context.set_ciphers(WEAK)
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


@asynccontextmanager
async def old_server(certificates: Certificates) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Run a server of long ago; gives its port, and what anybody could say to it."""
    said: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said.append(await reader.read(100))
        writer.close()

    context = old(certificates.good.context())
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1], said


async def test_whoever_wants_to_can_speak_to_it(certificates: Certificates) -> None:
    async with old_server(certificates) as (port, said):
        context = old(ssl.create_default_context(cafile=certificates.ca_file))
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        assert writer.get_extra_info("ssl_object").version() == "TLSv1.1"
        writer.write(b"hello")
        assert await asyncio.wait_for(reader.read(), PROMPT_S) == b""
        writer.close()
        assert said == [b"hello"]


async def test_no_mail_goes_to_it(certificates: Certificates) -> None:
    async with old_server(certificates) as (port, said):
        config = SmtpConfig(
            host="127.0.0.1", port=port, security="tls", username="u", password="canary", sender=SENDER,
            ca_file=str(certificates.ca_file),
        )  # fmt: skip
        road = Road(config, lambda: DOMAINS, PATIENT)
        reply = await send(road, letter())
        assert (reply.step, reply.code, decide(reply)) == (Step.CONNECT, None, Outcome.RELAY_AWAY)
        assert said == []
        await road.close(PROMPT_S, PROMPT_S)


async def test_no_mailbox_is_opened_there(certificates: Certificates) -> None:
    async with old_server(certificates) as (port, said):
        assert await trouble_with(mailbox(port, "tls", str(certificates.ca_file))) is Trouble.AWAY
        assert said == []
