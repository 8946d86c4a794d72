"""What has served is deleted, and what nothing would move any more comes to an end."""

import asyncio
from datetime import timedelta

from bot.db import inbound, leases, outbox
from bot.db.inbound import Taken
from bot.db.tables import Inbound, Notice, OutboxItem, Verification
from bot.domain.states import Item, State
from bot.loop import wait_for_any
from bot.services.cleaning import KEEP_TEXTS, clean
from bot.services.registration import CODE_LIFE
from bot.services.standing import update_standings
from tests.services.world import ANN, BOB, Clock, Road, World, work


async def test_a_registration_that_nobody_finished_is_forgotten(world: World, clock: Clock) -> None:
    await world.ask_code(ANN)
    clock.at += CODE_LIFE - timedelta(seconds=1)
    await world.write(clean, clock())
    assert len(await world.rows(Verification)) == 1
    clock.forward(seconds=1)
    await world.write(clean, clock())
    assert await world.rows(Verification) == []


async def test_mails_that_came_in_are_remembered_as_long_as_texts(world: World, clock: Clock) -> None:
    mail = Taken("folder", 1, 1, "1@example.net", "done", "reply", "proven", BOB, None)
    assert await world.write(inbound.take, mail, clock())
    clock.at += KEEP_TEXTS
    await world.write(clean, clock())
    assert not await world.write(inbound.take, mail, clock())
    clock.forward(seconds=1)
    await world.write(clean, clock())
    assert await world.rows(Inbound) == []


async def test_a_text_is_judged_by_the_last_of_two_who_end_its_mails(world: World, road: Road) -> None:
    await world.register(BOB)
    text = await world.text(ANN, BOB, "hello " * 60)
    (first, *_) = await world.rows(OutboxItem, OutboxItem.text_id == text)
    removed, judged = asyncio.Event(), asyncio.Event()
    await world.write(leases.lease, 1, [first.id], world.clock())

    async def remove() -> None:
        async with world.store.write() as session:
            await outbox.end_waiting(session, Item.CANCELLED, queue=BOB)
            await update_standings(session, {text}, world.clock())
            removed.set()
            if not world.store.is_sqlite:
                # Whoever judges without waiting for us has judged by then.
                await wait_for_any((judged,), 0.5)

    async def record() -> None:
        await removed.wait()
        async with world.store.write() as session:
            assert await leases.finish(session, 1, [first.id], Item.SENT)
            await update_standings(session, {text}, world.clock())
            judged.set()

    await asyncio.wait_for(asyncio.gather(remove(), record()), 20)
    assert await world.standing(text) == (State.CANCELLED, "", 1)


async def test_a_queued_text_without_open_mails_is_ended(world: World, clock: Clock) -> None:
    await world.register(BOB)
    stranded, waiting = await world.text(ANN, BOB), await world.text(ANN, BOB)
    await world.write(outbox.end_waiting, Item.CANCELLED, text_id=stranded)
    await world.write(clean, clock())
    assert (await world.standing(stranded))[0] == State.CANCELLED
    assert (await world.standing(waiting))[0] == State.QUEUED
    assert [notice.text_id for notice in await world.notices(ANN)] == [stranded]


async def test_what_a_clock_that_ran_ahead_put_off_is_due_once_it_is_right(
    world: World, road: Road, clock: Clock
) -> None:
    await world.register(BOB)
    right = clock.at
    clock.forward(days=365)
    text = await world.text(ANN, BOB)
    await world.write(outbox.pull_back, clock(), timedelta(hours=1))
    clock.at = right
    await work(world.relay(road))
    assert road.tried == []
    await world.write(clean, clock())
    await work(world.relay(road))
    assert (await world.standing(text))[0] == State.ACCEPTED
    await world.write(clean, right - timedelta(days=365))
    assert {notice.due_at for notice in await world.rows(Notice)} == {right - timedelta(days=365)}
