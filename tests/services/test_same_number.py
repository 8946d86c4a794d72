"""Whose word an answer is after its phone was proved again, or after another number took its place."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.db.people import QUIET, RETURNED, SUSPENDED, UNPROVEN
from bot.db.tables import Consent, Registration, Reply
from bot.domain.inbound import Kind, Trust
from bot.services.arrivals import Acted
from tests.db.stores import sqlite_first
from tests.services.arriving import arrives, sent
from tests.services.postroom import Postroom, opened
from tests.services.test_inbox_rules import about, belonging
from tests.services.world import BOB, CARL, NUMBERS, Road, World

pytestmark = sqlite_first
ELSEWHERE = "bob@phones.example"


@pytest.fixture
async def room(world: World) -> AsyncIterator[Postroom]:
    async with opened(world) as (_, postroom):
        yield postroom


@pytest.mark.parametrize("author", ["2065550102@one.example.net", ELSEWHERE])
async def test_a_new_proof_of_the_same_number_makes_no_conversation_an_earlier_phone_s(
    room: Postroom, author: str
) -> None:
    text_id = await room.text()
    await room.world.register(BOB)
    found = await belonging(room, room.reply(room.address(text_id), author=author))
    assert found == about(text_id, Trust.ADDRESSED)


async def test_a_number_that_came_back_is_not_the_one_it_was(room: Postroom) -> None:
    text_id = await room.text()
    await room.world.register(BOB, typed_number=NUMBERS[CARL])
    await room.world.register(BOB)
    found = await belonging(room, room.reply(room.address(text_id)))
    assert found == replace(about(text_id, Trust.ADDRESSED), earlier=True)


async def test_our_own_words_may_have_gone_to_another_number_before(room: Postroom) -> None:
    to = room.address(-BOB)
    assert await belonging(room, room.reply(to, author=ELSEWHERE)) == about(None, Trust.ADDRESSED)
    room.acted.clear()
    await room.world.register(BOB, typed_number=NUMBERS[CARL])
    found = await belonging(room, room.reply(to, number=2, author=ELSEWHERE))
    assert found == replace(about(None, Trust.ADDRESSED), earlier=True)


async def test_what_a_phone_answers_that_was_silent_for_a_year_waits(room: Postroom) -> None:
    text_id = await room.text()
    async with room.world.store.write() as session:
        await session.execute(
            Registration.__table__.update().values(state=QUIET, version=Registration.version + 1)
        )
    await belonging(room, room.reply(room.address(text_id), "who is this?"))
    (kept,) = await room.world.rows(Reply)
    assert (kept.held, kept.proven) == (True, False)


@pytest.mark.parametrize("state", [QUIET, RETURNED, UNPROVEN, SUSPENDED])
async def test_a_stop_is_noted_and_told_once_also_where_no_texts_went_anyway(
    world: World, state: str
) -> None:
    await world.register(BOB)
    text = await sent(world, Road())
    async with world.store.write() as session:
        await session.execute(Registration.__table__.update().values(state=state))
    for _ in range(2):
        assert await arrives(world, Kind.STOP, text, "stop") is Acted.STOP
    told = [notice.words for notice in await world.notices(BOB)]
    assert [words[:27] for words in told] == ["STOP came from your phone, "]
    assert [row.kind for row in await world.rows(Consent, Consent.kind == "stop")] == ["stop"]
    (phone,) = await world.rows(Registration)
    assert phone.state == state
