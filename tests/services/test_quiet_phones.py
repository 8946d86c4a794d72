"""A phone without a sign of life for a year takes no texts until it is proved again (T22)."""

import asyncio
from datetime import timedelta

import pytest

from bot.db.tables import Consent, Mark, OutboxItem, Registration
from bot.domain.errors import UserError
from bot.domain.inbound import Kind, Trust
from bot.domain.states import State
from bot.domain.words import CODE_SENT, QUIET_TOLD, REFUSAL
from bot.services import phone, proving_again, quiet_phones
from bot.services.quiet_phones import see_to_quiet
from tests.services.arriving import arrives
from tests.services.world import ANN, BOB, CARL, Clock, Road, World, work

YEAR = 365


async def look(world: World, **how: float) -> None:
    """Let days pass, each with its look, as a bot does that runs on."""
    end = world.clock.at + timedelta(**how)
    while world.clock.at < end:
        world.clock.at = min(end, world.clock.at + timedelta(days=5))
        await see_to_quiet(world.store, world.clock(), asyncio.Event())


async def states(world: World) -> dict[int, str]:
    return {row.person_id: row.state for row in await world.rows(Registration)}


async def prove_again(world: World, person: int) -> str:
    who = (person, f"person{person}", world.shelf, world.limits, world.clock())
    return str(await world.write(proving_again.ask, *who))


async def test_after_a_year_without_a_sign_it_takes_no_texts_and_its_owner_hears_once(world: World) -> None:
    await world.register(BOB)
    await look(world, days=YEAR)
    assert await states(world) == {BOB: "active"}
    text = await world.text(ANN, BOB)
    await look(world, days=1)
    assert await states(world) == {BOB: "quiet"}
    assert await world.refused(ANN, BOB) == REFUSAL
    await look(world, days=20)
    assert [notice.words for notice in await world.notices(BOB)] == [QUIET_TOLD]
    road = Road()
    await work(world.relay(road))
    assert road.tried == []
    assert (await world.standing(text))[0] in (State.CANCELLED, State.EXPIRED)


async def test_a_code_typed_meanwhile_begins_a_new_year(world: World) -> None:
    await world.register(BOB)
    await world.register(CARL)
    await look(world, days=200)
    await world.register(BOB)
    await look(world, days=YEAR - 1)
    assert await states(world) == {BOB: "active", CARL: "quiet"}


async def test_the_way_back_is_one_code_to_the_same_phone(world: World, clock: Clock) -> None:
    await world.register(BOB)
    await look(world, days=YEAR + 1)
    shown = await world.write(phone.show, BOB, world.shelf, clock())
    assert (
        "It takes no texts: it has shown no sign of life here for a year and must be proved again." in shown
    )
    async with world.store.read() as session:
        assert (await phone.helps(session, BOB)).prove
    assert await prove_again(world, BOB) == CODE_SENT
    assert "until you type the code" in await world.write(phone.show, BOB, world.shelf, clock())
    checked = await world.type_code(BOB, await world.code_of(BOB))
    assert checked.proven
    assert await states(world) == {BOB: "active"}
    await world.text(ANN, BOB)
    assert [row.kind for row in await world.rows(Consent, Consent.person_id == BOB)][-2:] == [
        "prove again",
        "verified",
    ]
    async with world.store.read() as session:
        assert not (await phone.helps(session, BOB)).prove
    await look(world, days=YEAR)
    assert await states(world) == {BOB: "active"}


async def test_the_caps_of_codes_hold_for_it_too(world: World) -> None:
    await world.register(BOB)
    await look(world, days=YEAR + 1)
    for _ in range(5):
        assert await prove_again(world, BOB) == CODE_SENT
    codes = await world.rows(OutboxItem, OutboxItem.queue == -BOB)
    assert len(codes) == 3
    await prove_again(world, BOB)
    with pytest.raises(UserError, match="asked for many codes"):
        await prove_again(world, BOB)


async def test_nobody_else_proves_what_is_not_quiet(world: World) -> None:
    await world.register(BOB)
    for person, why in ((ANN, "no phone registered"), (BOB, "nothing to prove again")):
        with pytest.raises(UserError, match=why):
            await prove_again(world, person)


async def test_somebody_else_who_has_the_number_now_takes_it_over(world: World) -> None:
    await world.register(BOB)
    await look(world, days=YEAR + 1)
    await world.register(CARL, typed_number="206 555 0102")
    assert await states(world) == {CARL: "active"}


async def test_a_clock_that_leaps_a_year_silences_nobody_that_day(world: World, clock: Clock) -> None:
    await world.register(BOB)
    await look(world, days=5)
    right = clock.at
    clock.forward(days=YEAR)
    for _ in range(3):
        await see_to_quiet(world.store, clock(), asyncio.Event())
        if clock.at != right:
            assert await states(world) == {BOB: "active"}
        clock.at = right
    assert await states(world) == {BOB: "active"}
    assert await world.notices(BOB) == []


async def test_a_first_look_only_begins(world: World, clock: Clock) -> None:
    await world.register(BOB)
    clock.forward(days=YEAR + 1)
    await see_to_quiet(world.store, clock(), asyncio.Event())
    assert await states(world) == {BOB: "active"}
    assert [row.value for row in await world.rows(Mark)] == [clock().date().isoformat()]
    clock.forward(days=1)
    await see_to_quiet(world.store, clock(), asyncio.Event())
    assert await states(world) == {BOB: "quiet"}


async def test_many_at_once_are_all_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet_phones, "AT_ONCE", 2)
    people = range(100, 105)
    for person in people:
        await world.register(person, typed_number=f"206 555 0{person}")
    await look(world, days=YEAR + 1)
    assert set((await states(world)).values()) == {"quiet"}
    assert [len(await world.notices(person)) for person in people] == [1] * 5


async def test_an_answer_that_is_proven_begins_a_new_year_and_a_doubtful_one_does_not(world: World) -> None:
    texts = {}
    for person in (BOB, CARL):
        await world.register(person)
        texts[person] = await world.text(ANN, person)
    await work(world.relay(Road()))
    await look(world, days=200)
    await arrives(world, Kind.REPLY, texts[BOB], "still me", person=BOB)
    await arrives(world, Kind.REPLY, texts[CARL], "me too", person=CARL, trust=Trust.UNPROVEN)
    await look(world, days=YEAR - 1)
    assert await states(world) == {BOB: "active", CARL: "quiet"}
