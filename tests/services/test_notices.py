"""People are told what they must know: in the open answer, then by DM, then at their next command."""

import asyncio
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import notices
from bot.db.store import Store
from bot.db.tables import Notice, TextRow
from bot.domain.outcome import Reply, Step
from bot.domain.states import State
from bot.services.desk import Desk
from bot.services.notices import AT_ONCE, Teller, Telling, Told, say_parked
from bot.services.recording import CODE_NOTICE
from tests.services.world import ANN, BOB, TAKEN, Clock, Road, World, answer_token, work

NOBODY = Reply(Step.RCPT, 550, "5.1.1 no such subscriber")


class Discord:
    """Records what is told and answers as told: the edge."""

    def __init__(self) -> None:
        self.said: list[Telling] = []
        self.outcome: Told | None = None

    async def tell(self, telling: Telling) -> Told:
        self.said.append(telling)
        if self.outcome is not None:
            return self.outcome
        return Told.TOLD

    def words(self) -> list[str]:
        return [telling.words for telling in self.said]


class ReadOnly:
    """A store that takes no writes when told so, as a full disk does."""

    def __init__(self, store: Store) -> None:
        self._store, self.refuses = store, False
        self.is_sqlite = store.is_sqlite

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        return self._store.read()

    def write(self) -> AbstractAsyncContextManager[AsyncSession]:
        if self.refuses:
            raise OSError("the disk is full")
        return self._store.write()


@pytest.fixture
def discord() -> Discord:
    return Discord()


@pytest.fixture
def teller(world: World, discord: Discord) -> Teller:
    return Teller(world.store, discord.tell, lambda _: False, world.clock)


async def a_text(world: World, road: Road, reply: Reply, **changes: Any) -> int:
    """Send a text and let the carrier answer."""
    await world.register(BOB)
    text = await world.text(ANN, BOB, **changes)
    road.answer = lambda _: reply
    await work(world.relay(road))
    return text


async def untold(world: World) -> list[Any]:
    return await world.rows(Notice, Notice.told_at.is_(None))


@pytest.mark.parametrize("reply", [TAKEN, NOBODY, Reply(Step.RCPT, 451)], ids=repr)
async def test_every_step_edits_the_answer_while_it_is_open(
    world: World, road: Road, discord: Discord, teller: Teller, reply: Reply
) -> None:
    await a_text(world, road, reply, answer=answer_token(world.clock))
    await teller.one_pass()
    (telling,) = discord.said
    assert telling.person_id == ANN
    assert telling.answer is not None
    assert telling.answer.token == "answer-token"
    assert f"<@{BOB}>" in telling.words
    assert "answer-token" not in repr(telling)
    assert telling.words not in repr(telling)
    await teller.one_pass()
    assert len(discord.said) == 1
    assert await untold(world) == []


@pytest.mark.parametrize(("reply", "by_dm"), [(TAKEN, False), (NOBODY, True), (Reply(Step.RCPT, 451), False)])
async def test_later_only_what_must_be_known_is_worth_a_dm(
    world: World, road: Road, discord: Discord, teller: Teller, reply: Reply, by_dm: bool
) -> None:
    await a_text(world, road, reply, answer=answer_token(world.clock))
    world.clock.forward(minutes=14)
    await teller.one_pass()
    assert [(telling.answer, telling.by_dm) for telling in discord.said] == [(None, by_dm)]


async def test_the_token_is_deleted_when_the_answer_closes(world: World, road: Road, teller: Teller) -> None:
    await a_text(world, road, TAKEN, answer=answer_token(world.clock))
    world.clock.forward(minutes=13)
    await teller.one_pass()
    assert (await world.rows(TextRow))[0].answer_sealed is not None
    world.clock.forward(minutes=1)
    await teller.one_pass()
    (row,) = await world.rows(TextRow)
    assert row.answer_sealed is row.answer_until is None


async def test_of_several_news_of_one_text_only_the_newest_is_told(
    world: World, road: Road, discord: Discord, teller: Teller
) -> None:
    text = await a_text(world, road, Reply(Step.RCPT, 451), answer=answer_token(world.clock))
    world.clock.forward(seconds=10)
    road.answer = lambda _: NOBODY
    await work(world.relay(road))
    assert len(await untold(world)) == 2
    await teller.one_pass()
    assert (await world.standing(text))[0] == State.FAILED
    assert [words.startswith("Not sent.") for words in discord.words()] == [True]
    assert await untold(world) == []


async def test_closed_dms_park_the_news_until_the_next_command_and_show_it_once(
    world: World, road: Road, discord: Discord, teller: Teller, clock: Clock
) -> None:
    await a_text(world, road, NOBODY)
    discord.outcome = Told.CLOSED
    await teller.one_pass()
    clock.forward(hours=1)
    await teller.one_pass()
    assert len(discord.said) == 1
    shown: list[str] = []

    async def say(telling: Telling) -> None:
        shown.append(telling.words)

    await say_parked(world.store, BOB, say, clock())
    assert shown == []
    for _ in range(2):
        await say_parked(world.store, ANN, say, clock())
    assert shown == discord.words()
    assert await untold(world) == []


async def test_parked_news_that_could_not_be_shown_stays_parked(world: World, clock: Clock) -> None:
    async with world.store.write() as session:
        for words in ("one", "two", "two", "three"):
            await notices.add(session, ANN, CODE_NOTICE, clock(), words=words)
        await notices.park(session, [notice.id for notice in await notices.due(session, clock(), 9)])
    shown: list[str] = []

    async def say(telling: Telling) -> None:
        if telling.words == "three" and shown.count("two") == 1:
            shown.append("lost")
            raise OSError
        shown.append(telling.words)

    with pytest.raises(OSError):
        await say_parked(world.store, ANN, say, clock())
    assert shown == ["one", "two", "lost"]
    assert [notice.words for notice in await untold(world)] == ["three"]
    shown.clear()
    await say_parked(world.store, ANN, say, clock())
    assert shown == ["three"]
    assert await untold(world) == []


