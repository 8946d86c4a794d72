"""The road to a mail server: one checked recipient a mail, checked TLS, few logins, kept connections."""

import asyncio
import json
import re
from collections.abc import Iterator
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Any, Literal

import pytest

from bot.config import SmtpConfig
from bot.domain.outcome import Outcome, Step, decide
from bot.mail.render import Mail
from bot.mail.smtp import Road, Timeouts
from bot.sandbox.smtp import Sink
from tests.domain.corpora import corpus
from tests.flow.hostile import hostile_addresses
from tests.mail.scripted import At, How, ScriptedServer
from tests.mail.sending import send
from tests.mail.test_death import BOB, CAROL, DOMAINS, PATIENT, SENDER, account, letter
from tests.peers.aiosmtpd_peer import PASSWORD, USERNAME, SmtpPeer
from tests.peers.tls import Certificates

PROMPT_S = 5.0


def at_peer(peer: SmtpPeer, **changes: Any) -> SmtpConfig:
    settings: dict[str, Any] = {
        "host": peer.host,
        "port": peer.port,
        "security": peer.security,
        "username": peer.username,
        "password": peer.password,
        "sender": SENDER,
        "ca_file": str(peer.ca_file) if peer.ca_file else None,
        "connections": 2,
    }
    return SmtpConfig(**(settings | changes))


def road_to(peer: SmtpPeer, **changes: Any) -> Road:
    return Road(at_peer(peer, **changes), lambda: DOMAINS, PATIENT)


# --- recipients


def hostile_recipients() -> list[str]:
    right = re.compile(r"[0-9]{7,15}@vtext\.com", re.ASCII)
    return [address for address in hostile_addresses() if not right.fullmatch(address)]


async def test_no_hostile_recipient_is_ever_named_to_the_server() -> None:
    wrong = hostile_recipients()
    assert len(wrong) >= 130
    async with ScriptedServer() as server:
        road = Road(account(server), lambda: DOMAINS, PATIENT)
        for address in wrong:
            reply = await send(road, Mail(address, letter().content))
            assert (reply.step, reply.code) == (Step.CHECK, None)
            assert decide(reply) is Outcome.GATEWAY_GONE
        assert decide(await send(road, letter())) is Outcome.SENT
        await road.close(PROMPT_S, PROMPT_S)
        commands = [command for talk in server.talks for command in talk.commands]
    assert [each for each in commands if not each.startswith(("EHLO", "AUTH", "QUIT"))] == [
        f"MAIL FROM:<{SENDER}>",
        f"RCPT TO:<{BOB}>",
        "DATA",
    ]


async def test_a_domain_that_left_the_list_gets_no_mail() -> None:
    domains = {"vtext.com"}
    async with ScriptedServer() as server:
        road = Road(account(server), lambda: domains, PATIENT)
        assert decide(await send(road, letter())) is Outcome.SENT
        domains.clear()
        assert decide(await send(road, letter())) is Outcome.GATEWAY_GONE
        assert server.recipients == [BOB]
        await road.close(PROMPT_S, PROMPT_S)


async def test_on_the_wire_the_false_endings_are_one_mail_for_one_recipient() -> None:
    endings = json.loads(corpus("injection/smtp-smuggling-eod.json").read_text("utf-8"))
    assert len(endings) == 9
    sink = Sink()
    await sink.start()
    config = SmtpConfig(host="127.0.0.1", port=sink.port, security="none", sender=SENDER)
    road = Road(config, lambda: DOMAINS, PATIENT)
    for ending in endings:
        words = f"before{ending}MAIL FROM:<x@y.test>\r\nRCPT TO:<v@x.test>\r\nDATA\r\nafter\r\n.\r\n"
        assert decide(await send(road, letter(words=words))) is Outcome.SENT
    await road.close(PROMPT_S, PROMPT_S)
    await sink.stop()
    assert [mail.recipients for mail in sink.mails] == [(BOB,)] * 9
    for mail in sink.mails:
        assert re.search(rb"\r(?!\n)|(?<!\r)\n|\0", mail.wire) is None
        assert not [line for line in mail.wire.split(b"\r\n") if line.startswith(b".")]
        read = BytesParser(policy=default).parsebytes(mail.content)
        assert (len(read.get_all("From")), len(read.get_all("To")), read["Bcc"]) == (1, 1, None)
        verbs = [command.split()[0] for command in mail.commands if command.split()]
        assert [verb for verb in verbs if verb != b"EHLO"] == [b"MAIL", b"RCPT", b"DATA"]


