"""Offer the peers as pytest fixtures: load with `pytest_plugins = ["tests.peers.fixtures"]`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.peers.aiosmtpd_peer import SmtpPeer
from tests.peers.daemon import Unavailable
from tests.peers.dovecot import Dovecot
from tests.peers.postfix import Postfix
from tests.peers.postgres import Postgres
from tests.peers.tls import Certificates, make_certificates


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make one authority and its server certificates for the whole run."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Run one PostgreSQL cluster for the whole run."""
    try:
        server = Postgres.start()
    except Unavailable as reason:
        pytest.skip(str(reason))
    with server:
        yield server


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """Give one test an empty PostgreSQL database of its own."""
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


@pytest.fixture(scope="session")
def postfix_service(certificates: Certificates) -> Iterator[Postfix]:
    """Run one Postfix for the whole run."""
    try:
        server = Postfix.start(certificates)
    except Unavailable as reason:
        pytest.skip(str(reason))
    with server:
        yield server


@pytest.fixture
def postfix(postfix_service: Postfix) -> Postfix:
    """Give one test the Postfix service, with nothing received yet and a sink that takes everything."""
    postfix_service.sink.reset()
    return postfix_service


@pytest.fixture
def smtp_peer(certificates: Certificates) -> Iterator[SmtpPeer]:
    """Run an aiosmtpd submission server with STARTTLS and AUTH for one test."""
    with SmtpPeer.submission(certificates) as peer:
        yield peer


@pytest.fixture(scope="session")
def dovecot_service(certificates: Certificates) -> Iterator[Dovecot]:
    """Run one Dovecot for the whole run."""
    try:
        server = Dovecot.start(certificates)
    except Unavailable as reason:
        pytest.skip(str(reason))
    with server:
        yield server


@pytest.fixture
def dovecot(dovecot_service: Dovecot) -> Dovecot:
    """Give one test the mailbox, empty."""
    dovecot_service.empty()
    return dovecot_service
