"""The relay sends in order, records what each attempt came to, and never claims more than is known."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bot.db.tables import OutboxItem
from bot.domain.outcome import Outcome, Reply, Step
from bot.domain.states import State
from bot.domain.words import CODE_FAILED, CODE_LATE, CODE_UNSURE, standing
from bot.services.permit import Sendable
from tests.services.world import ANN, BOB, CARL, TAKEN, Clock, Road, World, answer_token, work, work_on

BROKEN = Reply(Step.BODY, None)
LATER = Reply(Step.RCPT, 451, "4.7.1 greylisted")
NOBODY = Reply(Step.RCPT, 550, "5.1.1 no such subscriber")


async def test_texts_go_out_in_the_order_in_which_they_are_due(
    world: World, road: Road, clock: Clock
) -> None:
    for person in (ANN, BOB, CARL):
        await world.register(person)
    for to, words in ((BOB, "first"), (CARL, "second"), (ANN, "third")):
        await world.text(99, to, words)
        clock.forward(seconds=1)
    await work(world.relay(road, connections=1), 2)
    assert road.said() == ["first", "second", "third"]
    assert [mail.address for mail in road.taken] == [f"206555010{n}@one.example.net" for n in (2, 3, 1)]


async def test_codes_overtake_chat(world: World, road: Road, clock: Clock) -> None:
    for person in (BOB, CARL):
        await world.register(person)
        await world.text(ANN, person)
    clock.forward(seconds=1)
    await world.ask_code(ANN)
    await work(world.relay(road, connections=1))
    assert "is your Textbridge code" in road.taken[0].words


async def test_each_recipient_has_one_open_mail_and_parts_come_in_order(world: World, road: Road) -> None:
    for person in (BOB, CARL):
        await world.register(person)
    long_id = await world.text(ANN, BOB, "hello " * 60)
    await world.text(CARL, BOB, "after that")
    await world.text(ANN, CARL, "meanwhile")
    road.open.clear()
    relay = world.relay(road)
    await relay.one_pass()
    await road.begun.wait()
    await relay.one_pass()
    assert sorted(mail.address[:10] for mail in road.tried) == ["2065550102", "2065550103"]
    road.open.set()
    await work(relay, 5)
    to_bob = [mail.words for mail in road.taken if mail.address.startswith("2065550102")]
    assert [words.splitlines()[0][-5:] for words in to_bob] == ["(1/3)", "(2/3)", "(3/3)", " club"]
    assert await world.standing(long_id) == (State.ACCEPTED, "", 3)


OUTCOMES = [
    (TAKEN, "sent", (State.ACCEPTED, "", 1), None),
    (LATER, "waiting", (State.QUEUED, "later", 0), Outcome.RETRY),
    (Reply(Step.MAIL, None), "waiting", (State.QUEUED, "later", 0), Outcome.RETRY),
    (Reply(Step.CONNECT, None), "waiting", (State.QUEUED, "relay_away", 0), Outcome.RELAY_AWAY),
    (Reply(Step.LOGIN, 535, "5.7.8"), "waiting", (State.QUEUED, "relay_away", 0), Outcome.RELAY_AWAY),
    (Reply(Step.MAIL, 550, "5.4.5 quota"), "waiting", (State.QUEUED, "limited", 0), Outcome.ACCOUNT_LIMIT),
    (BROKEN, "waiting", (State.QUEUED, "later", 0), Outcome.AMBIGUOUS),
    (NOBODY, "refused", (State.FAILED, "refused_person", 0), Outcome.REFUSED_PERSON),
    (Reply(Step.BODY, 552, "5.2.0 AUP#POL"), "refused", (State.FAILED, "refused_content", 0),
     Outcome.REFUSED_CONTENT),
    (Reply(Step.MAIL, 421, "4.2.0 AUP#SNDR"), "refused", (State.FAILED, "refused_sender", 0),
     Outcome.REFUSED_SENDER),
    (Reply(Step.RCPT, 550, "relaying denied"), "refused", (State.FAILED, "gateway_gone", 0),
     Outcome.GATEWAY_GONE),
    (Reply(Step.CHECK, None), "refused", (State.FAILED, "gateway_gone", 0), Outcome.GATEWAY_GONE),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "item", "stands", "logged"), OUTCOMES, ids=lambda value: repr(value)[:40])
async def test_each_outcome_is_recorded(
    world: World, road: Road, reply: Reply, item: str, stands: tuple[str, str, int], logged: Outcome | None
) -> None:
    await world.register(BOB)
    text = await world.text(ANN, BOB)
    road.answer = lambda _: reply
    await work(world.relay(road))
    assert await world.items(text) == [item]
    assert await world.standing(text) == stands
    assert await world.attempts() == ([(logged, reply.step, reply.code)] if logged else [])
    (row,) = await world.rows(OutboxItem)
    assert (row.words_sealed is None) == (item in ("sent", "refused"))
    assert row.lease_owner is row.leased_at is None
    assert [notice.text_id for notice in await world.notices(ANN)] == [text]


async def test_a_refused_part_takes_the_later_ones_with_it(world: World, road: Road) -> None:
    await world.register(BOB)
    text = await world.text(ANN, BOB, "hello " * 60)
    road.answer = lambda mail: NOBODY if "(2/3)" in mail.words else TAKEN
    await work(world.relay(road), 4)
    assert await world.items(text) == ["sent", "refused", "cancelled"]
    state, reason, sent = await world.standing(text)
    assert standing("@bob", state, reason, 3, sent).startswith("Only 1 of 3 parts went to @bob.")
    assert len(road.tried) == 2


async def test_retries_wait_longer_each_time_up_to_a_bound(world: World, road: Road, clock: Clock) -> None:
    await world.register(BOB)
    await world.text(ANN, BOB)
    road.answer = lambda _: LATER
    relay, waits = world.relay(road), []
    for _ in range(10):
        await work(relay)
        (row,) = await world.rows(OutboxItem)
        waits.append((row.due_at - clock.at).total_seconds())
        clock.at = row.due_at - timedelta(milliseconds=1)
        await work(relay)
        clock.at = row.due_at
    assert waits == [5, 10, 20, 40, 80, 160, 320, 600, 600, 600]
    assert len(road.tried) == 10
    assert len(await world.notices(ANN)) == 1


async def test_jitter_spreads_retries_by_a_quarter(world: World, road: Road) -> None:
    await world.register(BOB)
    await world.text(ANN, BOB)
    road.answer = lambda _: LATER
    await work(world.relay(road, jitter=0.0))
    assert (await world.rows(OutboxItem))[0].due_at == world.clock.at + timedelta(seconds=3.75)


async def test_an_ambiguous_chat_mail_goes_again_under_the_same_id_three_times_at_most(
    world: World, road: Road, clock: Clock
) -> None:
    await world.register(BOB)
    text = await world.text(ANN, BOB)
    road.answer = lambda _: BROKEN
    relay = world.relay(road)
    await work_on(relay, clock, 6, minutes=15)
    assert len(road.tried) == 3
    assert len({mail.mail_id for mail in road.tried}) == 1
    assert await world.attempts() == [(Outcome.AMBIGUOUS, Step.BODY, None)] * 3
    assert await world.standing(text) == (State.FAILED, "unsure", 0)
    assert "may have arrived" in standing("@bob", *(await world.standing(text))[:2], 1, 0)


async def test_an_ambiguous_code_never_goes_again(world: World, road: Road, clock: Clock) -> None:
    await world.ask_code(ANN)
    road.answer = lambda _: BROKEN
    relay = world.relay(road)
    await work_on(relay, clock, 3, minutes=2)
    assert len(road.tried) == 1
    assert [notice.words for notice in await world.notices(ANN)] == [CODE_UNSURE]


@pytest.mark.parametrize(("reply", "words"), [(NOBODY, [CODE_FAILED]), (TAKEN, [])])
async def test_who_waits_for_a_code_hears_only_of_trouble(
    world: World, road: Road, reply: Reply, words: list[str]
) -> None:
    await world.ask_code(ANN)
    road.answer = lambda _: reply
    await work(world.relay(road))
    assert [notice.words for notice in await world.notices(ANN)] == words
    assert [row.words_sealed for row in await world.rows(OutboxItem)] == [None]


async def test_a_code_that_was_late_is_told_and_a_late_text_expires(
    world: World, road: Road, clock: Clock
) -> None:
    await world.register(BOB)
    text = await world.text(ANN, BOB)
    await world.ask_code(CARL)
    clock.forward(minutes=10)
    road.answer = lambda _: Reply(Step.CONNECT, None)
    relay = world.relay(road)
    await work(relay)
    assert [notice.words for notice in await world.notices(CARL)] == [CODE_LATE]
    clock.forward(hours=12)
    road.answer = lambda _: TAKEN
    await work(relay, 2)
    assert await world.standing(text) == (State.EXPIRED, "", 0)
    assert road.taken == []


async def test_no_text_past_its_end_is_sent_however_many_there_are(
    world: World, road: Road, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.services.recording.EXPIRE_AT_ONCE", 1)
    for person in (BOB, CARL):
        await world.register(person)
        await world.text(ANN, person)
    clock.forward(hours=12)
    relay = world.relay(road)
    await work_on(relay, clock, 4, seconds=1)
    assert road.tried == []
    assert [row.state for row in await world.rows(OutboxItem)] == ["expired"] * 2


async def test_a_text_that_may_have_arrived_does_not_expire_as_not_sent(
    world: World, road: Road, clock: Clock
) -> None:
    await world.register(BOB)
    text = await world.text(ANN, BOB)
    road.answer = lambda _: BROKEN
    relay = world.relay(road)
    await work(relay)
    clock.forward(hours=12)
    await work(relay)
    assert await world.standing(text) == (State.FAILED, "unsure", 0)


async def test_a_refusal_after_a_broken_line_does_not_say_that_nothing_was_sent(
    world: World, road: Road, clock: Clock
) -> None:
    await world.register(BOB)
    text = await world.text(ANN, BOB)
    relay = world.relay(road)
    for reply in (BROKEN, NOBODY):
        road.answer = lambda _, reply=reply: reply
        await work(relay)
        clock.forward(minutes=15)
    assert await world.standing(text) == (State.FAILED, "unsure", 0)
    assert await world.items(text) == ["unsure"]
    assert [row[0] for row in await world.attempts()] == [Outcome.AMBIGUOUS, Outcome.REFUSED_PERSON]


async def test_a_mail_that_cannot_be_put_on_the_road_waits_and_holds_nothing_up(
    world: World, road: Road, caplog: pytest.LogCaptureFixture
) -> None:
    await world.register(BOB)
    await world.register(CARL)
    bad, good = await world.text(ANN, BOB, "bad"), await world.text(ANN, CARL, "good")
    put = road.put

    def fail(mail: Sendable, *how: Any) -> None:
        if mail.words.endswith("bad"):
            raise ZeroDivisionError
        put(mail, *how)

    road.put = fail
    await work(world.relay(road), 2)
    assert await world.attempts() == [(Outcome.RETRY, Step.MAIL, None)]
    assert (await world.items(bad), await world.items(good)) == (["waiting"], ["sent"])
    assert "could not be put on the road" in caplog.text


async def test_the_answers_of_many_texts_at_once_all_end(world: World, road: Road) -> None:
    people = range(100, 115)
    for person in people:
        await world.register(person, typed_number=f"206 555 0{person}")
    texts = [await world.text(ANN, person, answer=answer_token(world.clock)) for person in people]
    relay = world.relay(road)
    async with asyncio.timeout(30):
        while len(road.taken) < len(texts):
            await work(relay)
    assert {(await world.standing(text))[0] for text in texts} == {State.ACCEPTED}
    assert len({mail.mail_id for mail in road.taken}) == len(texts)