async def test_two_commands_at_once_show_parked_news_once(world: World, clock: Clock) -> None:
    async with world.store.write() as session:
        await notices.add(session, ANN, CODE_NOTICE, clock(), words="one")
        await notices.park(session, [notice.id for notice in await notices.due(session, clock(), 9)])
    wake = asyncio.Event()
    desk = Desk(world.store, world.rules, "US", None, clock, wake, wake)
    shown: list[str] = []
    second_came = asyncio.Event()

    async def say(telling: Telling) -> None:
        shown.append(telling.words)
        await asyncio.wait_for(second_came.wait(), 5)

    async def second() -> None:
        await desk.say_parked(ANN, say)
        second_came.set()

    await asyncio.gather(desk.say_parked(ANN, say), second())
    assert shown == ["one"]


async def test_what_was_told_is_not_told_again_while_the_store_takes_no_writes(
    world: World, discord: Discord, clock: Clock
) -> None:
    async with world.store.write() as session:
        await notices.add(session, ANN, CODE_NOTICE, clock(), words="one")
    broken = ReadOnly(world.store)
    teller = Teller(cast(Store, broken), discord.tell, lambda _: False, clock)
    await teller.one_pass()
    clock.forward(seconds=1)
    async with world.store.write() as session:
        for words in ("two", "three"):
            await notices.add(session, ANN, CODE_NOTICE, clock(), words=words)
    broken.refuses = True
    for _ in range(5):
        with pytest.raises(OSError):
            await teller.one_pass()
    assert sorted(discord.words()) == ["one", "three", "two"]
    broken.refuses = False
    await teller.one_pass()
    assert len(discord.said) == 3
    assert await untold(world) == []


async def test_one_that_breaks_the_telling_is_put_off_and_the_others_are_recorded(
    world: World, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.store.write() as session:
        for words in ("one", "odd", "two"):
            await notices.add(session, ANN, CODE_NOTICE, clock(), words=words)

    async def tell(telling: Telling) -> Told:
        if telling.words == "odd":
            raise LookupError
        return Told.TOLD

    await Teller(world.store, tell, lambda _: False, clock).one_pass()
    (left,) = await untold(world)
    assert (left.words, left.tries) == ("odd", 1)
    assert left.due_at > clock()
    assert f"notice {left.id}: telling it failed" in caplog.text


async def test_when_discord_is_away_the_waits_grow_up_to_ten_minutes(
    world: World, road: Road, discord: Discord, teller: Teller, clock: Clock
) -> None:
    await a_text(world, road, NOBODY)
    discord.outcome = Told.LATER
    waits = []
    for _ in range(12):
        await teller.one_pass()
        (notice,) = await untold(world)
        waits.append((notice.due_at - clock.at).total_seconds())
        clock.at = notice.due_at - timedelta(milliseconds=1)
        said = len(discord.said)
        await teller.one_pass()
        assert len(discord.said) == said
        clock.at = notice.due_at
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600]
    discord.outcome = Told.TOLD
    await teller.one_pass()
    assert await untold(world) == []


async def test_news_of_a_text_whose_command_still_answers_waits(
    world: World, road: Road, discord: Discord
) -> None:
    text = await a_text(world, road, TAKEN, answer=answer_token(world.clock))
    busy = {text}
    teller = Teller(world.store, discord.tell, busy.__contains__, world.clock)
    await teller.one_pass()
    assert discord.said == []
    busy.clear()
    await teller.one_pass()
    assert len(discord.said) == 1


async def test_many_waiting_answers_do_not_hold_up_the_others(
    world: World, road: Road, discord: Discord
) -> None:
    await world.register(BOB)
    texts = {await world.text(1000 + number, BOB) for number in range(AT_ONCE)}
    async with world.store.write() as session:
        for text in sorted(texts):
            await notices.add(session, ANN, "text", world.clock(), text_id=text)
        await notices.add(session, BOB, CODE_NOTICE, world.clock(), words="for Bob")
    teller = Teller(world.store, discord.tell, texts.__contains__, world.clock)
    for _ in range(2):
        await teller.one_pass()
    assert discord.words() == ["for Bob"]


async def test_a_notice_with_words_goes_by_dm_one_each(
    world: World, discord: Discord, teller: Teller
) -> None:
    async with world.store.write() as session:
        for words in ("one", "two"):
            await notices.add(session, ANN, CODE_NOTICE, world.clock(), words=words)
        await notices.add(session, notices.OPERATOR, "outage", world.clock(), words="three")
    await teller.one_pass()
    told = sorted((telling.person_id, telling.words, telling.by_dm) for telling in discord.said)
    assert told == [(0, "three", True), (ANN, "one", True), (ANN, "two", True)]


async def test_more_than_a_batch_goes_in_several_passes_at_once(
    world: World, discord: Discord, teller: Teller
) -> None:
    async with world.store.write() as session:
        for number in range(AT_ONCE + 1):
            await notices.add(session, ANN, CODE_NOTICE, world.clock(), words=f"{number}")
    assert await teller.one_pass() == 0.0
    assert await teller.one_pass() > 0
    assert discord.words() == [f"{number}" for number in range(AT_ONCE + 1)]


async def test_what_was_told_long_ago_is_deleted(world: World, discord: Discord, teller: Teller) -> None:
    async with world.store.write() as session:
        await notices.add(session, ANN, CODE_NOTICE, world.clock(), words="old")
    await teller.one_pass()
    world.clock.forward(days=8)
    await teller.one_pass()
    assert await world.rows(Notice) == []
