"""What a phone answers is kept sealed until its reader has it, and goes to nobody else."""

import pytest

from bot.db.tables import Reply, ReplyMute
from bot.domain.errors import UserError
from bot.domain.inbound import Kind, Picture, Trust
from bot.domain.signs import Sign
from bot.services import phone, replies
from bot.services.arrivals import Acted
from bot.services.cleaning import clean
from bot.services.notices import Teller, Telling, Told
from bot.services.replies import MOST_HELD, MOST_PICTURED
from tests.services.arriving import HARD, arrives, sent
from tests.services.test_notices import Discord
from tests.services.test_signs import measured
from tests.services.world import ANN, BOB, CARL, GUILD, Clock, Road, World

PICTURE = Picture("x", "image/png", b"\x89PNG some picture")


@pytest.fixture
def discord() -> Discord:
    return Discord()


@pytest.fixture
def teller(world: World, discord: Discord) -> Teller:
    return Teller(world.store, discord.tell, lambda _: False, world.clock)


@pytest.fixture
async def text(world: World, road: Road) -> int:
    """Give a text to Bob that his carrier took."""
    await world.register(BOB)
    return await sent(world, road)


async def answers(discord: Discord) -> list[tuple[int, str]]:
    return [(each.person_id, each.reply.words) for each in discord.said if each.reply]


async def test_an_answer_is_sealed_until_it_is_told_and_gone_then(
    world: World, text: int, discord: Discord, teller: Teller
) -> None:
    assert await arrives(world, Kind.REPLY, text, "see you", pictures=(PICTURE,)) is Acted.REPLY
    (row,) = await world.rows(Reply)
    assert b"see you" not in row.words_sealed
    assert b"PNG" not in row.pictures_sealed
    await teller.one_pass()
    (telling,) = [each for each in discord.said if each.reply]
    assert telling.reply is not None
    assert (telling.person_id, telling.reply.words) == (ANN, "see you")
    assert [one.content for one in telling.reply.pictures] == [PICTURE.content]
    assert "see you" not in repr(telling)
    (row,) = await world.rows(Reply)
    assert row.words_sealed is row.pictures_sealed is None
    assert await world.notices(ANN) == []


async def test_an_answer_moves_the_text_and_proves_its_gateway(world: World, text: int) -> None:
    await arrives(world, Kind.REPLY, text, "yes")
    assert await world.standing(text) == ("replied", "", 1)
    assert (await measured(world)).of(Sign.REPLY) == 1


async def test_what_nothing_proves_moves_nothing(world: World, text: int) -> None:
    await arrives(world, Kind.REPLY, text, "yes", trust=Trust.UNPROVEN)
    assert (await world.standing(text))[0] == "accepted"
    assert (await measured(world)).of(Sign.REPLY) == 0


async def test_an_answer_outdoes_a_bounce(world: World, text: int) -> None:
    await arrives(world, Kind.BOUNCE, text, **HARD)
    await arrives(world, Kind.REPLY, text, "got it")
    assert (await world.standing(text))[0] == "replied"


async def test_while_discord_is_away_an_answer_waits_and_each_try_bears_one_nonce(
    world: World, text: int, discord: Discord, clock: Clock
) -> None:
    await arrives(world, Kind.REPLY, text, "later")
    for _ in range(3):
        # As if the bot had been killed between Discord's answer and the record of it.
        discord.outcome = Told.LATER
        await Teller(world.store, discord.tell, lambda _: False, clock).one_pass()
        clock.forward(minutes=1)
    discord.outcome = Told.TOLD
    await Teller(world.store, discord.tell, lambda _: False, clock).one_pass()
    said = [each for each in discord.said if each.reply]
    assert [each.reply.words for each in said if each.reply] == ["later"] * 4
    assert len({each.once for each in said}) == 1
    assert 0 < len(said[0].once) <= 25


@pytest.mark.parametrize("words", ["", " \n ", "\u200b\u2060"])
async def test_an_answer_without_words_and_pictures_is_none(world: World, text: int, words: str) -> None:
    assert await arrives(world, Kind.REPLY, text, words) is Acted.IGNORED


