"""/carrier test: a text to the admin's own proven phone through that entry's gateway, and nowhere else."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.db.tables import CarrierTest, OutboxItem, TextRow
from bot.domain.catalogue import Form
from bot.domain.errors import UserError
from bot.domain.limits import Limits, Rate
from bot.domain.standing import Standing
from bot.services import carrier_test, phone
from bot.services.carrier_change import Actor
from bot.services.carrier_test import Probe
from bot.services.cleaning import clean
from tests.services.editing import ADMIN, EDITOR, OWN, add, slug_of, switch
from tests.services.world import BOB, GUILD, Road, World, answer_token, interactions, work

ME = ADMIN.person_id
MINE = {"typed_number": "206 555 0150"}


async def try_out(world: World, slug: str, actor: Actor = ADMIN, **changes: Any) -> Standing:
    named = replace(actor, guild_name="Chess club")
    probe = Probe(next(interactions), named, "ada", slug, answer_token(world.clock))
    sent = await world.write(carrier_test.send, replace(probe, **changes), world.rules, world.clock())
    assert isinstance(sent, Standing)
    return sent


async def test_it_goes_to_the_admins_own_phone_through_that_gateway(world: World, road: Road) -> None:
    await world.register(ME, **MINE)
    text = await try_out(world, "us-two")
    await work(world.relay(road), 2)
    (mail,) = road.taken
    assert mail.address == "+12065550150@two.example.net"
    assert mail.words == "@ada in Chess club\nThis is a test of Two's gateway. It arrived."
    assert (await world.standing(text.id))[0] == "accepted"


async def test_the_form_that_ones_code_proved_is_used_where_the_entry_says_none(
    world: World, road: Road
) -> None:
    await world.register(ME, carrier_slug="de-open", typed_number="01512 3456789", form=Form.COUNTRY)
    await try_out(world, "de-open")
    await work(world.relay(road), 2)
    assert [mail.address for mail in road.taken] == ["4915123456789@offen.example.net"]


@pytest.mark.parametrize(
    ("slug", "says"),
    [
        ("us-failing", "Failing is marked failing"),
        ("us-pager", "not texts for phones"),
        ("any-service", "not switched on here"),
        ("de-open", "takes numbers of Germany only"),
        ("us-none", "no such carrier"),
    ],
)
async def test_an_admin_tests_what_is_offered_here(world: World, slug: str, says: str) -> None:
    await world.register(ME, **MINE)
    with pytest.raises(UserError, match=says):
        await try_out(world, slug)
    assert await world.rows(TextRow) == await world.rows(CarrierTest) == []


async def test_an_editor_tests_what_is_closed_before_enabling_it(world: World, road: Road) -> None:
    await world.register(EDITOR.person_id, **MINE)
    for slug in ("us-failing", "any-service"):
        await try_out(world, slug, EDITOR)
    with pytest.raises(UserError, match="not texts for phones"):
        await try_out(world, "us-pager", EDITOR)
    await work(world.relay(road), 4)
    assert {mail.address.partition("@")[2] for mail in road.taken} == {
        "failing.example.net",
        "service.example.net",
    }


async def test_what_is_switched_off_here_is_not_tested_by_an_admin(world: World) -> None:
    await world.register(ME, **MINE)
    await switch(world, ADMIN, "us-two", False)
    with pytest.raises(UserError, match="Two is switched off here"):
        await try_out(world, "us-two")


async def test_without_a_proven_phone_of_ones_own_nothing_goes(world: World) -> None:
    says = "A test goes to your own phone"
    with pytest.raises(UserError, match=says):
        await try_out(world, "us-one")
    await world.ask_code(ME, **MINE)
    with pytest.raises(UserError, match=says):
        await try_out(world, "us-one")
    await world.register(ME, **MINE)
    await world.write(phone.pause, ME, None, world.clock())
    with pytest.raises(UserError, match=says):
        await try_out(world, "us-one")
    assert await world.rows(TextRow) == []


async def test_the_ordinary_limits_count_it(world: World) -> None:
    hour = timedelta(hours=1)
    world.limits = Limits(pair=Rate(2, hour))
    await world.register(ME, **MINE)
    for _ in range(2):
        await try_out(world, "us-one")
    with pytest.raises(UserError, match="The next one can go"):
        await try_out(world, "us-two")
    assert len(await world.rows(TextRow)) == 2


async def test_the_same_interaction_is_one_test(world: World) -> None:
    await world.register(ME, **MINE)
    first = await try_out(world, "us-one", interaction_id=5)
    again = await try_out(world, "us-one", interaction_id=5)
    assert first.id == again.id == 5
    assert len(await world.rows(OutboxItem)) == 1


@pytest.mark.parametrize("how", ["removed", "paused", "proved anew", "taken by another"])
async def test_what_changes_while_it_waits_stops_it(world: World, road: Road, how: str) -> None:
    await world.register(ME, **MINE)
    text = await try_out(world, "us-two")
    if how == "removed":
        await world.write(phone.remove, ME, world.clock())
    elif how == "paused":
        await world.write(phone.pause, ME, None, world.clock())
    elif how == "proved anew":
        await world.register(ME, typed_number="206 555 0151")
    else:
        await world.register(BOB, **MINE)
    await work(world.relay(road), 2)
    assert road.tried == []
    assert (await world.standing(text.id))[0] == "cancelled"


async def test_a_servers_own_entry_is_tested_there(world: World, road: Road) -> None:
    await add(world, ADMIN, OWN)
    await world.register(ME, **MINE)
    await try_out(world, slug_of(world, GUILD, "Ours"))
    await work(world.relay(road), 2)
    assert [mail.address for mail in road.taken] == ["12065550150@one.example.net"]


async def test_the_way_of_a_test_is_forgotten_with_its_text(world: World, road: Road) -> None:
    await world.register(ME, **MINE)
    await try_out(world, "us-one")
    await work(world.relay(road), 2)
    world.clock.forward(days=91)
    await world.write(clean, world.clock())
    assert await world.rows(CarrierTest) == await world.rows(TextRow) == []
