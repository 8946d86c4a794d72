"""The way back, end to end: a bounce or a reply in the mailbox reaches the text it is about."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.sandbox.sandbox import SENDER
from tests.flow.mailroom import Mailroom, bounce, outgone, reply
from tests.peers.dovecot import Dovecot

pytestmark = [pytest.mark.slow, pytest.mark.peer]

PERSONAL = (
    b"From: Mum <mum@family.example>\r\nTo: bridge@example.org\r\nMessage-ID: <p1@family.example>\r\n"
    b"Subject: Sunday\r\n\r\nSee you!\r\n"
)
RETURNED = "carrier returned it"


@pytest.fixture
async def room(store_url: str, dovecot: Dovecot) -> AsyncIterator[Mailroom]:
    async with Mailroom(store_url, dovecot) as running:
        yield running


@pytest.fixture
async def any_room(any_store_url: str, dovecot: Dovecot) -> AsyncIterator[Mailroom]:
    async with Mailroom(any_store_url, dovecot) as running:
        yield running


async def test_a_bounce_hours_later_and_after_a_restart_is_told_by_dm(room: Mailroom) -> None:
    await room.register(room.bob)
    _, mail = await room.texted(room.alice, room.bob, "dinner at 7")
    await room.stop()
    room.clock.jump(timedelta(hours=5))
    await room.deliver(PERSONAL, bounce("bot@example.org", mail.raw))
    await room.start()
    told = await room.alice.dm(lambda post: RETURNED in post.content)
    assert room.bob.mention in told.content
    assert "dinner" not in told.content


async def test_a_code_that_comes_back_says_so_to_nobody_but_is_dealt_with(room: Mailroom) -> None:
    await room.ask_for_code(room.bob)
    mail = outgone(await room.world.carriers.mail())
    await room.deliver(bounce(mail.reply_to))
    await room.log.said("addressed: bounce")


async def test_a_reply_is_dealt_with_once_though_it_comes_twice(room: Mailroom) -> None:
    await room.register(room.bob)
    _, mail = await room.texted(room.alice, room.bob, "dinner at 7")
    answer = reply(mail.reply_to, "on my way")
    await room.deliver(answer)
    await room.log.said("addressed: reply")
    await room.restart()
    await room.deliver(answer, reply(mail.reply_to, "really", mail_id="2@vtext.com"))
    await room.log.said("addressed: reply", 2)
    assert sum("inbox: reply" in record.getMessage() for record in room.log.records) == 2


async def test_a_bounce_to_a_texts_own_address_changes_the_senders_answer(any_room: Mailroom) -> None:
    room = any_room
    await room.register(room.bob)
    answer, mail = await room.texted(room.alice, room.bob, "dinner at 7")
    local, _, domain = SENDER.partition("@")
    assert re.fullmatch(rf"{local}\+[a-z2-7]{{32}}@{re.escape(domain)}", mail.reply_to)
    assert mail.sender == mail.reply_to
    await room.deliver(PERSONAL, bounce(mail.sender))
    await answer.settled(lambda a: RETURNED in a.content)
    assert answer.ephemeral
