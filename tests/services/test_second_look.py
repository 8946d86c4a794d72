"""What changed while a text waited counts: the claim asks again (dangers T25)."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import update

from bot.db.tables import OutboxItem, Registration, Verification
from bot.domain.consent import NOBODY
from bot.domain.outcome import Reply, Step
from bot.domain.states import State
from bot.domain.words import CODE_UNBUILT, REFUSAL, STOPPED_HERE, standing
from bot.services import audience, bridge, carriers, phone
from bot.services.carrier_change import Actor, Change
from tests.services.world import ANN, BOB, CARL, GUILD, Clock, Road, World, work

EDITOR = Actor(1, GUILD, is_editor=True, is_admin=True)


async def block(world: World) -> None:
    await world.write(phone.block, BOB, ANN, world.clock())


async def pause(world: World) -> None:
    await world.write(phone.pause, BOB, 1, world.clock())


async def remove(world: World) -> None:
    await world.write(phone.remove, BOB, world.clock())


async def remove_and_register_again(world: World) -> None:
    await remove(world)
    await world.register(BOB)


async def allow_nobody(world: World) -> None:
    await world.write(phone.allow, BOB, GUILD, NOBODY, world.clock())


async def list_others(world: World) -> None:
    await world.write(audience.list_senders, BOB, GUILD, [(CARL, False)], world.clock())


async def change_number(world: World) -> None:
    await world.register(BOB, typed_number="206 555 0177")


async def lose_the_number(world: World) -> None:
    await world.register(CARL, typed_number="206 555 0102")


async def disable_the_carrier(world: World) -> None:
    await world.write(carriers.switch, world.shelf, EDITOR, "us-one", False, world.clock(), confirmed=True)


async def remove_the_carrier(world: World) -> None:
    await world.write(carriers.remove, world.shelf, EDITOR, "us-one", world.clock(), confirmed=True)


async def move_the_gateway(world: World) -> None:
    change = Change(domain="two.example.net")
    await world.write(carriers.edit, world.shelf, EDITOR, "us-one", change, world.clock(), confirmed=True)


CHANGES = [block, pause, remove, remove_and_register_again, allow_nobody, list_others, change_number,
           lose_the_number, disable_the_carrier, remove_the_carrier, move_the_gateway]  # fmt: skip


async def bar_the_sender(world: World) -> None:
    await world.write(bridge.block, GUILD, CARL, ANN, world.clock())


async def pause_the_guild(world: World) -> None:
    await world.write(bridge.pause, GUILD, CARL, 1, world.clock())


async def switch_the_guild_off(world: World) -> None:
    await world.write(bridge.change, GUILD, CARL, "settings", {"texting": False}, world.clock())


@pytest.mark.parametrize("change", [bar_the_sender, pause_the_guild, switch_the_guild_off])
async def test_what_admins_stop_is_cancelled_too_and_its_sender_told_who_to_ask(
    world: World, road: Road, change: Callable[[World], Awaitable[None]]
) -> None:
    await world.register(BOB)
    text = await world.text(ANN, BOB)
    await change(world)
    await work(world.relay(road), 3)
    assert road.tried == []
    assert await world.standing(text) == (State.CANCELLED, STOPPED_HERE, 0)
    assert "An admin of that server" in standing("@bob", State.CANCELLED, STOPPED_HERE, 1, 0)
    assert [notice.text_id for notice in await world.notices(ANN)] == [text]


@pytest.mark.parametrize("change", CHANGES)
async def test_a_text_that_may_no_longer_go_is_cancelled_and_its_sender_told(
    world: World, road: Road, change: Callable[[World], Awaitable[None]]
) -> None:
    await world.register(BOB)
    text = await world.text(ANN, BOB, "hello " * 60)
    await change(world)
    await work(world.relay(road), 3)
    assert [mail for mail in road.tried if "hello" in mail.words] == []
    assert await world.items(text) == ["cancelled"] * 3
    state, reason, sent = await world.standing(text)
    assert (state, sent) == (State.CANCELLED, 0)
    assert standing("@bob", state, reason, 3, sent) == REFUSAL
    assert [notice.text_id for notice in await world.notices(ANN)] == [text]
    assert {row.words_sealed for row in await world.rows(OutboxItem, OutboxItem.text_id == text)} == {None}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_stops_the_parts_that_are_left(
    world: World, road: Road, change: Callable[[World], Awaitable[None]]
) -> None:
    await world.register(BOB)
    text = await world.text(ANN, BOB, "hello " * 60)
    road.open.clear()
    relay = world.relay(road)
    await relay.one_pass()
    await road.begun.wait()
    await change(world)
    relay.recall()
    road.open.set()
    await work(relay, 3)
    assert [mail.words.splitlines()[0][-5:] for mail in road.taken] == ["(1/3)"]
    assert await world.items(text) == ["sent", "cancelled", "cancelled"]
    assert await world.standing(text) == (State.CANCELLED, "", 1)


async def test_an_unblock_in_time_lets_the_text_go(world: World, road: Road) -> None:
    await world.register(BOB)
    text = await world.text(ANN, BOB)
    await block(world)
    await world.write(phone.unblock, BOB, ANN)
    await work(world.relay(road))
    assert await world.standing(text) == (State.ACCEPTED, "", 1)


async def test_a_code_that_was_replaced_is_not_sent(world: World, road: Road) -> None:
    await world.ask_code(ANN, typed_number="206 555 0111")
    await world.ask_code(ANN, typed_number="206 555 0112")
    await work(world.relay(road), 2)
    assert [mail.address for mail in road.taken] == ["2065550112@one.example.net"]


async def test_a_code_whose_number_another_asked_for_is_not_sent(world: World, road: Road) -> None:
    await world.ask_code(ANN, typed_number="206 555 0111")
    await world.ask_code(BOB, typed_number="206 555 0111")
    await work(world.relay(road), 2)
    assert [mail.words[6:42] for mail in road.taken] == [" is your Textbridge code for @person1"[:36]]
    assert "@person12." in road.taken[0].words


async def test_a_text_that_may_have_arrived_is_not_refused_afterwards(
    world: World, road: Road, clock: Clock
) -> None:
    await world.register(BOB)
    text = await world.text(ANN, BOB)
    road.answer = lambda _: Reply(Step.BODY, None)
    relay = world.relay(road)
    await work(relay)
    await block(world)
    clock.forward(minutes=15)
    await work(relay)
    assert len(road.tried) == 1
    assert await world.standing(text) == (State.FAILED, "unsure", 0)


async def spoil(world: World, table: type[Any], **values: object) -> None:
    async with world.store.write() as session:
        await session.execute(update(table).values(**values))


UNFIT, UNREADABLE = "+298211234", b"sealed under another key"


@pytest.mark.parametrize(
    ("table", "column", "unfit"),
    [(OutboxItem, "words_sealed", False), (Registration, "number_sealed", False),
     (Registration, "number_sealed", True)],
)  # fmt: skip
async def test_a_text_that_no_mail_can_be_made_of_holds_nothing_else_up(
    world: World, road: Road, caplog: pytest.LogCaptureFixture, table: type[Any], column: str, unfit: bool
) -> None:
    await world.register(BOB)
    spoilt = await world.text(ANN, BOB, "hello " * 60)
    await spoil(world, table, **{column: world.store.vault.seal(UNFIT) if unfit else UNREADABLE})
    await world.register(CARL)
    fine = await world.text(ANN, CARL)
    await work(world.relay(road), 3)
    assert (await world.standing(fine))[0] == State.ACCEPTED
    state, reason, sent = await world.standing(spoilt)
    assert (state, reason, sent) == (State.FAILED, "unbuilt", 0)
    assert await world.items(spoilt) == ["refused", "cancelled", "cancelled"]
    assert standing("@bob", state, reason, 3, sent).startswith("Not sent. The bot could not make a mail")
    assert "no mail can be made of it" in caplog.text
    assert "298211234" not in caplog.text


async def test_a_code_that_no_mail_can_be_made_of_holds_nothing_else_up(world: World, road: Road) -> None:
    await world.ask_code(ANN)
    await spoil(world, Verification, number_sealed=UNREADABLE)
    await world.ask_code(BOB)
    await work(world.relay(road))
    assert [mail.address for mail in road.taken] == ["2065550102@one.example.net"]
    assert [notice.words for notice in await world.notices(ANN)] == [CODE_UNBUILT]
