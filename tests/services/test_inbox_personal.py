"""The mailbox may be the operator's own: what is not ours stays as it was, unread, however often we look."""

import asyncio
import logging

import pytest

from bot.db.tables import Inbound
from tests.conftest import Size
from tests.db.stores import sqlite_first
from tests.flow.mailroom import bounce
from tests.peers.dovecot import Dovecot
from tests.services.postroom import PATTERN, PERSONAL, Postroom
from tests.services.world import BOB, World

pytestmark = [sqlite_first, pytest.mark.peer]

THEIRS = (
    "wrong number",
    "forged",
    "to mum",
    "offer",
    "eve@phones",
    "shop.example",
    "news",
    "mine@mail",
    "5550199",
)


def of_others(room: Postroom, text_id: int) -> list[bytes]:
    """Write mails that are near to ours, and are not."""
    other = PATTERN.replace("{token}", "a" * 32)
    return [
        PERSONAL % 1,
        b"From: 2065550199@one.example.net\r\nTo: bot@example.org\r\n\r\nwrong number\r\n",
        room.reply(other, "forged", author="eve@phones.example"),
        bounce("bot@example.org", b"Message-ID: <mine@mail.example>\r\n\r\nto mum\r\n"),
        b"List-Id: news\r\nReturn-Path: <>\r\nFrom: news@shop.example\r\n\r\n" + b"offer\r\n" * 9_000,
        b"\r\n\r\n",
        b"no header at all",
        room.returns.mail_id("ab" * 16, text_id).encode() + b"\r\n\r\n",
    ]


async def test_other_peoples_mails_stay_unread_and_unchanged(
    world: World, dovecot: Dovecot, size: Size, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "bot")
    await world.register(BOB)
    account = {"username": dovecot.username, "password": dovecot.password}
    room = Postroom(world, dovecot, **account, port=dovecot.plain_port)
    text_id = await room.text()
    mails = of_others(room, text_id)
    await asyncio.to_thread(dovecot.deliver, *mails)
    role = room.role()
    validity = (await role.mailbox.open()).validity
    first = await asyncio.to_thread(dovecot.flags)
    before = {uid: await asyncio.to_thread(dovecot.raw, uid) for uid in first}
    for _ in range(size.pick(1_000, plain=50)):
        await room.read_from(1, validity)  # as if all had just come in
        while await role.inbox.look():
            pass
    # One of ours among them is marked, and it alone.
    await asyncio.to_thread(dovecot.deliver, room.reply(room.address(text_id)))
    await room.read_from(1, validity)
    while await role.inbox.look():
        pass
    role.mailbox.close()
    await role.reader.close()
    flags = await asyncio.to_thread(dovecot.flags)
    ours = max(flags)
    assert len(room.acted) == 1
    assert flags.pop(ours) == {r"\Seen"}
    assert flags == first
    assert not any(first.values())
    assert {uid: await asyncio.to_thread(dovecot.raw, uid) for uid in first} == before
    assert len(await world.rows(Inbound)) == 1
    # Ours was looked at in the log, and theirs were not.
    said = "\n".join(each.getMessage() for each in caplog.records if each.name.startswith("bot."))
    assert "addressed: reply" in said
    assert [words for words in THEIRS if words in said] == []
