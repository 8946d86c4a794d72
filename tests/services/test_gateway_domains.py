"""An admin's request for a domain reaches the owner, who answers it once."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.db.tables import Audit, DomainRequest, GatewayDomain, Notice
from bot.domain.errors import UserError
from bot.services import gateway_domains, phone
from bot.services.carrier_change import Actor, Ask, Change, Done
from bot.services.cleaning import clean
from tests.services.editing import ADMIN, EDITOR, NEW, OTHER_ADMIN, OWN, add, edit, remove, slug_of, switch
from tests.services.world import GUILD, World

CORNER = "corner.example.org"
NAMED = replace(ADMIN, guild_name="Chess @everyone [club](http://x.y)")


async def ask(world: World, actor: Actor = ADMIN, domain: str = CORNER) -> int:
    """Have the owner asked; returns the request's id."""
    assert isinstance(await add(world, actor, replace(NEW, domain=domain), confirmed=True), Done)
    return int((await world.rows(Notice, Notice.request_id.is_not(None)))[-1].request_id)


async def answer(world: World, request: int, *, allow: bool) -> str:
    said = await world.write(
        gateway_domains.answer, world.shelf, EDITOR.person_id, request, world.clock(), allow=allow
    )
    await world.write(world.shelf.refresh)
    return str(said)


async def test_an_admin_is_asked_first_whether_to_ask_the_owner(world: World) -> None:
    asked = await add(world, ADMIN, NEW)
    assert asked == Ask(
        f"{CORNER} is not on the bot owner's list of gateways. Ask the owner to put it there?"
    )
    assert await world.rows(DomainRequest) == await world.rows(Notice) == []


async def test_the_owner_hears_who_asks_for_what_and_nothing_is_on_the_list_yet(world: World) -> None:
    await ask(world, NAMED)
    (told,) = await world.notices(0)
    assert told.words == (
        f"<@2>, an admin of Chess everyone clubhttpx.y, asks for the gateway {CORNER}. If you allow it, "
        f"texts may go to any number at {CORNER}. The buttons answer; so does /carrier add."
    )
    assert await world.rows(GatewayDomain) == []
    with pytest.raises(UserError, match=r"asked the bot's owner for corner\.example\.org already"):
        await add(world, ADMIN, NEW, confirmed=True)
    assert len(await world.notices(0)) == 1


async def test_what_the_owner_allows_is_on_the_list_audited_and_the_admin_told(world: World) -> None:
    request = await ask(world)
    assert await answer(world, request, allow=True) == (
        f"{CORNER} is on the list. Whoever asked is told, and can /carrier add it now."
    )
    (told,) = await world.notices(ADMIN.person_id)
    assert told.words == f"The bot's owner put {CORNER} on the list of gateways. You can /carrier add it now."
    rows = [(row.actor_id, row.action, row.subject) for row in await world.rows(Audit)]
    assert rows == [(2, "domain ask", CORNER), (1, "domain add", CORNER)]
    assert isinstance(await add(world, ADMIN, NEW), Done)


async def test_what_the_owner_refuses_stays_off_the_list(world: World) -> None:
    request = await ask(world)
    assert await answer(world, request, allow=False) == f"{CORNER} stays off the list. Whoever asked is told."
    (told,) = await world.notices(ADMIN.person_id)
    assert told.words.startswith(f"The bot's owner did not put {CORNER} on the list")
    assert CORNER not in world.shelf.domains


async def test_a_request_is_answered_once_whoever_presses_when(world: World) -> None:
    request = await ask(world)
    ends = await asyncio.gather(
        *(answer(world, request, allow=bool(place % 2)) for place in range(4)), return_exceptions=True
    )
    assert sum(isinstance(end, UserError) for end in ends) == 3
    assert len(await world.notices(ADMIN.person_id)) == 1
    with pytest.raises(UserError, match="answered already, or is too old"):
        await answer(world, 12345, allow=True)


async def test_an_editor_who_adds_the_domain_answers_every_request_for_it(world: World) -> None:
    first = await ask(world)
    await ask(world, OTHER_ADMIN)
    await add(world, EDITOR, NEW, confirmed=True)
    for admin in (ADMIN, OTHER_ADMIN):
        (told,) = await world.notices(admin.person_id)
        assert told.words.startswith(f"The bot's owner put {CORNER} on the list")
    with pytest.raises(UserError, match="answered already"):
        await answer(world, first, allow=False)


async def test_requests_are_bounded_for_each_server_and_at_last_forgotten(world: World) -> None:
    for place in range(gateway_domains.MOST_REQUESTS):
        await ask(world, domain=f"sms{place}.example.org")
    with pytest.raises(UserError, match="asked for 5 domains in 30 days"):
        await add(world, ADMIN, NEW, confirmed=True)
    await ask(world, OTHER_ADMIN)
    world.clock.forward(days=31)
    await ask(world)
    world.clock.at += gateway_domains.KEEP_REQUESTS + timedelta(days=1)
    await world.write(clean, world.clock())
    assert await world.rows(DomainRequest) == []


async def test_an_own_entry_moves_to_a_new_domain_through_the_owner_too(world: World) -> None:
    await add(world, ADMIN, OWN)
    slug = slug_of(world, GUILD, "Ours")
    assert isinstance(await edit(world, ADMIN, slug, Change(domain=CORNER)), Ask)
    assert isinstance(await edit(world, ADMIN, slug, Change(domain=CORNER), confirmed=True), Done)
    listed = world.shelf.find(GUILD, slug)
    assert listed is not None
    assert listed.carrier.gateway is not None
    assert listed.carrier.gateway.domain == "one.example.net"


async def test_a_switch_keeps_the_old_values_in_the_audit(world: World) -> None:
    await switch(world, EDITOR, "us-failing", True, confirmed=True)
    await remove(world, EDITOR, "us-failing", confirmed=True)
    await switch(world, EDITOR, "us-failing", True, confirmed=True)
    changes = [(row.action, json.loads(row.before)) for row in await world.rows(Audit)]
    assert changes[0] == ("carrier enable", {"off": False, "enabled": False, "removed": False})
    assert changes[1][1]["domain"] == "failing.example.net"
    assert changes[2] == ("carrier enable", {"off": True, "enabled": True, "removed": True})


async def test_an_admin_who_removes_their_phone_still_hears_of_the_domain(world: World) -> None:
    request = await ask(world)
    await answer(world, request, allow=True)
    await world.write(phone.remove, ADMIN.person_id, world.clock())
    assert len(await world.notices(ADMIN.person_id)) == 1
