"""Prove that the servers which other tests lean on behave as those tests believe."""

import asyncio
import os
import selectors
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import aiosmtplib
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tests.peers import postgres as postgres_peer
from tests.peers.aiosmtpd_peer import PASSWORD, USERNAME, Login, SmtpPeer
from tests.peers.daemon import Daemon, Unavailable, accepts_connections, living
from tests.peers.postfix import Postfix
from tests.peers.postgres import Postgres
from tests.peers.received import Mail, Received
from tests.peers.tls import Certificates

pytest_plugins = ["tests.peers.fixtures"]

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
SENDER = "bridge@example.org"
PHONE = "2065550100@sms.example.net"
LINES = b"From: bridge@example.org\r\nTo: 2065550100@sms.example.net\r\n\r\n..dot\r\n.\r\nend\r\n"


def client(peer: SmtpPeer | Postfix, **options: object) -> aiosmtplib.SMTP:
    """Return an unconnected client that trusts the peer's authority and speaks TLS as it wants."""
    defaults: dict[str, object] = {
        "hostname": peer.host,
        "port": peer.port,
        "cert_bundle": None if peer.ca_file is None else str(peer.ca_file),
        "start_tls": isinstance(peer, Postfix) or peer.security == "starttls",
        "use_tls": isinstance(peer, SmtpPeer) and peer.security == "tls",
        "timeout": 10,
    }
    return aiosmtplib.SMTP(**{**defaults, **options})


def logged_in(peer: SmtpPeer | Postfix) -> aiosmtplib.SMTP:
    """Return an unconnected client that will log in."""
    return client(peer, username=peer.username, password=peer.password)