async def test_an_answer_that_belongs_to_no_text_of_that_phone_reaches_nobody(
    world: World, text: int
) -> None:
    await world.register(CARL)
    assert await arrives(world, Kind.REPLY, None, "hello") is Acted.IGNORED
    assert await arrives(world, Kind.REPLY, text, "hello", person=CARL) is Acted.IGNORED
    assert await arrives(world, Kind.REPLY, text + 7_000_000, "hello") is Acted.IGNORED
    assert await world.rows(Reply) == []


async def test_an_answer_of_a_phone_that_is_registered_no_more_reaches_nobody(
    world: World, text: int
) -> None:
    await world.write(phone.remove, BOB, world.clock())
    assert await arrives(world, Kind.REPLY, text, "hello") is Acted.IGNORED


@pytest.mark.parametrize("kind", [Kind.AUTO, Kind.UNKNOWN])
async def test_what_no_person_wrote_is_no_answer(world: World, text: int, kind: Kind) -> None:
    assert await arrives(world, kind, text, "I am away until Monday") is Acted.IGNORED
    assert await world.rows(Reply) == []


async def test_only_a_few_doubtful_answers_wait_for_their_owner(world: World, text: int) -> None:
    acted = [
        await arrives(world, Kind.REPLY, text, "spam", trust=Trust.UNPROVEN) for _ in range(MOST_HELD + 3)
    ]
    assert acted == [Acted.REPLY] * MOST_HELD + [Acted.IGNORED] * 3
    assert len(await world.notices(BOB)) == MOST_HELD
    assert "reply" not in [notice.kind for notice in await world.notices(ANN)]


async def test_only_its_owner_decides_on_a_doubtful_answer_and_once(
    world: World, text: int, discord: Discord, teller: Teller
) -> None:
    await arrives(world, Kind.REPLY, text, "mine", trust=Trust.UNPROVEN)
    (row,) = await world.rows(Reply)
    for other in (ANN, CARL):
        with pytest.raises(UserError):
            await world.write(replies.pass_on, row.id, other, world.clock())
        with pytest.raises(UserError):
            await world.write(replies.throw_away, row.id, other)
    with pytest.raises(UserError):
        await world.write(replies.route, row.id, ANN)
    await teller.one_pass()
    await world.write(replies.pass_on, row.id, BOB, world.clock())
    with pytest.raises(UserError):
        await world.write(replies.throw_away, row.id, BOB)
    await teller.one_pass()
    assert await answers(discord) == [(BOB, "mine"), (ANN, "mine")]


async def test_whoever_ended_a_conversation_is_told_no_answer_that_was_held(world: World, text: int) -> None:
    await arrives(world, Kind.REPLY, text, "hi")
    await arrives(world, Kind.REPLY, text, "held", trust=Trust.UNPROVEN)
    (first,), (held,) = [await world.rows(Reply, Reply.held.is_(held)) for held in (False, True)]
    await world.write(replies.mute, first.id, ANN, world.clock())
    assert "wants no more answers" in await world.write(replies.pass_on, held.id, BOB, world.clock())
    assert len([notice for notice in await world.notices(ANN) if notice.kind == "reply"]) == 1
    (left,) = await world.rows(Reply, Reply.id == held.id)
    assert left.words_sealed is None


async def test_a_decision_before_the_question_is_recorded_loses_no_words(
    world: World, text: int, discord: Discord, clock: Clock
) -> None:
    await arrives(world, Kind.REPLY, text, "quick", trust=Trust.UNPROVEN)
    (row,) = await world.rows(Reply)

    async def tell(telling: Telling) -> Told:
        await discord.tell(telling)
        if telling.reply is not None and telling.reply.held:
            await world.write(replies.pass_on, row.id, BOB, clock())
        return Told.TOLD

    teller = Teller(world.store, tell, lambda _: False, clock)
    for _ in range(2):
        await teller.one_pass()
    assert await answers(discord) == [(BOB, "quick"), (ANN, "quick")]


