"""Removing a phone leaves nothing of it behind, nor on the wire."""

import re

from bot.db import notices
from bot.db.base import Base
from bot.db.crypto import WrongKey
from bot.db.tables import CodeUse, Consent, Notice, OutboxItem
from bot.domain.consent import EVERYONE
from bot.domain.limits import Limits
from bot.domain.outcome import Reply, Step
from bot.domain.states import State
from bot.domain.words import REFUSAL, UNSURE, standing
from bot.services import phone
from tests.services.world import ANN, BOB, CARL, OTHER_GUILD, Clock, Road, World, work

DORA, DORAS_NUMBER = 987_654_321, "+12065550188"


NO_PHONE = "You have no phone registered. Use /phone register to add one."


# What stays after /phone remove, and why.
STAYS = {
    ("consents", "person_id"),  # the ledger of consent and its withdrawal is only ever added to
    ("texts", "recipient_id"),  # the list of those who sent: /phone sent
    ("outbox", "queue"),  # the mails of those texts, without words
    ("texts", "sender_id"),  # her own list of what she sent, and the mails of it
    ("outbox", "sender_id"),
    ("notices", "person_id"),  # only news of the texts that she sent
    ("blocks", "blocked_id"),  # others' blocks are theirs
    ("usages", "key"),  # counters: to remove and register again must not reset a cap; they end by themselves
    ("code_uses", "key"),
}


async def cells_with_dora(world: World) -> set[tuple[str, str]]:
    """Name every column, of any table, where a row holds her id."""
    found = set()
    async with world.store.read() as session:
        for table in Base.metadata.sorted_tables:
            for row in (await session.execute(table.select())).mappings():
                for name, value in row.items():
                    ids = re.findall(r"-?\d+", str(value))
                    found |= {(table.name, str(name))} if str(DORA) in ids else set()
                    found |= (
                        {(table.name, f"minus {name}")} if f"-{DORA}" in ids else set()
                    )  # the queue of codes
    return found


async def sealed_values(world: World) -> list[str]:
    """Open every sealed cell."""
    opened = []
    async with world.store.read() as session:
        for table in Base.metadata.sorted_tables:
            for row in await session.execute(table.select()):
                for value in row:
                    if isinstance(value, bytes) and table.name != "wrapped_keys":
                        try:
                            opened.append(world.store.vault.open(value))
                        except WrongKey:
                            opened.append(value.hex())
    return opened


async def a_full_life(world: World) -> tuple[int, int]:
    """Give Dora a row in every table that can hold her; returns a text to her and one from her."""
    world.limits = Limits()
    await world.register(DORA, typed_number=DORAS_NUMBER)
    await world.register(BOB)
    await world.write(phone.allow, DORA, OTHER_GUILD, EVERYONE, world.clock())
    await world.write(phone.block, DORA, CARL, world.clock())
    await world.write(phone.block, CARL, DORA, world.clock())
    done = await world.text(ANN, DORA, "first")
    await work(world.relay(Road()))
    waiting, hers = await world.text(ANN, DORA, "canary " * 40), await world.text(DORA, BOB, "from Dora")
    await world.ask_code(DORA, typed_number="206 555 0189")
    await work(world.relay(Road(answer=lambda _: Reply(Step.CONNECT, None))))
    await world.write(notices.add, DORA, "unproven", world.clock(), words="about her phone")
    await world.write(notices.add, DORA, "text", world.clock(), text_id=hers)
    assert (await world.standing(done))[0] == State.ACCEPTED
    return waiting, hers


