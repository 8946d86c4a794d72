"""The way back, end to end: a bounce or a reply in the mailbox reaches the text it is about."""

import re
from collections.abc import AsyncIterator

import pytest

from bot.sandbox.sandbox import SENDER
from tests.flow.mailroom import Mailroom, bounce
from tests.peers.dovecot import Dovecot

pytestmark = [pytest.mark.slow, pytest.mark.peer]

PERSONAL = (
    b"From: Mum <mum@family.example>\r\nTo: bridge@example.org\r\nMessage-ID: <p1@family.example>\r\n"
    b"Subject: Sunday\r\n\r\nSee you!\r\n"
)
RETURNED = "carrier returned it"


@pytest.fixture
async def room(any_store_url: str, dovecot: Dovecot) -> AsyncIterator[Mailroom]:
    async with Mailroom(any_store_url, dovecot) as running:
        yield running


async def test_a_bounce_to_a_texts_own_address_changes_the_senders_answer(room: Mailroom) -> None:
    await room.register(room.bob)
    answer, mail = await room.texted(room.alice, room.bob, "dinner at 7")
    local, _, domain = SENDER.partition("@")
    assert re.fullmatch(rf"{local}\+[a-z2-7]{{32}}@{re.escape(domain)}", mail.reply_to)
    assert mail.sender == mail.reply_to
    await room.deliver(PERSONAL, bounce(mail.sender))
    await answer.settled(lambda a: RETURNED in a.content)
    assert answer.ephemeral
