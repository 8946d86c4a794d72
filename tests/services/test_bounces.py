"""A text that comes back is told to its sender; whose texts keep coming back must prove the phone again."""

import pytest

from bot.db.bounces import score
from bot.db.tables import BounceDay, Registration
from bot.domain.errors import UserError
from bot.domain.inbound import Kind, Trust
from bot.domain.returned import RETURNED, SENT_BACK
from bot.domain.signs import Sign
from bot.domain.words import CODE_FAILED, REFUSAL
from bot.services import phone, proving_again
from bot.services.arrivals import Acted
from bot.services.cleaning import clean
from tests.services.arriving import HARD, POLICY, SOFT, arrives, sent
from tests.services.test_signs import measured
from tests.services.world import ANN, BOB, GUILD, Road, World


async def state_of(world: World) -> str:
    (row,) = await world.rows(Registration, Registration.person_id == BOB)
    return str(row.state)


async def told(world: World, person: int = BOB) -> list[str]:
    return [notice.words for notice in await world.notices(person)]


async def bounces(world: World, road: Road, how: dict[str, object] = HARD) -> None:
    text = await sent(world, road)
    assert await arrives(world, Kind.BOUNCE, text, **how) is Acted.BOUNCE


async def test_a_hard_bounce_moves_the_text_and_asks_for_a_new_proof(world: World, road: Road) -> None:
    await world.register(BOB)
    text = await sent(world, road)
    assert await arrives(world, Kind.BOUNCE, text, **HARD) is Acted.BOUNCE
    assert await world.standing(text) == ("bounced", "unknown", 1)
    assert (await world.notices(ANN))[-1].text_id == text
    assert await told(world) == [SENT_BACK]
    assert await state_of(world) == "active"
    assert (await measured(world)).of(Sign.BOUNCED_PERSON) == 1


async def test_two_bad_days_suspend_the_phone_until_it_is_proved_again(world: World, road: Road) -> None:
    await world.register(BOB)
    for _ in range(3):  # one day counts once
        await bounces(world, road)
    assert await told(world) == [SENT_BACK]
    world.clock.forward(days=13)
    waiting = await world.text(ANN, BOB)
    await bounces(world, road)
    assert await state_of(world) == "returned"
    assert await told(world) == [SENT_BACK, RETURNED]
    assert (await world.standing(waiting))[0] in ("cancelled", "accepted")
    assert await world.refused(ANN, BOB) == REFUSAL
    async with world.store.read() as session:
        assert RETURNED in await phone.show(session, BOB, world.shelf, world.clock())
        assert (await phone.helps(session, BOB)).prove
    await world.write(proving_again.ask, BOB, "bob", world.shelf, None, world.clock())
    assert (await world.type_code(BOB, await world.code_of(BOB))).proven
    assert await state_of(world) == "active"
    assert await world.rows(BounceDay) == []
    await world.text(ANN, BOB)


async def test_bounces_two_weeks_apart_suspend_nobody(world: World, road: Road) -> None:
    await world.register(BOB)
    for _ in range(3):
        await bounces(world, road)
        world.clock.forward(days=14)
    assert await state_of(world) == "active"
    await world.write(clean, world.clock())
    assert await world.rows(BounceDay) == []


async def test_soft_bounces_count_half(world: World, road: Road) -> None:
    await world.register(BOB)
    for _ in range(3):
        await bounces(world, road, SOFT)
        world.clock.forward(days=1)
    assert await state_of(world) == "active"
    assert await told(world) == []
    await bounces(world, road, SOFT)
    assert await state_of(world) == "returned"


@pytest.mark.parametrize(
    ("how", "sign"),
    [
        (POLICY, Sign.BOUNCED_SENDER),
        (HARD | {"status": "5.7.1"}, Sign.BOUNCED_SENDER),
        (HARD | {"status": "5.4.5", "reason": "quota"}, Sign.BOUNCED_SENDER),
        (SOFT | {"status": "4.2.2"}, Sign.BOUNCED_PERSON),
        (SOFT | {"status": "5.6.0", "reason": "content"}, Sign.BOUNCED_CONTENT),
        (HARD | {"status": "5.1.2", "reason": "gone"}, Sign.BOUNCED_GONE),
    ],
)
async def test_what_is_the_gateway_s_or_ours_never_counts_against_the_phone(
    world: World, road: Road, how: dict[str, object], sign: Sign
) -> None:
    await world.register(BOB)
    for _ in range(3):
        await bounces(world, road, how)
        world.clock.forward(days=1)
    assert await state_of(world) == "active"
    assert await told(world) == []
    assert (await measured(world)).of(sign) == 3