async def test_a_line_that_begins_with_a_dot_arrives_with_one() -> None:
    with SmtpPeer() as peer:
        road = road_to(peer, username=None)
        # The encoding hides a lone dot; what it leaves is stuffed.
        assert decide(await send(road, letter(words="a\n.\n..b\n.c"))) is Outcome.SENT
        (mail,) = await peer.count(1)
        assert mail.parsed().get_content().splitlines() == ["a", ".", "..b", ".c"]
        await road.close(PROMPT_S, PROMPT_S)


# --- TLS


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_with_a_good_certificate_the_mail_goes_encrypted(
    certificates: Certificates, security: Literal["starttls", "tls"]
) -> None:
    with SmtpPeer.submission(certificates, security=security) as peer:
        road = road_to(peer)
        assert decide(await send(road, letter())) is Outcome.SENT
        (mail,) = await peer.count(1)
        assert (mail.tls, mail.recipients, mail.sender) == (True, (BOB,), SENDER)
        await road.close(PROMPT_S, PROMPT_S)


@pytest.mark.parametrize(
    "which", ["expired", "wrong_name", "self_signed", "good, but nobody we trust signed"]
)
@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_bad_certificate_gets_neither_password_nor_mail(
    certificates: Certificates, security: Literal["starttls", "tls"], which: str
) -> None:
    certificate = getattr(certificates, which.partition(",")[0])
    trusted = None if "," in which else certificates.ca_file
    peer = SmtpPeer(security=security, certificate=certificate, ca_file=trusted, login=(USERNAME, PASSWORD))
    with peer:
        road = road_to(peer)
        reply = await send(road, letter())
        assert (reply.step, reply.code, decide(reply)) == (Step.CONNECT, None, Outcome.RELAY_AWAY)
        assert reply.text == "SSLCertVerificationError"
        assert peer.connections == 1
        assert peer.logins == []
        assert peer.mails == ()


async def test_where_starttls_was_stripped_nothing_is_sent() -> None:
    async with ScriptedServer() as server:
        server.usual[At.EHLO] = "250-mail.example.org\r\n250 AUTH PLAIN"
        road = Road(account(server, security="starttls"), lambda: DOMAINS, PATIENT)
        reply = await send(road, letter())
        assert (reply.step, reply.code) == (Step.CONNECT, None)
        (talk,) = server.talks
        assert talk.verbs() == ["EHLO"]


@pytest.mark.parametrize("answer", ["454 4.7.0 TLS not available", "220 ready\r\n250 injected"])
async def test_where_starttls_fails_nothing_is_said_in_the_clear(answer: str) -> None:
    async with ScriptedServer() as server:
        server.fail(At.STARTTLS, answer)
        road = Road(account(server, security="starttls"), lambda: DOMAINS, Timeouts(connect=1))
        assert decide(await send(road, letter())) is Outcome.RELAY_AWAY
        (talk,) = server.talks
        assert talk.verbs()[:2] == ["EHLO", "STARTTLS"]
        assert not {"AUTH", "MAIL"} & {command.split(" ")[0] for command in talk.commands}


async def test_a_missing_file_of_authorities_is_the_servers_absence_not_a_bug(
    certificates: Certificates, tmp_path: Path
) -> None:
    with SmtpPeer.submission(certificates) as peer:
        reply = await send(road_to(peer, ca_file=str(tmp_path / "gone.pem")), letter())
        assert (reply.step, decide(reply)) == (Step.CONNECT, Outcome.RELAY_AWAY)
        assert peer.connections == 0


async def test_without_tls_on_loopback_the_mail_goes() -> None:
    with SmtpPeer() as peer:
        road = road_to(peer, username=None)
        assert decide(await send(road, letter())) is Outcome.SENT
        (mail,) = await peer.count(1)
        assert not mail.tls
        await road.close(PROMPT_S, PROMPT_S)


# --- login


