"""A text is kept where it may be, counted, and kept once."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
from sqlalchemy import delete, true

from bot.db.store import Store, open_store
from bot.db.tables import OutboxItem, Registration, TextRow, Usage
from bot.domain.limits import Limits, Rate
from bot.domain.states import State
from bot.domain.words import REFUSAL
from bot.services import bridge, phone
from bot.services.desk import Desk
from bot.services.texting import Accepted, Refused
from tests.db.stores import KEY
from tests.services.world import ANN, BOB, CARL, GUILD, START, Clock, World, answer_token

HOUR = timedelta(hours=1)


PLENTY = Rate(1000, HOUR)


def desk_on(store: Store, world: World) -> Desk:
    """Build the desk of a process of its own."""
    return Desk(store, world.rules, "US", None, world.clock, asyncio.Event(), asyncio.Event())


def only(**rates: int) -> Limits:
    """Limit only what is named, per hour."""
    wide = dict.fromkeys(("sender", "pair", "recipient", "guild", "codes"), PLENTY)
    return Limits(**wide | {name: Rate(count, HOUR) for name, count in rates.items()})


async def test_an_accepted_text_is_kept_with_its_parts(world: World) -> None:
    await world.register(BOB)
    (answer,) = await world.accept(world.request(ANN, BOB, "hello " * 60, answer=answer_token(world.clock)))
    assert isinstance(answer, Accepted)
    (text,) = await world.rows(TextRow)
    items = await world.rows(OutboxItem)
    assert (text.state, text.parts, text.parts_sent, text.reason) == (State.QUEUED, len(items), 0, "")
    assert len(items) == 3
    assert [item.part for item in items] == [1, 2, 3]
    assert {(item.queue, item.text_id, item.state, item.domain) for item in items} == {
        (BOB, text.id, "waiting", "one.example.net")
    }
    assert {(item.due_at, item.expires_at) for item in items} == {(START, START + world.expires)}
    assert len({item.mail_id for item in items}) == 3
    words = [world.store.vault.open(item.words_sealed) for item in items]
    assert [part.splitlines()[0] for part in words] == [f"@person11 in Chess club ({n}/3)" for n in (1, 2, 3)]
    assert text.answer_sealed is not None
    assert world.store.vault.open(text.answer_sealed) == "answer-token"
    assert text.answer_until == START + timedelta(minutes=14)


async def test_oneself_and_bots_are_told_as_much_and_count_nothing(world: World) -> None:
    world.limits = only()
    for person in (ANN, BOB):
        await world.register(person)
    said = {await world.refused(ANN, ANN), await world.refused(ANN, BOB, recipient_is_bot=True)}
    assert len(said) == 2
    assert REFUSAL not in said
    assert [row.key for row in await world.rows(Usage)] == ["codes"]


async def test_what_the_sender_did_wrong_is_said_before_who_is_meant(world: World) -> None:
    world.limits = only()
    await world.register(BOB)
    for words in ("", "\u200b\n", "word " * 2000):
        known, stranger = await world.refused(ANN, BOB, words), await world.refused(ANN, 99, words)
        assert known == stranger != REFUSAL
    world.limits = only(sender=1)
    await world.refused(CARL, 99)
    full = [await world.refused(CARL, BOB), await world.refused(CARL, 98), await world.refused(CARL, BOB, "")]
    assert len(set(full)) == 1
    assert "as many texts as you may" in full[0]


@pytest.mark.parametrize("to", [BOB, 99])
async def test_attempts_at_one_person_are_counted_whoever_that_is(world: World, to: int) -> None:
    await world.register(BOB)
    world.limits = only(pair=3)
    await world.accept(*(world.request(ANN, to) for _ in range(3)))
    assert "often enough for now" in await world.refused(ANN, to)
    assert "often" not in await world.refused(CARL, 98)


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("sender", "You've sent as many texts"),
        ("pair", "You've tried to text this person"),
        ("recipient", "That person has had as many"),
        ("guild", "This server has sent as many"),
    ],
)
async def test_a_limit_says_when_the_next_text_can_go(
    world: World, clock: Clock, limit: str, words: str
) -> None:
    await world.register(BOB)
    world.limits = only(**{limit: 2})
    await world.text(ANN, BOB)
    clock.forward(minutes=20)
    await world.text(ANN, BOB)
    ends = START + HOUR
    sentence = await world.refused(ANN, BOB)
    assert sentence.startswith(words)
    assert f"<t:{int(ends.timestamp()) + 1}:R>" in sentence
    clock.at = ends
    await world.text(ANN, BOB)


async def test_a_recipients_limit_is_not_spent_by_those_who_may_not(world: World) -> None:
    await world.register(BOB)
    world.limits = only(recipient=1)
    await world.write(phone.block, BOB, CARL, world.clock())
    for _ in range(3):
        assert await world.refused(CARL, BOB) == REFUSAL
    await world.text(ANN, BOB)


async def test_the_same_interaction_twice_is_one_text_counted_once(world: World) -> None:
    world.limits = only()
    await world.register(BOB)
    request = world.request(ANN, BOB)
    answers = [*await world.accept(request, request), *await world.accept(request)]
    assert [answer.text for answer in answers] == [answers[0].text] * 3
    assert len(await world.rows(TextRow)) == len(await world.rows(OutboxItem)) == 1
    assert {row.used for row in await world.rows(Usage)} == {1}


async def test_the_same_interaction_twice_at_once_is_one_text_counted_once(world: World) -> None:
    world.limits = only()
    await world.register(BOB)
    for _ in range(5):
        request = world.request(ANN, BOB)
        answers = await asyncio.gather(*(world.accept(request) for _ in range(4)))
        assert all(isinstance(answer, Accepted) for (answer,) in answers)
    assert len(await world.rows(TextRow)) == len(await world.rows(OutboxItem)) == 5
    assert {row.key: row.used for row in await world.rows(Usage)}[f"pair:{ANN}:{BOB}"] == 5


async def test_a_batch_is_decided_in_order_under_the_limit(world: World) -> None:
    await world.register(BOB)
    world.limits = only(pair=5)
    requests = [world.request(ANN, BOB, f"text {number}") for number in range(10)]
    answers = await world.accept(*requests)
    assert [isinstance(answer, Accepted) for answer in answers] == [True] * 5 + [False] * 5
    assert [row.id for row in await world.rows(TextRow)] == [
        request.interaction_id for request in requests[:5]
    ]


async def test_a_batch_counts_as_one_by_one_would(world: World) -> None:
    """Whatever is in a batch, the answers and the counts are those of the same texts one after another."""
    for person in (BOB, CARL):
        await world.register(person)
    await world.write(phone.block, CARL, ANN, world.clock())
    tries = [(ANN, BOB), (ANN, ANN), (ANN, CARL), (ANN, 99), (BOB, CARL), (ANN, BOB), (CARL, BOB),
             (ANN, BOB), (BOB, CARL), (ANN, CARL), (CARL, BOB), (ANN, 98), (CARL, BOB)]  # fmt: skip
    for limits in (only(), only(sender=4), only(pair=1), only(recipient=2), only(guild=3)):
        world.limits, seen = limits, []
        for at_once in (True, False):
            async with world.store.write() as session:
                for table in (Usage, TextRow):
                    await session.execute(delete(table).where(true()))
            requests = [world.request(sender, to) for sender, to in tries]
            if at_once:
                answers = await world.accept(*requests)
            else:
                answers = [answer for one in requests for answer in await world.accept(one)]
            said = [one.sentence if isinstance(one, Refused) else one.text.state for one in answers]
            used = {row.key: (row.used, row.ends_at) for row in await world.rows(Usage) if row.used}
            seen.append((said, used))
        assert seen[0] == seen[1]
        assert State.QUEUED in seen[0][0]
        assert REFUSAL in seen[0][0]


OWN_LIMITS = {"sender": f"here:{GUILD}:{ANN}", "pair": f"here:{GUILD}:{ANN}:{BOB}",
              "recipient": f"here-to:{GUILD}:{BOB}", "guild": f"here:{GUILD}"}  # fmt: skip


@pytest.mark.parametrize("limit", ["sender", "pair", "recipient", "guild"])
async def test_a_guilds_own_limit_holds_for_fifty_at_once_in_two_stores(
    world: World, store_url: str, limit: str
) -> None:
    await world.register(BOB)
    world.limits = only()
    await world.write(bridge.change, GUILD, CARL, "settings", {f"{limit}_limit": 5}, world.clock())
    other = await open_store(store_url, [KEY])
    try:
        desks = [desk_on(store, world) for store in (world.store, other)]
        asked = (desks[place % 2].accept(world.request(ANN, BOB)) for place in range(50))
        answers = await asyncio.gather(*asked)
    finally:
        await other.close()
    assert sum(isinstance(answer, Accepted) for answer in answers) == 5
    assert {row.used for row in await world.rows(Usage) if row.key == OWN_LIMITS[limit]} == {5}


@pytest.mark.parametrize("limit", ["sender", "pair", "recipient", "guild", "deployment"])
async def test_of_fifty_texts_at_once_in_two_stores_five_get_through(
    world: World, store_url: str, limit: str
) -> None:
    await world.register(BOB)
    world.limits = only(**{limit: 5})
    other = await open_store(store_url, [KEY])
    try:
        desks = [desk_on(store, world) for store in (world.store, other)]
        asked = (desks[place % 2].accept(world.request(ANN, BOB)) for place in range(50))
        answers = await asyncio.gather(*asked)
    finally:
        await other.close()
    assert sum(isinstance(answer, Accepted) for answer in answers) == 5
    assert len(await world.rows(TextRow)) == 5
    assert {
        row.used
        for row in await world.rows(Usage)
        if row.key.startswith("texts" if limit == "deployment" else limit)
    } == {5}


async def test_texts_that_come_at_once_are_kept_at_once_and_wake_the_relay_once(world: World) -> None:
    await world.register(BOB)
    world.limits = only()
    desk = desk_on(world.store, world)
    answers = await asyncio.gather(*(desk.accept(world.request(ANN, BOB)) for _ in range(20)))
    assert all(isinstance(answer, Accepted) for answer in answers)
    assert [answer.text.id for answer in answers] == [row.id for row in await world.rows(TextRow)]
    turns = [row.turn for row in await world.rows(OutboxItem)]
    assert turns == sorted(set(turns))
    assert desk.outbox_wake.is_set()
    assert desk.notices_wake.is_set()
    await desk.close()


@pytest.mark.parametrize("shared_store", ["sqlite"], indirect=True)
async def test_a_store_that_is_stuck_is_said_plainly_to_all_who_wait(world: World, store_url: str) -> None:
    await world.register(BOB)
    world.store.hurry()
    desk = desk_on(world.store, world)
    with closing(sqlite3.connect(store_url.partition("///")[2], isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        asked = (desk.accept(world.request(ANN, BOB)) for _ in range(200))
        said = {str(one) for one in await asyncio.gather(*asked, return_exceptions=True)}
        await desk.close()
        other.execute("ROLLBACK")
    assert said == {"The bot couldn't save that just now. Please try again in a minute."}
    assert isinstance(await desk.accept(world.request(ANN, BOB)), Accepted)
    assert len(await world.rows(TextRow)) == 1


@pytest.mark.parametrize("limit", ["sender", "pair", "recipient", "guild"])
async def test_of_fifty_texts_at_once_five_five_get_through(world: World, limit: str) -> None:
    await world.register(BOB)
    world.limits = only(**{limit: 5})
    answers = await asyncio.gather(*(world.accept(world.request(ANN, BOB)) for _ in range(50)))
    assert sum(isinstance(answer, Accepted) for (answer,) in answers) == 5
    assert sum(isinstance(answer, Refused) for (answer,) in answers) == 45
    assert len(await world.rows(TextRow)) == 5


async def test_nobody_reads_what_was_said_from_rows_or_reprs(world: World) -> None:
    await world.register(BOB)
    request = world.request(ANN, BOB, "canary words", answer=answer_token(world.clock, "canary-token"))
    await world.accept(request)
    rows = [row for table in (TextRow, OutboxItem, Registration) for row in await world.rows(table)]
    plain = " ".join(str(getattr(row, column.name)) for row in rows for column in row.__table__.columns)
    for canary in ("canary", "5550102"):
        assert canary not in plain + repr(request)
