"""The whole way out and back on real servers: a bounce and a reply come to the mailbox and to their text."""

from __future__ import annotations

import asyncio
import smtplib
import time
from collections.abc import AsyncIterator, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.db.store import open_store
from bot.db.tables import Inbound
from tests.peers.daemon import Unavailable
from tests.peers.dovecot import Dovecot
from tests.peers.postfix import Postfix
from tests.peers.received import Mail
from tests.peers.tls import Certificates
from tests.standin.standin import Standin
from tests.test_postfix import ADDRESS, HANDED, Town

pytestmark = [pytest.mark.peer, pytest.mark.slow]

BACK = "carrier returned it"
WITHIN_S = 2.0
COLUMNS = (Inbound.kind, Inbound.trust, Inbound.state, Inbound.person_id, Inbound.text_id)


@pytest.fixture(scope="module")
def office(certificates: Certificates, dovecot_service: Dovecot) -> Iterator[Postfix]:
    """Run a Postfix whose own domain's mails come to the mailbox."""
    try:
        server = Postfix.start(certificates, dovecot_service)
    except Unavailable as reason:
        pytest.skip(str(reason))
    with server:
        yield server


@pytest.fixture
async def town(office: Postfix, dovecot: Dovecot, tmp_path: Path) -> AsyncIterator[Town]:
    office.sink.reset()
    async with Standin() as sandbox:
        people = [sandbox.discord.person(name) for name in ("ann", "bob")]
        guild = sandbox.discord.guild("Orchard", sandbox.discord.owner, *people)
        town = Town(sandbox, office, tmp_path, guild, *people)
        try:
            await town.start(
                IMAP_HOST=dovecot.host,
                IMAP_PORT=str(dovecot.port),
                IMAP_USERNAME=dovecot.username,
                IMAP_PASSWORD=dovecot.password,
            )
            yield town
        finally:
            await town.stop()
    assert town.errors() == []


@pytest.mark.ci
async def test_a_carriers_refusal_comes_back_as_a_bounce_and_changes_the_answer(town: Town) -> None:
    await town.register(town.bob, ADDRESS)
    refused_at: list[float] = []

    def refuse(mail: Mail) -> str:
        refused_at.append(time.monotonic())
        return "550 5.1.1 no such subscriber"

    town.postfix.sink.answer_data = refuse
    answer = await town.text("dinner at 7", "")
    await answer.settled(lambda shown: BACK in shown.content)
    assert time.monotonic() - refused_at[0] < WITHIN_S
    assert any(HANDED in before for before in answer.history)
    assert answer.ephemeral


@pytest.mark.ci
async def test_a_phones_answer_comes_to_its_text(town: Town, dovecot: Dovecot) -> None:
    await town.register(town.bob, ADDRESS)
    await town.text("dinner at 7", HANDED)
    mail = (await town.postfix.count(2))[1]
    reply = EmailMessage()
    reply["From"], reply["To"], reply["Message-ID"] = ADDRESS, mail.parsed()["Reply-To"], "<1@vtext.com>"
    reply.set_content("on my way")
    assert mail.sender == reply["To"].strip("<>")

    def send() -> None:
        with smtplib.SMTP(town.postfix.host, town.postfix.mx_port, timeout=10) as client:
            client.send_message(reply, from_addr=ADDRESS)

    sent_at = time.monotonic()
    await asyncio.to_thread(send)
    store = await open_store(f"sqlite+aiosqlite:///{town.folder}/textbridge.db", (town.sandbox.secret_key,))
    try:
        row = None
        while row is None and time.monotonic() - sent_at < WITHIN_S:
            async with store.read() as session:
                row = (await session.execute(select(*COLUMNS))).first()
        assert row is not None, town.postfix.log()
        assert row[:4] == ("reply", "addressed", "done", town.bob.id)
        assert row[4] is not None
    finally:
        await store.close()
    async with asyncio.timeout(WITHIN_S):
        while not await asyncio.to_thread(_all_seen, dovecot):
            pass


def _all_seen(dovecot: Dovecot) -> bool:
    flags = dovecot.flags()
    return bool(flags) and all(r"\Seen" in each for each in flags.values())