async def test_removing_a_phone_leaves_only_what_must_stay(world: World, road: Road) -> None:
    to_her, from_her = await a_full_life(world)
    before = await cells_with_dora(world)
    assert before - STAYS == {
        ("registrations", "person_id"), ("verifications", "person_id"), ("verifications", "handle"),
        ("opt_ins", "person_id"), ("blocks", "person_id"), ("outbox", "minus queue"),
    }  # fmt: skip
    assert before >= STAYS
    said = await world.write(phone.remove, DORA, world.clock())
    assert said.startswith("Removed: ")
    assert await cells_with_dora(world) == STAYS
    opened = " ".join(await sealed_values(world))
    index = world.store.vault.number_index(DORAS_NUMBER).hex()
    for trace in (DORAS_NUMBER, "2065550189", "canary", index):
        assert trace not in opened
    assert [row.kind for row in await world.rows(Notice, Notice.person_id == DORA)] == ["text"] * 2
    assert await world.standing(to_her) == (State.CANCELLED, "", 0)
    assert len(await world.notices(ANN)) == 3
    assert await world.refused(ANN, DORA) == REFUSAL
    await work(world.relay(road), 3)
    assert (await world.standing(from_her))[0] == State.ACCEPTED
    assert [row.kind for row in await world.rows(Consent, Consent.person_id == DORA)][-1] == "withdrawn"


async def test_a_text_on_the_wire_while_its_phone_is_removed_does_not_wait_for_a_new_one(
    world: World, road: Road, clock: Clock
) -> None:
    await world.register(BOB)
    text = await world.text(ANN, BOB)
    road.open.clear()
    road.answer = lambda _: Reply(Step.RCPT, 451)
    relay = world.relay(road)
    await relay.one_pass()
    await road.begun.wait()
    await world.write(phone.remove, BOB, clock())
    await world.register(BOB, typed_number="206 555 0155")
    road.open.set()
    await relay.finish()
    clock.forward(minutes=1)
    await work(relay, 2)
    assert len(road.tried) == 1
    assert await world.standing(text) == (State.CANCELLED, "", 0)


async def test_a_text_that_may_have_arrived_is_not_called_untaken_when_its_phone_is_removed(
    world: World, road: Road
) -> None:
    await world.register(BOB)
    text = await world.text(ANN, BOB, "hello " * 60)
    road.answer = lambda _: Reply(Step.BODY, None)
    await work(world.relay(road))
    await world.write(phone.remove, BOB, world.clock())
    assert await world.items(text) == ["unsure", "cancelled", "cancelled"]
    state, reason, sent = await world.standing(text)
    assert standing("@bob", state, reason, 3, sent) == standing("@bob", State.FAILED, UNSURE, 3, 0)


async def test_a_code_on_the_wire_never_follows_to_another_number(
    world: World, road: Road, clock: Clock
) -> None:
    await world.ask_code(ANN)
    road.open.clear()
    road.answer = lambda _: Reply(Step.RCPT, 451)
    relay = world.relay(road)
    await relay.one_pass()
    await road.begun.wait()
    await world.ask_code(ANN, typed_number="206 555 0155")
    road.open.set()
    await relay.finish()
    road.answer = lambda mail: Reply(Step.BODY, 250)
    for _ in range(3):
        clock.forward(minutes=1)
        await work(relay)
    assert [mail.address[:10] for mail in road.tried] == ["2065550101", "2065550155"]
    assert road.tried[0].words != road.tried[1].words


async def test_removing_nothing_says_so_and_writes_nothing(world: World) -> None:
    assert await world.write(phone.remove, ANN, world.clock()) == NO_PHONE
    assert await world.rows(Consent) == []


async def test_removing_kills_a_code_that_waits(world: World, road: Road) -> None:
    await world.ask_code(ANN)
    code = await world.code_of(ANN)
    assert (await world.write(phone.remove, ANN, world.clock())).startswith("Removed")
    assert not (await world.type_code(ANN, code)).proven
    await work(world.relay(road))
    assert road.tried == []
    assert await world.rows(OutboxItem) == []


async def test_removing_and_registering_again_resets_no_cap(world: World) -> None:
    for _ in range(4):
        await world.ask_code(ANN)
        await world.write(phone.remove, ANN, world.clock())
    (uses,) = await world.rows(CodeUse, CodeUse.key.startswith("number:"))
    assert len(uses.times.split(",")) == 3
