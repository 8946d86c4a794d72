"""A look at the mail server: its banner and certificate, and what is wrong with them."""

from datetime import UTC, datetime
from typing import Literal

import pytest

from bot.mail.relay_look import look_at_relay
from tests.mail.scripted import At, How, ScriptedServer
from tests.mail.test_death import account
from tests.mail.test_smtp import at_peer
from tests.peers.aiosmtpd_peer import SmtpPeer
from tests.peers.tls import Certificates


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_banner_and_certificate_are_seen(
    certificates: Certificates, security: Literal["starttls", "tls"]
) -> None:
    with SmtpPeer.submission(certificates, security=security) as peer:
        look = await look_at_relay(at_peer(peer), datetime.now(UTC))
    assert look.banner.startswith("220 ")
    assert (look.certificate, look.days_left, look.problem) == ("localhost", 29, "")
    assert peer.logins == []
    assert peer.mails == ()


@pytest.mark.parametrize(
    ("which", "said"),
    [("expired", "expired"), ("wrong_name", "mismatch"), ("self_signed", "self-signed")],
)
@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_bad_certificate_is_named(
    certificates: Certificates, security: Literal["starttls", "tls"], which: str, said: str
) -> None:
    certificate = getattr(certificates, which)
    with SmtpPeer(security=security, certificate=certificate, ca_file=certificates.ca_file) as peer:
        look = await look_at_relay(at_peer(peer), datetime.now(UTC))
    assert look.problem.startswith("its certificate is not accepted: ")
    assert said in look.problem
    assert look.days_left is None


async def test_without_tls_there_is_a_banner_alone() -> None:
    async with ScriptedServer() as server:
        look = await look_at_relay(account(server), datetime.now(UTC))
    assert (look.banner, look.certificate, look.problem) == ("220 mail.example.org ESMTP", "", "")


@pytest.mark.parametrize("how", [How.CLOSE, How.RST, How.GARBAGE, How.SILENCE, How.NO])
@pytest.mark.parametrize("at", [At.GREETING, At.STARTTLS])
async def test_a_server_that_fails_is_a_problem_and_no_bug(at: At, how: How) -> None:
    async with ScriptedServer() as server:
        server.fail(at, how)
        look = await look_at_relay(account(server, security="starttls"), datetime.now(UTC), 0.3)
    assert look.problem


async def test_nobody_there_is_a_problem() -> None:
    async with ScriptedServer() as server:
        config = account(server)
    look = await look_at_relay(config, datetime.now(UTC), 2)
    assert look.problem == "it cannot be talked to (ConnectionRefusedError)"