async def test_only_whom_it_was_for_may_answer_an_answer_or_end_it(world: World, text: int) -> None:
    await arrives(world, Kind.REPLY, text, "hi")
    (row,) = await world.rows(Reply)
    route = await world.write(replies.route, row.id, ANN)
    assert (route.person_id, route.guild_id) == (BOB, GUILD)
    for other in (BOB, CARL):
        with pytest.raises(UserError):
            await world.write(replies.route, row.id, other)
        with pytest.raises(UserError):
            await world.write(replies.mute, row.id, other, world.clock())


async def test_the_end_of_one_conversation_leaves_others_alone(world: World, text: int, road: Road) -> None:
    other = await sent(world, road, CARL)
    await arrives(world, Kind.REPLY, text, "hi")
    (row,) = await world.rows(Reply)
    await world.write(replies.mute, row.id, ANN, world.clock())
    assert await arrives(world, Kind.REPLY, text, "still there?") is Acted.IGNORED
    assert (await world.standing(text))[0] == "replied"
    assert await arrives(world, Kind.REPLY, other, "hi Carl") is Acted.REPLY
    world.clock.forward(seconds=1)
    assert await arrives(world, Kind.REPLY, await sent(world, road), "new") is Acted.REPLY


async def test_removing_a_phone_drops_what_waits_for_its_owner_s_word(world: World, text: int) -> None:
    await arrives(world, Kind.REPLY, text, "held", trust=Trust.UNPROVEN)
    await world.write(phone.remove, BOB, world.clock())
    assert await world.rows(Reply) == []
    assert await world.notices(BOB) == []


async def test_the_sender_s_own_removal_leaves_answers_to_their_texts(world: World, text: int) -> None:
    await arrives(world, Kind.REPLY, text, "for Ann")
    await world.write(phone.remove, ANN, world.clock())
    assert "reply" in [notice.kind for notice in await world.notices(ANN)]


async def test_nothing_of_an_answer_stays_for_ever(
    world: World, text: int, discord: Discord, teller: Teller
) -> None:
    await arrives(world, Kind.REPLY, text, "one")
    await arrives(world, Kind.REPLY, text, "two", trust=Trust.UNPROVEN)
    row = (await world.rows(Reply, Reply.held.is_(False)))[0]
    await world.write(replies.mute, row.id, ANN, world.clock())
    discord.outcome = Told.CLOSED
    await teller.one_pass()
    world.clock.forward(days=31)
    for _ in range(2):
        await world.write(clean, world.clock())
    assert [reply.words_sealed for reply in await world.rows(Reply)] == [None]
    world.clock.forward(days=60)
    await world.write(clean, world.clock())
    assert await world.rows(Reply) == await world.rows(ReplyMute) == []


async def test_answers_that_nobody_reads_fill_no_disk(
    world: World, text: int, discord: Discord, teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their sender takes no DMs: what is kept then is bounded, its pictures first of all."""
    monkeypatch.setattr(replies, "MOST_UNREAD", MOST_PICTURED + 1)
    for number in range(MOST_PICTURED + 1):
        said = await arrives(world, Kind.REPLY, text, f"look {number}", pictures=(PICTURE,))
        assert said is Acted.REPLY
    assert await arrives(world, Kind.REPLY, text, "one more", pictures=(PICTURE,)) is Acted.IGNORED
    await teller.one_pass()
    told = {each.reply.words: each.reply.pictures for each in discord.said if each.reply}
    assert len(told) == MOST_PICTURED + 1
    # There is one, so that its reader hears that not all could be shown, but nothing of it was kept.
    assert [one.content for one in told.pop(f"look {MOST_PICTURED}")] == [b""]
    assert all([one.content for one in pictures] == [PICTURE.content] for pictures in told.values())
    assert await arrives(world, Kind.REPLY, text, "read at last", pictures=(PICTURE,)) is Acted.REPLY
