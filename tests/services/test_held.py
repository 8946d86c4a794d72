"""Texts in quiet hours are held, hold up nobody, and are asked about once more when the hours end."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from bot.db.tables import Introduction, OutboxItem
from bot.domain.render import footer
from bot.domain.states import State
from bot.domain.words import REFUSAL, standing
from bot.services import audience, phone
from bot.services.cleaning import clean
from bot.services.texting import Rules, accept
from tests.conftest import telling
from tests.services.test_second_look import CHANGES
from tests.services.world import ANN, BOB, CARL, GUILD, START, Clock, Road, World, work

# The world starts at noon, UTC.
ENDS = START.replace(hour=17)
HELD = (State.HELD, str(int(ENDS.timestamp())), 0)


async def quiet(world: World, start: str = "9:00", end: str = "17:00") -> None:
    await world.write(audience.set_quiet, BOB, start, end, "UTC", world.clock())


async def test_a_text_in_quiet_hours_is_held_and_goes_when_they_end(
    world: World, road: Road, clock: Clock
) -> None:
    await world.register(BOB)
    await quiet(world)
    text = await world.text(ANN, BOB, "hello " * 60)
    assert await world.standing(text) == HELD
    relay = world.relay(road)
    for _ in range(4):
        await work(relay, 2)
        await world.write(clean, clock())
        assert (road.tried, await world.items(text)) == ([], ["held"] * 3)
        clock.forward(hours=1)
    clock.at = ENDS - timedelta(seconds=1)
    await work(relay, 2)
    assert road.tried == []
    clock.at = ENDS
    await work(relay, 4)
    assert [mail.words.partition("\n")[0][-5:] for mail in road.taken] == ["(1/3)", "(2/3)", "(3/3)"]
    assert await world.standing(text) == (State.ACCEPTED, "", 3)


async def test_what_waits_as_quiet_hours_begin_is_held_and_its_sender_told(
    world: World, road: Road, clock: Clock
) -> None:
    await world.register(BOB)
    await quiet(world, "12:05")
    text = await world.text(ANN, BOB)
    (before,) = await world.rows(OutboxItem, OutboxItem.text_id == text)
    clock.forward(minutes=5)
    relay = world.relay(road)
    await work(relay, 2)
    assert road.tried == []
    assert await world.standing(text) == HELD
    assert [notice.text_id for notice in await world.notices(ANN)] == [text]
    (after,) = await world.rows(OutboxItem, OutboxItem.text_id == text)
    # The hours cost it nothing of the time that it is worth sending.
    assert after.expires_at - before.expires_at == ENDS - clock()
    assert (after.turn, after.lease_owner) == (None, None)
    clock.at = ENDS
    await work(relay, 3)
    assert await world.standing(text) == (State.ACCEPTED, "", 1)


async def test_a_held_text_holds_up_nobody(world: World, road: Road, clock: Clock) -> None:
    await world.register(BOB)
    await world.register(CARL)
    await quiet(world)
    await world.text(ANN, BOB, "held")
    await world.text(ANN, CARL, "to Carl")
    await world.write(audience.let_through, BOB, [CARL], clock())
    await world.text(CARL, BOB, "urgent")
    await world.text(ANN, CARL, "to Carl again")
    await work(world.relay(road), 3)
    assert sorted(road.said()) == ["to Carl", "to Carl again", "urgent"]


async def test_held_texts_take_turns_when_they_are_released(world: World, road: Road, clock: Clock) -> None:
    await world.register(BOB)
    await quiet(world)
    for place in range(5):
        await world.text(ANN, BOB, f"Ann {place}")
    await world.text(CARL, BOB, "Carl")
    clock.at = ENDS
    await work(world.relay(road), 8)
    said = road.said()
    assert sorted(said) == ["Ann 0", "Ann 1", "Ann 2", "Ann 3", "Ann 4", "Carl"]
    assert said.index("Carl") <= 2


@pytest.mark.parametrize("change", telling(CHANGES, 3))
async def test_whoever_changes_their_mind_while_a_text_is_held_gets_nothing(
    world: World, road: Road, clock: Clock, change: Callable[[World], Awaitable[None]]
) -> None:
    await world.register(BOB)
    await quiet(world)
    text = await world.text(ANN, BOB, "not for him any more")
    await change(world)
    relay = world.relay(road)
    await work(relay)
    clock.at = ENDS
    await work(relay, 4)
    assert [mail for mail in road.tried if "any more" in mail.words] == []
    state, reason, sent = await world.standing(text)
    assert state == State.CANCELLED
    assert standing("@bob", state, reason, 1, sent) == REFUSAL
    assert {notice.text_id for notice in await world.notices(ANN)} == {text}


async def test_remove_cancels_what_is_held_at_once(world: World) -> None:
    await world.register(BOB)
    await quiet(world)
    text = await world.text(ANN, BOB)
    await world.write(phone.remove, BOB, world.clock())
    assert await world.items(text) == ["cancelled"]
    assert await world.standing(text) == (State.CANCELLED, "", 0)
    (mail,) = await world.rows(OutboxItem, OutboxItem.text_id == text)
    assert mail.words_sealed is None


async def test_ending_quiet_hours_lets_held_texts_go_now(world: World, road: Road) -> None:
    await world.register(BOB)
    await quiet(world)
    text = await world.text(ANN, BOB)
    await quiet(world, "9:00", "13:00")
    relay = world.relay(road)
    await work(relay, 3)
    sooner = START.replace(hour=13)
    assert await world.standing(text) == (State.HELD, str(int(sooner.timestamp())), 0)
    (mail,) = await world.rows(OutboxItem, OutboxItem.text_id == text)
    assert mail.expires_at == sooner + world.expires
    await world.write(audience.set_quiet, BOB, "off", None, None, world.clock())
    world.clock.forward(seconds=2)
    await work(relay, 3)
    assert await world.standing(text) == (State.ACCEPTED, "", 1)


async def test_who_came_by_a_listed_role_goes_while_the_role_is_listed(world: World, road: Road) -> None:
    friends, others = 901, 902
    await world.register(BOB)
    now = world.clock()
    await world.write(audience.list_senders, BOB, GUILD, [(friends, True), (CARL, False)], now)
    assert await world.refused(ANN, BOB, sender_roles=(others,)) == REFUSAL
    first = await world.text(ANN, BOB, "first", sender_roles=(others, friends))
    await work(world.relay(road), 2)
    assert await world.standing(first) == (State.ACCEPTED, "", 1)
    second = await world.text(ANN, BOB, "second", sender_roles=(friends,))
    third = await world.text(CARL, BOB, "third")
    await world.write(audience.list_senders, BOB, GUILD, [(CARL, False)], now)
    await work(world.relay(road, owner=2), 3)
    assert (await world.standing(second))[0] == State.CANCELLED
    assert (await world.standing(third))[0] == State.ACCEPTED


async def test_a_first_text_that_never_went_leaves_it_to_the_next_to_say_how_to_stop(
    world: World, road: Road
) -> None:
    stop = footer("", has_inbox=True)
    rules = Rules(None, timedelta(hours=12), world.shelf, lambda: stop)
    await world.register(BOB)

    async def send(words: str, *senders: int) -> None:
        requests = [world.request(sender, BOB, words) for sender in senders]
        async with world.store.write() as session:
            await accept(session, requests, rules, world.clock())

    await send("lost", ANN)
    await world.write(phone.pause, BOB, 1, world.clock())
    relay = world.relay(road)
    await work(relay, 2)
    assert await world.rows(Introduction) == []
    await world.write(phone.resume, BOB)
    await send("hello", ANN, ANN, CARL)
    await work(relay, 4)
    assert sorted(road.said()) == ["hello", "hello\nReply STOP to stop.", "hello\nReply STOP to stop."]
    assert len(await world.rows(Introduction)) == 2
    await world.write(phone.remove, BOB, world.clock())
    assert await world.rows(Introduction) == []