@pytest.fixture(params=["PLAIN", "LOGIN"])
def peer_with_one_mechanism(request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[SmtpPeer]:
    peer = SmtpPeer(
        security="starttls",
        certificate=certificates.good,
        ca_file=certificates.ca_file,
        login=(USERNAME, PASSWORD),
        mechanisms=(request.param,),
    )
    with peer:
        yield peer


async def test_either_way_of_logging_in_works(peer_with_one_mechanism: SmtpPeer) -> None:
    peer = peer_with_one_mechanism
    road = road_to(peer)
    assert decide(await send(road, letter())) is Outcome.SENT
    assert [(each.mechanism, each.accepted) for each in peer.logins] == [(peer._mechanisms[0], True)]
    await road.close(PROMPT_S, PROMPT_S)


async def test_a_wrong_password_is_tried_once(peer_with_one_mechanism: SmtpPeer) -> None:
    peer = peer_with_one_mechanism
    reply = await send(road_to(peer, password="wrong"), letter())
    assert (reply.step, reply.code, decide(reply)) == (Step.LOGIN, 535, Outcome.RELAY_AWAY)
    assert [each.accepted for each in peer.logins] == [False]
    assert PASSWORD not in repr(reply)


async def test_a_wrong_password_is_tried_once_for_all_that_waits(smtp_peer: SmtpPeer) -> None:
    road = road_to(smtp_peer, password="wrong", connections=4)
    replies = await asyncio.gather(*(send(road, letter()) for _ in range(40)))
    assert {(reply.step, reply.code) for reply in replies} == {(Step.LOGIN, 535)}
    assert len(smtp_peer.logins) == 1
    failed = await road.probe()
    assert failed is not None
    assert (failed.step, failed.code) == (Step.LOGIN, 535)
    assert len(smtp_peer.logins) == 1


async def test_after_a_while_a_refused_login_is_tried_again(smtp_peer: SmtpPeer) -> None:
    config = at_peer(smtp_peer, password="wrong")
    road = Road(config, lambda: DOMAINS, Timeouts(login_again=0))
    for _ in range(2):
        assert decide(await send(road, letter())) is Outcome.RELAY_AWAY
    assert len(smtp_peer.logins) == 2


async def test_a_server_without_a_login_is_told_as_such(certificates: Certificates) -> None:
    peer = SmtpPeer(security="starttls", certificate=certificates.good, ca_file=certificates.ca_file)
    with peer:
        reply = await send(road_to(peer, username=USERNAME, password=PASSWORD), letter())
        assert (reply.step, decide(reply)) == (Step.LOGIN, Outcome.RELAY_AWAY)
        assert peer.mails == ()


# --- connections


async def test_many_mails_share_few_connections(smtp_peer: SmtpPeer) -> None:
    road = road_to(smtp_peer, connections=2)
    replies = await asyncio.gather(*(send(road, letter(words=f"text {each}")) for each in range(40)))
    assert {decide(reply) for reply in replies} == {Outcome.SENT}
    mails = await smtp_peer.count(40)
    assert smtp_peer.connections <= 2
    assert len(smtp_peer.logins) <= 2
    assert {mail.parsed().get_content().strip() for mail in mails} == {f"text {each}" for each in range(40)}
    assert {mail.recipients for mail in mails} == {(BOB,)}
    await road.close(PROMPT_S, PROMPT_S)


async def test_a_kept_connection_that_was_reset_is_replaced(smtp_peer: SmtpPeer) -> None:
    road = road_to(smtp_peer)
    for number in range(1, 6):
        assert decide(await send(road, letter(words=f"text {number}"))) is Outcome.SENT
        smtp_peer.disconnect()
    mails = await smtp_peer.count(5)
    assert [mail.parsed().get_content().strip() for mail in mails] == [f"text {n}" for n in range(1, 6)]
    await road.close(PROMPT_S, PROMPT_S)


async def test_a_refused_recipient_does_not_spoil_the_connection(smtp_peer: SmtpPeer) -> None:
    smtp_peer.answer_rcpt = lambda address: "550 5.1.1 nobody" if address == BOB else "250 OK"
    road = road_to(smtp_peer, connections=1)
    outcomes = [decide(await send(road, letter(to))) for to in (BOB, CAROL, BOB, CAROL)]
    assert outcomes == [Outcome.REFUSED_PERSON, Outcome.SENT] * 2
    assert smtp_peer.connections == 1
    await road.close(PROMPT_S, PROMPT_S)


async def test_never_more_connections_than_allowed_and_a_silent_one_holds_up_no_other() -> None:
    async with ScriptedServer() as server:
        road = Road(account(server, connections=3), lambda: DOMAINS, PATIENT)
        server.fail(At.BODY, How.SILENCE, once=True)
        stuck = asyncio.create_task(send(road, letter()))
        await asyncio.wait_for(server.reached.wait(), PROMPT_S)
        replies = await asyncio.gather(*(send(road, letter(CAROL)) for _ in range(30)))
        assert {decide(reply) for reply in replies} == {Outcome.SENT}
        assert len(server.talks) <= 3
        await road.close(before_dot=0, after_dot=0)
        assert decide(await stuck) is Outcome.AMBIGUOUS
