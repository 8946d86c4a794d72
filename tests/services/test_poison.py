"""One bad mail, or one bad row, holds up nobody else."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import update

from bot.db.tables import Registration, TextRow
from bot.domain.returns import Returns
from bot.services.inbox import MOST_ACTS
from bot.services.notices import Teller
from tests.db.stores import sqlite_first
from tests.services.postroom import AUTHSERV, PATTERN, Postroom, opened
from tests.services.test_notices import Discord
from tests.services.test_texting import answer_token
from tests.services.world import ANN, BOB, CARL, Road, World, work

pytestmark = sqlite_first


@pytest.fixture
async def room(world: World) -> AsyncIterator[Postroom]:
    async with opened(world) as (_, postroom):
        yield postroom


async def test_a_header_that_the_library_stumbles_over_stalls_no_inbox(room: Postroom) -> None:
    odd = f"Authentication-Results: {AUTHSERV}; x=y; none\r\n"
    to = room.address(await room.text())
    async with room.at_work():
        room.server.deliver(room.reply("bot@example.org", "odd", more=odd), room.reply(to, "ok", number=2))
        await room.acted_on(2)
    assert [one.reading.words for one in room.acted] == ["odd", "ok"]


async def test_headers_that_meet_a_bug_hold_up_the_others_for_a_few_tries(room: Postroom) -> None:
    whole = room.returns

    def mac(words: bytes) -> bytes:
        if words.startswith(b"address\0" + bytes(8)):
            raise RuntimeError("a bug")
        return room.world.store.vault.token_mac(words)

    room.returns = Returns(PATTERN, mac)
    text_id = await room.text()
    role = room.role()
    bad = room.reply(f"bot+{'a' * 32}@example.org", "bad", number=1)
    room.server.deliver(bad, room.reply(whole.address(text_id, room.world.clock()), "good", number=2))
    for _ in range(MOST_ACTS):
        with pytest.raises(RuntimeError):
            await role.inbox.look()
    await role.inbox.look()
    role.mailbox.close()
    await role.reader.close()
    assert [one.reading.words for one in room.acted] == ["good"]
    assert [mail.flags for mail in room.server.mails.values()] == [set(), {r"\Seen"}]


async def test_a_time_zone_that_the_system_knows_no_more_stalls_no_relay(world: World, road: Road) -> None:
    for person in (BOB, CARL):
        await world.register(person)
    texts = [await world.text(ANN, person) for person in (BOB, CARL)]
    gone = {"quiet_start": 0, "quiet_end": 1, "quiet_zone": "Mars/Olympus"}
    async with world.store.write() as session:
        await session.execute(update(Registration).where(Registration.person_id == BOB).values(gone))
    await work(world.relay(road))
    assert [(await world.standing(text_id))[0] for text_id in texts] == ["accepted", "accepted"]
    assert await world.text(ANN, BOB)


async def test_a_damaged_token_of_an_answer_keeps_nobody_else_s_word(world: World, road: Road) -> None:
    await world.register(BOB)
    texts = [await world.text(who, BOB, answer=answer_token(world.clock)) for who in (ANN, CARL)]
    async with world.store.write() as session:
        torn = update(TextRow).where(TextRow.id == texts[0]).values(answer_sealed=b"\x00")
        await session.execute(torn)
    await work(world.relay(road), passes=2)
    discord = Discord()
    await Teller(world.store, discord.tell, lambda _: False, world.clock).one_pass()
    assert {telling.person_id: telling.answer is None for telling in discord.said} == {ANN: True, CARL: False}