def wait_for_end(pid: int, *, seconds: float) -> bool:
    """Tell whether a process that is not our child ends in time."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        ended = bool(selector.select(seconds))
    os.close(descriptor)
    return ended


# PostgreSQL


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[Postgres]:
    """Run a durable cluster that the tests here may break and mend."""
    try:
        server = Postgres.start(fsync=True)
    except Unavailable as reason:
        pytest.skip(str(reason))
    with server:
        yield server


async def make_table(engine: AsyncEngine, value: int) -> None:
    """Commit one row."""
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE kept (value int)"))
        await connection.execute(text("INSERT INTO kept VALUES (:value)"), {"value": value})


async def read_value(engine: AsyncEngine) -> int:
    """Read the one row back."""
    async with engine.connect() as connection:
        return int((await connection.execute(text("SELECT value FROM kept"))).scalar_one())


async def test_two_databases_share_nothing(postgres: Postgres) -> None:
    urls = [postgres.create_database(), postgres.create_database()]
    for value, url in enumerate(urls):
        engine = create_async_engine(url)
        await make_table(engine, value)
        assert await read_value(engine) == value
        await engine.dispose()
        postgres.drop_database(url)


async def test_a_fresh_database_is_empty_and_speaks_utf8(postgres_url: str) -> None:
    engine = create_async_engine(postgres_url)
    async with engine.connect() as connection:
        tables = await connection.execute(
            text("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'")
        )
        echo = await connection.execute(text("SELECT CAST(:words AS text)"), {"words": "Grüße 🐝"})
        encoding = await connection.execute(text("SHOW server_encoding"))
        assert (tables.scalar_one(), echo.scalar_one(), encoding.scalar_one()) == (0, "Grüße 🐝", "UTF8")
    await engine.dispose()


async def test_the_password_is_checked(postgres_url: str) -> None:
    password = urlsplit(postgres_url).password or ""
    engine = create_async_engine(postgres_url.replace(password, "wrong"))
    with pytest.raises(OperationalError, match="authentication failed"):
        await read_value(engine)
    await engine.dispose()


@pytest.mark.parametrize("crash", [False, True])
async def test_a_restart_breaks_connections_and_keeps_rows(own_postgres: Postgres, crash: bool) -> None:
    engine = create_async_engine(own_postgres.create_database())
    await make_table(engine, 7)
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
        own_postgres.restart(crash=crash)
        with pytest.raises(OperationalError):
            await connection.execute(text("SELECT 1"))
        await connection.invalidate()
    assert await read_value(engine) == 7
    await engine.dispose()


async def test_a_paused_server_refuses_and_comes_back(own_postgres: Postgres) -> None:
    engine = create_async_engine(own_postgres.create_database())
    await make_table(engine, 8)
    await engine.dispose()
    own_postgres.pause()
    with pytest.raises(OperationalError):
        await read_value(engine)
    own_postgres.resume()
    assert await read_value(engine) == 8
    await engine.dispose()


async def test_dropped_connections_are_counted_and_only_of_one_database(postgres: Postgres) -> None:
    cut, spared = (create_async_engine(postgres.create_database()) for _ in range(2))
    async with cut.connect() as lost, spared.connect() as kept:
        for connection in (lost, kept):
            await connection.execute(text("SELECT 1"))
        assert postgres.drop_connections(cut.url.render_as_string(hide_password=False)) == 1
        with pytest.raises(OperationalError):
            await lost.execute(text("SELECT 1"))
        assert (await kept.execute(text("SELECT 1"))).scalar_one() == 1
        await lost.invalidate()
    for engine in (cut, spared):
        await engine.dispose()
        postgres.drop_database(engine.url.render_as_string(hide_password=False))


@pytest.mark.parametrize("find", [postgres_peer.system_binaries, postgres_peer.wheel_binaries])
async def test_each_kind_of_server_runs_and_leaves_nothing(find: object) -> None:
    assert callable(find)
    found = find()
    if not found:
        pytest.skip("this kind of PostgreSQL is not installed")
    with Postgres.start(binaries=found[0]) as server:
        assert server._daemon is not None
        group, folder = server._daemon.process.pid, server._folder
        engine = create_async_engine(server.create_database())
        await make_table(engine, 9)
        assert await read_value(engine) == 9
        await engine.dispose()
        assert group in living(group)
    assert not accepts_connections(server.port)
    assert not living(group)
    assert not folder.exists()


@pytest.mark.ci
def test_a_wheel_in_a_closed_folder_is_copied_out(tmp_path: Path) -> None:
    wheel = postgres_peer.wheel_binaries()[0]
    closed = postgres_peer._copy_wheel(wheel, tmp_path / "closed")
    tmp_path.chmod(0o700)
    with Postgres.start(binaries=closed) as server:
        # Only root runs the server as somebody else, who may not look into root's folders.
        assert server._binaries.is_relative_to(server._folder) == (os.geteuid() == 0)
        assert server.create_database().startswith("postgresql+psycopg://")


def test_no_server_at_all_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no PostgreSQL server here"):
        Postgres.start(binaries=tmp_path)


# certificates


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("expired", "certificate has expired"),
        ("wrong_name", "IP address mismatch"),
        ("self_signed", "self-signed certificate"),
    ],
)
async def test_a_wrong_certificate_is_refused_for_its_own_reason(
    certificates: Certificates, kind: str, reason: str
) -> None:
    trusting = ssl.create_default_context(cafile=certificates.ca_file)
    with SmtpPeer(security="tls", certificate=getattr(certificates, kind)) as peer:
        with pytest.raises(ssl.SSLCertVerificationError) as refusal:
            await asyncio.open_connection(peer.host, peer.port, ssl=trusting)
    assert reason in refusal.value.verify_message.replace("self signed", "self-signed")


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
async def test_the_good_certificate_needs_the_authority(certificates: Certificates, name: str) -> None:
    trusting = ssl.create_default_context(cafile=certificates.ca_file)
    with SmtpPeer(security="tls", certificate=certificates.good) as peer:
        reader, writer = await asyncio.open_connection(
            peer.host, peer.port, ssl=trusting, server_hostname=name
        )
        assert (await reader.readline()).startswith(b"220 ")
        writer.close()
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection(peer.host, peer.port, ssl=ssl.create_default_context())


# aiosmtpd


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("mechanism", ["plain", "login"])
async def test_aiosmtpd_takes_mail_after_tls_and_login(
    certificates: Certificates, security: str, mechanism: str
) -> None:
    with SmtpPeer.submission(certificates, security=security) as peer:
        async with client(peer) as smtp:
            await smtp.ehlo()
            await getattr(smtp, f"auth_{mechanism}")(USERNAME, PASSWORD)
            await smtp.sendmail(SENDER, [PHONE], LINES)
        assert await peer.mail() == Mail(SENDER, (PHONE,), LINES, tls=True, username=USERNAME)
        assert peer.logins == [Login(mechanism.upper(), USERNAME, accepted=True)]


@pytest.mark.parametrize("mechanism", ["plain", "login"])
async def test_aiosmtpd_refuses_a_wrong_password(smtp_peer: SmtpPeer, mechanism: str) -> None:
    async with client(smtp_peer) as smtp:
        await smtp.ehlo()
        with pytest.raises(aiosmtplib.SMTPAuthenticationError) as refusal:
            await getattr(smtp, f"auth_{mechanism}")(USERNAME, "wrong")
    assert refusal.value.code == 535
    assert smtp_peer.logins == [Login(mechanism.upper(), USERNAME, accepted=False)]


async def test_aiosmtpd_takes_nothing_before_login(smtp_peer: SmtpPeer) -> None:
    async with client(smtp_peer) as smtp:
        with pytest.raises(aiosmtplib.SMTPSenderRefused) as refusal:
            await smtp.sendmail(SENDER, [PHONE], LINES)
    assert (refusal.value.code, smtp_peer.mails) == (530, ())


async def expect_nothing_before_starttls(peer: SmtpPeer | Postfix) -> None:
    async with client(peer, start_tls=False) as smtp:
        await smtp.ehlo()
        assert smtp.supports_extension("starttls")
        assert not smtp.supports_extension("auth")
        with pytest.raises(aiosmtplib.SMTPSenderRefused) as refusal:
            await smtp.mail(SENDER)
    assert refusal.value.code == 530


async def test_aiosmtpd_takes_nothing_before_starttls(smtp_peer: SmtpPeer) -> None:
    await expect_nothing_before_starttls(smtp_peer)


async def test_aiosmtpd_answers_as_told() -> None:
    with SmtpPeer() as peer:
        peer.answer_rcpt = lambda address: "550 5.1.1 Nobody" if address == PHONE else "250 OK"
        peer.answer_data = lambda mail: "451 4.3.0 Later"
        async with client(peer) as smtp:
            await smtp.mail(SENDER)
            with pytest.raises(aiosmtplib.SMTPRecipientRefused) as refusal:
                await smtp.rcpt(PHONE)
            await smtp.rcpt("2065550101@sms.example.net")
            with pytest.raises(aiosmtplib.SMTPDataError) as postponed:
                await smtp.data(LINES)
            assert (refusal.value.code, postponed.value.code, peer.mails) == (550, 451, ())
            peer.reset()
            await smtp.sendmail(SENDER, [PHONE], LINES)
        assert [mail.recipients for mail in peer.mails] == [(PHONE,)]
        assert peer.mails[0].parsed()["To"] == PHONE


async def test_aiosmtpd_drops_open_connections(smtp_peer: SmtpPeer) -> None:
    smtp = logged_in(smtp_peer)
    await smtp.connect()
    smtp_peer.disconnect()
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await smtp.noop()
    async with logged_in(smtp_peer) as again:
        assert (await again.noop()).code == 250
    assert smtp_peer.connections == 2


async def test_a_mail_is_waited_for_and_its_absence_is_an_error() -> None:
    received = Received()
    expected = Mail(SENDER, (PHONE,), LINES)
    waiting = asyncio.create_task(received.mail(lambda mail: mail.recipients == (PHONE,)))
    await asyncio.to_thread(received.add, Mail(SENDER, ("2065550101@sms.example.net",), LINES))
    await asyncio.to_thread(received.add, expected)
    assert await waiting == expected
    assert len(await received.count(2)) == 2
    with pytest.raises(TimeoutError):
        await received.count(3, timeout=0.01)
    received.clear()
    with pytest.raises(TimeoutError):
        await received.mail(timeout=0.01)


# Postfix


@pytest.mark.parametrize("mechanism", ["plain", "login"])
async def test_postfix_relays_after_starttls_and_login(postfix: Postfix, mechanism: str) -> None:
    async with client(postfix) as smtp:
        await smtp.ehlo()
        await getattr(smtp, f"auth_{mechanism}")(postfix.username, postfix.password)
        assert smtp.supports_extension("pipelining")
        await smtp.sendmail(SENDER, [PHONE], LINES)
    mail = await postfix.mail(lambda mail: mail.recipients == (PHONE,))
    assert mail.sender == SENDER
    received, _, rest = mail.raw.partition(b"From: ")
    assert received.startswith(b"Received: ")
    assert b"From: " + rest == LINES


@pytest.mark.parametrize("mechanism", ["plain", "login"])
async def test_postfix_refuses_a_wrong_password(postfix: Postfix, mechanism: str) -> None:
    async with client(postfix) as smtp:
        await smtp.ehlo()
        with pytest.raises(aiosmtplib.SMTPAuthenticationError) as refusal:
            await getattr(smtp, f"auth_{mechanism}")(postfix.username, "wrong")
    assert refusal.value.code == 535


async def test_postfix_offers_login_only_under_tls(postfix: Postfix) -> None:
    await expect_nothing_before_starttls(postfix)


async def test_postfix_relays_nothing_without_login(postfix: Postfix) -> None:
    async with client(postfix) as smtp:
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refusal:
            await smtp.sendmail(SENDER, [PHONE], LINES)
    assert (refusal.value.recipients[0].code, postfix.mails) == (554, ())


async def test_postfix_shows_a_certificate_that_only_our_authority_signed(postfix: Postfix) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await client(postfix, cert_bundle=None).connect()


async def test_postfix_returns_a_bounce_when_the_sink_refuses(postfix: Postfix) -> None:
    postfix.sink.answer_rcpt = lambda address: "550 5.1.1 Nobody" if address == PHONE else "250 OK"
    async with logged_in(postfix) as smtp:
        await smtp.sendmail(SENDER, [PHONE], LINES)
    bounce = await postfix.mail(lambda mail: mail.sender == "")
    assert bounce.recipients == (SENDER,)
    assert bounce.parsed().get_content_type() == "multipart/report"


async def test_postfix_tries_again_after_a_temporary_refusal(postfix: Postfix) -> None:
    offers: list[Mail] = []

    def postpone_once(mail: Mail) -> str:
        offers.append(mail)
        return "451 4.3.0 Later" if len(offers) == 1 else "250 OK"

    postfix.sink.answer_data = postpone_once
    async with logged_in(postfix) as smtp:
        await smtp.sendmail(SENDER, [PHONE], LINES)
    assert (await postfix.mail(timeout=20)).recipients == (PHONE,)
    assert [mail.recipients for mail in offers] == [(PHONE,), (PHONE,)]
    assert "status=deferred (host 127.0.0.1[127.0.0.1] said: 451 4.3.0 Later" in postfix.log()


def test_postfix_leaves_nothing(certificates: Certificates) -> None:
    try:
        server = Postfix.start(certificates)
    except Unavailable as reason:
        pytest.skip(str(reason))
    with server:
        groups = [daemon.process.pid for daemon in server._daemons]
        assert all(group in living(group) for group in groups)
    assert not any(map(living, groups))
    assert not accepts_connections(server.port)
    assert not server._folder.exists()


# when things go wrong

LONELY = """
import sys, threading
from tests.peers.{module} import {name}
server = {name}.start()
daemons = getattr(server, "_daemons", None) or [server._daemon]
print(server._folder, *(daemon.process.pid for daemon in daemons), flush=True)
threading.Event().wait()
"""


@pytest.mark.ci
@pytest.mark.parametrize(
    ("module", "name", "fixture"),
    [("postgres", "Postgres", "postgres"), ("postfix", "Postfix", "postfix_service")],
)
def test_a_killed_test_run_takes_its_servers_along(
    module: str, name: str, fixture: str, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(fixture)  # skips where this machine cannot run the peer
    command = [sys.executable, "-c", LONELY.format(module=module, name=name)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        folder, *groups = run.stdout.readline().split()
        members = [member for group in groups for member in living(int(group))]
        run.kill()
    try:
        assert len(members) >= len(groups) > 0
        assert all(wait_for_end(member, seconds=10) for member in members)
    finally:
        shutil.rmtree(folder)


def test_a_server_that_fails_to_start_says_why(tmp_path: Path) -> None:
    daemon = Daemon.start(["/bin/sh", "-c", "echo no such luck; exit 3"], log=tmp_path / "log")
    with pytest.raises(RuntimeError, match="no such luck"):
        daemon.wait_until(lambda: False, seconds=10)
    daemon.stop()


def test_a_server_that_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    script = "trap '' TERM; echo up; while :; do sleep 60; done"
    daemon = Daemon.start(["/bin/sh", "-c", script], log=tmp_path / "log")
    daemon.wait_until(lambda: "up" in daemon.tail())
    daemon.stop(seconds=0.1)
    assert not living(daemon.process.pid)