async def test_forged_bounces_suspend_nobody(world: World, road: Road) -> None:
    await world.register(BOB)
    for _ in range(14):
        text = await sent(world, road)
        for trust in (Trust.UNPROVEN, Trust.PROVEN):
            assert await arrives(world, Kind.BOUNCE, text, trust=trust, **HARD) is Acted.IGNORED
        assert await arrives(world, Kind.BOUNCE, text + 7_000_000, **HARD) is Acted.IGNORED
        assert (await world.standing(text))[0] == "accepted"
        world.clock.forward(hours=12)
    assert (await state_of(world), await told(world), await world.rows(BounceDay)) == ("active", [], [])


async def test_what_is_still_being_tried_has_not_come_back(world: World, road: Road) -> None:
    await world.register(BOB)
    text = await sent(world, road)
    late = SOFT | {"status": "4.4.1", "reason": "network", "delayed": True}
    assert await arrives(world, Kind.BOUNCE, text, **late) is Acted.IGNORED
    assert (await world.standing(text))[0] == "accepted"
    assert await arrives(world, Kind.BOUNCE, text, **late | {"delayed": False}) is Acted.BOUNCE


async def test_the_same_bounce_day_after_day_counts_once(world: World, road: Road) -> None:
    await world.register(BOB)
    text = await sent(world, road)
    assert await arrives(world, Kind.BOUNCE, text, **HARD) is Acted.BOUNCE
    for _ in range(13):
        world.clock.forward(days=1)
        assert await arrives(world, Kind.BOUNCE, text, **HARD) is Acted.IGNORED
    assert await state_of(world) == "active"


async def test_what_went_to_an_earlier_phone_counts_against_no_later_one(world: World, road: Road) -> None:
    await world.register(BOB)
    texts = [await sent(world, road) for _ in range(2)]
    await world.register(BOB, typed_number="206 555 0177")
    for text in texts:
        assert await arrives(world, Kind.BOUNCE, text, **HARD) is Acted.BOUNCE
        world.clock.forward(days=1)
    assert await world.rows(BounceDay) == []


async def test_a_text_that_was_answered_stays_so(world: World, road: Road) -> None:
    await world.register(BOB)
    text = await sent(world, road)
    await arrives(world, Kind.REPLY, text, "thanks")
    assert await arrives(world, Kind.BOUNCE, text, **HARD) is Acted.IGNORED
    assert (await world.standing(text))[0] == "replied"


async def test_a_code_that_comes_back_is_told_while_it_is_waited_for(world: World) -> None:
    await world.ask_code(BOB)
    came_back = {"trust": Trust.MAIL_ID, "code_to": "+12065550102", **HARD}
    assert await arrives(world, Kind.BOUNCE, None, **came_back) is Acted.BOUNCE
    assert await told(world) == [CODE_FAILED]
    world.clock.forward(minutes=11)
    assert await arrives(world, Kind.BOUNCE, None, **came_back) is Acted.IGNORED


async def test_a_code_s_bounce_is_told_once_however_often_it_comes(world: World) -> None:
    came_back = {"trust": Trust.MAIL_ID, "code_to": "+12065550102", **HARD}
    await world.ask_code(BOB)
    for acted in (Acted.BOUNCE, Acted.IGNORED, Acted.IGNORED):
        assert await arrives(world, Kind.BOUNCE, None, **came_back) is acted
    await world.ask_code(BOB)
    assert await arrives(world, Kind.BOUNCE, None, **came_back) is Acted.BOUNCE
    assert await told(world) == [CODE_FAILED] * 2


async def test_a_day_counts_as_its_worst_bounce(world: World) -> None:
    for halves, counted in ((1, (True, 1)), (1, (False, 1)), (2, (True, 2)), (1, (False, 2))):
        assert await world.write(score, 5, halves, world.clock()) == counted


async def test_proving_again_needs_a_phone_that_takes_texts(world: World) -> None:
    ask = (proving_again.ask, BOB, "bob", world.shelf, None, world.clock())
    with pytest.raises(UserError, match="no phone registered"):
        await world.write(*ask)
    await world.register(BOB, guild_id=GUILD)
    await arrives(world, Kind.STOP, None, number="2065550102")
    with pytest.raises(UserError, match="said STOP"):
        await world.write(*ask)
