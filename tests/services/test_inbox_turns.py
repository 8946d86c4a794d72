"""Of several processes that may read the mailbox one does at a time; where it ends, another goes on."""

import asyncio
from datetime import datetime

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.role_lock import AlreadyRunning
from bot.db.tables import Inbound, Reply
from bot.domain.inbound import Arrived
from bot.inbox_role import InboxRole
from bot.services import privacy
from tests.services.postroom import opened
from tests.services.world import BOB, World

on_postgresql = pytest.mark.parametrize("shared_store", ["postgresql"], indirect=True)
CUT = text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = 7284004")


async def run_out(role: InboxRole) -> None:
    """Run a role that is told to stop already, which lets go of all that it holds."""
    stop = asyncio.Event()
    stop.set()
    await asyncio.wait_for(role.run(stop), 4)


@pytest.mark.peer
@on_postgresql
async def test_one_process_reads_and_the_next_goes_on(world: World) -> None:
    async with opened(world) as (server, room):
        to = room.address(await room.text())
        async with room.at_work():
            await server.did("IDLE")
            waiting = room.role()
            stop = asyncio.Event()
            running = asyncio.create_task(waiting.run(stop))
            server.deliver(room.reply(to, "one", number=1))
            await server.seen(1)
            await server.did("IDLE", server.said.count("IDLE") + 2)
            assert server.said.count("LOGIN") == 1
        await server.did("LOGIN", 2)
        server.deliver(room.reply(to, "two", number=2))
        await server.seen(2)
        stop.set()
        await asyncio.wait_for(running, 4)
    assert [one.reading.words for one in room.acted] == ["one", "two"]


@pytest.mark.peer
@on_postgresql
async def test_a_reader_whose_lock_is_cut_makes_way_or_goes_on_and_nothing_acts_twice(world: World) -> None:
    async with opened(world) as (server, room):
        to = room.address(await room.text())
        async with room.at_work(), room.at_work():
            await server.did("IDLE")
            for number in range(1, 4):
                async with world.store.read() as session:
                    assert len((await session.execute(CUT)).all()) == 1
                (uid,) = server.deliver(room.reply(to, f"n{number}", number=number))
                await server.seen(uid)
                await server.did("IDLE", server.said.count("IDLE") + 2)
    assert [one.reading.words for one in room.acted] == ["n1", "n2", "n3"]


@pytest.mark.parametrize("shared_store", ["sqlite"], indirect=True)
async def test_a_sqlite_file_has_one_reader(world: World) -> None:
    async with opened(world) as (_, room):
        first, second = room.role(), room.role()
        await first.take_lock()
        with pytest.raises(AlreadyRunning):
            await second.take_lock()
        await run_out(first)
        await second.take_lock()
        await run_out(second)


@pytest.mark.peer
@on_postgresql
async def test_who_is_erased_while_a_mail_is_acted_on_leaves_no_trace(world: World) -> None:
    async with opened(world) as (server, room):
        to, erasing, act = room.address(await room.text()), set[asyncio.Task[str]](), room.act

        async def act_meanwhile(session: AsyncSession, arrived: Arrived, now: datetime) -> str:
            erasing.add(asyncio.create_task(world.write(privacy.erase, BOB, now)))
            await asyncio.wait(erasing, timeout=0.3)  # it must not get through before we are done
            return await act(session, arrived, now)

        room.act = act_meanwhile  # type: ignore[method-assign]
        async with room.at_work():
            server.deliver(room.reply(to))
            await server.seen(1)
        await asyncio.gather(*erasing)
        assert [row.person_id for row in await world.rows(Inbound)] == []
        assert await world.rows(Reply) == []
