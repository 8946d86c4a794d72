"""The inbox gets over whatever a mail server does, and acts on each mail once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.db.notices import OPERATOR
from bot.db.tables import Inbound
from bot.mail.imap import HEADS_AT_ONCE, Waits
from bot.services.inbox_watch import MOST_AT_ONCE, Patience
from tests.conftest import Size, telling
from tests.db.stores import sqlite_first
from tests.peers.imap_script import FAULTS, STEPS, ImapScript
from tests.services.postroom import PATIENCE, PERSONAL, WAITS, Postroom, opened
from tests.services.world import BOB, World

pytestmark = sqlite_first

CASES = [(step, fault) for fault in FAULTS for step in STEPS if (step, fault) != ("GREETING", "no")]
# First the ones that differ most.
TELLING = [("HEADERS", "half"), ("BODY", "bye"), ("STORE", "close"), ("DONE", "mute"), ("SEARCH", "garbage")]
CASES.sort(key=lambda case: case not in TELLING)


@pytest.fixture
async def both(world: World) -> AsyncIterator[tuple[ImapScript, Postroom]]:
    async with opened(world) as opened_now:
        yield opened_now


@pytest.mark.parametrize(("step", "fault"), telling(CASES, 5))
async def test_each_fault_at_each_step_is_got_over(
    both: tuple[ImapScript, Postroom], step: str, fault: str
) -> None:
    server, room = both
    to = room.address(await room.text())
    # One that may not be marked stays as it is; so the mail after it must find all well.
    server.faults[step] = [fault] if fault == "no" else [fault, fault]
    async with room.at_work():
        server.deliver(PERSONAL % 1, room.reply(to, number=1))
        await room.acted_on(1)
        await server.did("IDLE", server.said.count("IDLE") + 1)
        (last,) = server.deliver(room.reply(to, "and more", number=2))
        await room.acted_on(2)
        await server.seen(last)
    assert [arrived.reading.words for arrived in room.acted] == ["ok", "and more"]
    assert await room.endings() == ["done", "done"]
    assert server.mails[1].flags == set()


async def test_what_lay_there_before_the_first_start_is_left_alone(world: World) -> None:
    await world.register(BOB)
    async with ImapScript() as server:
        room = Postroom(world, server)
        to = room.address(await room.text())
        server.deliver(room.reply(to, "old", number=1))
        async with room.at_work():
            await server.did("IDLE")
            server.deliver(room.reply(to, "new", number=2))
            await server.seen(2)
    assert [arrived.reading.words for arrived in room.acted] == ["new"]
    assert server.mails[1].flags == set()
    assert server.asked.count("BODY 1") + server.asked.count("HEADERS 1") == 0


async def test_what_came_while_the_bot_was_away_is_read_at_the_next_start(
    both: tuple[ImapScript, Postroom],
) -> None:
    server, room = both
    to = room.address(await room.text())
    async with room.at_work():
        await server.did("IDLE")
    server.deliver(room.reply(to))
    async with room.at_work():
        await server.seen(1)
    assert len(room.acted) == 1


async def test_a_folder_numbered_anew_gives_nothing_twice_and_nothing_too_old(
    both: tuple[ImapScript, Postroom],
) -> None:
    server, room = both
    to, now = room.address(await room.text()), room.world.clock()
    long_ago = [
        now - timedelta(days=days) for days in (400, 3)
    ]  # one of them left out by the server's search
    for number, at in enumerate(long_ago, 8):
        server.deliver(room.reply(to, "long ago", number=number), at=at)
    await room.read_from(3)
    async with room.at_work():
        server.deliver(room.reply(to, "one", number=1), PERSONAL % 1, at=now)
        await room.acted_on(1)
        await server.seen(3)
        server.renumber()
        server.hang_up()
        server.deliver(room.reply(to, "two", number=2), at=now)
        await room.acted_on(2)
        await server.seen(5)
    assert [arrived.reading.words for arrived in room.acted] == ["one", "two"]
    assert await room.endings() == ["done", "done"]
    assert server.mails[1].flags == server.mails[2].flags == server.mails[4].flags == set()
    assert "HEADERS 1" not in server.asked


async def test_what_is_new_is_read_whatever_the_clocks_say(both: tuple[ImapScript, Postroom]) -> None:
    server, room = both
    to = room.address(await room.text())
    async with room.at_work():
        for number, days in enumerate((-4_000, 4_000), 1):
            (uid,) = server.deliver(
                room.reply(to, number=number), at=room.world.clock() + timedelta(days=days)
            )
            await server.seen(uid)
    assert len(room.acted) == 2


async def test_a_folder_that_is_moved_away_and_back_is_read_again_and_the_operator_hears_once(
    both: tuple[ImapScript, Postroom],
) -> None:
    server, room = both
    to = room.address(await room.text())
    server.folder = "Elsewhere"
    async with room.at_work():
        await server.did("EXAMINE", 4)
        server.folder = "INBOX"
        server.deliver(room.reply(to))
        await server.seen(1)
    told = [notice.words for notice in await room.world.notices(OPERATOR)]
    assert [words for words in told if "IMAP_FOLDER" in words] == told
    assert len(told) == 1


async def test_a_mail_that_vanishes_while_it_is_fetched_is_nobodys(both: tuple[ImapScript, Postroom]) -> None:
    server, room = both
    to = room.address(await room.text())
    server.faults["HEADERS"], server.faults["BODY"] = ["", "expunged"], ["expunged"]
    async with room.at_work():
        for number in (1, 2, 3):
            (uid,) = server.deliver(room.reply(to, f"number {number}", number=number))
            await server.did("IDLE", server.said.count("IDLE") + 2)
        await server.seen(uid)
    assert [arrived.reading.words for arrived in room.acted] == ["number 3"]
    assert list(server.mails) == [3]


async def test_a_wrong_password_is_told_to_the_operator_once(both: tuple[ImapScript, Postroom]) -> None:
    server, room = both
    to = room.address(await room.text())
    server.password = "changed"
    async with room.at_work():
        await server.did("LOGIN", 4)
        server.password = "right"
        server.deliver(room.reply(to))
        await server.seen(1)
    (notice,) = await room.world.notices(OPERATOR)
    assert notice.words.endswith("Check IMAP_USERNAME and IMAP_PASSWORD.")
    patience = Patience()
    assert (patience.login_first, patience.login_longest) == (60, 1800)
    assert patience.longest + Waits().idle <= 60  # whatever else goes wrong is got over within a minute


async def test_a_server_with_too_many_connections_is_asked_again(both: tuple[ImapScript, Postroom]) -> None:
    server, room = both
    to = room.address(await room.text())
    server.most_connections = 0
    async with room.at_work():
        server.deliver(room.reply(to))
        await server.connected(3)
        server.most_connections = 15
        await server.seen(1)
    assert await room.world.notices(OPERATOR) == []


async def test_a_server_without_idle_is_asked_again_and_again(world: World) -> None:
    async with opened(world, idles=False) as (server, room):
        to = room.address(await room.text())
        async with room.at_work():
            await server.did("NOOP")
            server.deliver(room.reply(to))
            await server.seen(1)
        assert len(room.acted) == 1
        assert "IDLE" not in server.said


async def test_a_flood_of_other_peoples_mails_is_read_by_its_headers_alone(
    both: tuple[ImapScript, Postroom], size: Size
) -> None:
    server, room = both
    to = room.address(await room.text())
    many = size.pick(10_000, plain=1_000)
    server.deliver(*(PERSONAL % number for number in range(many)))
    (uid,) = server.deliver(room.reply(to))
    async with room.at_work():
        await server.seen(uid, 60)
    assert len(room.acted) == 1
    assert [asked for asked in server.asked if asked.startswith("BODY")] == [f"BODY {uid}"]
    assert server.said.count("HEADERS") == -(-(many + 1) // HEADS_AT_ONCE)
    assert not any(mail.flags for number, mail in server.mails.items() if number != uid)
    assert len(await room.world.rows(Inbound)) == 1


async def test_each_mail_is_looked_at_once_while_the_line_stands(both: tuple[ImapScript, Postroom]) -> None:
    server, room = both
    patient = replace(WAITS, idle=0.05, reselect=60)
    async with room.at_work(waits=patient):
        for number in range(1, 4):
            server.deliver(PERSONAL % number)
            await server.did("HEADERS", number)
            await server.did("IDLE", server.said.count("IDLE") + 3)
    assert server.asked == ["HEADERS 1", "HEADERS 2", "HEADERS 3"]
    assert server.said.count("EXAMINE") == 1


@pytest.mark.parametrize("step", telling(["GREETING", "IDLE", "BODY", "SEARCH", "LOGIN"], 2))
async def test_a_stop_does_not_wait_for_a_server_that_says_nothing(
    both: tuple[ImapScript, Postroom], step: str
) -> None:
    server, room = both
    to = room.address(await room.text())
    server.faults[step] = ["mute"] * 9
    patient = replace(WAITS, connect=30, command=30, idle=30, operation=60)
    async with room.at_work(waits=patient):
        server.deliver(room.reply(to))
        await server.did(step)
    # What stops late fails in at_work().


async def test_a_server_that_cries_wolf_is_not_asked_without_end(both: tuple[ImapScript, Postroom]) -> None:
    server, room = both
    to, server.chatty = room.address(await room.text()), True
    clock = asyncio.get_running_loop().time
    async with room.at_work(patience=replace(PATIENCE, first=0.2)):
        await server.did("IDLE", MOST_AT_ONCE + 1)
        began = clock()
        await server.did("IDLE", MOST_AT_ONCE + 4)
        assert clock() - began > 0.3
        server.deliver(room.reply(to))
        await server.seen(1)


async def test_a_line_that_is_dead_is_given_up(both: tuple[ImapScript, Postroom]) -> None:
    server, room = both
    to = room.address(await room.text())
    server.faults["DONE"] = ["mute"]  # what a half-open connection looks like: nothing comes any more
    async with room.at_work():
        await server.did("DONE", 2)
        server.deliver(room.reply(to))
        await server.seen(1)
    assert len(room.acted) == 1
