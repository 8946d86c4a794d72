"""Who may change what of the catalogue, what it asks first, and whom an edit touches."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from bot.db.store import open_store
from bot.db.tables import Audit, CarrierEntry, GatewayDomain, Registration
from bot.domain.catalogue import Form, Status
from bot.domain.errors import UserError
from bot.domain.words import CARRIER_CHANGED, REFUSAL
from bot.services import carrier_list
from bot.services.carrier_change import OWN_CARRIERS_PER_GUILD, Ask, Change, Done
from bot.services.shelf import Shelf
from tests.db.stores import KEY
from tests.services.editing import (
    ADMIN,
    EDITOR,
    NEW,
    NOBODY,
    OTHER_ADMIN,
    OWN,
    add,
    edit,
    remove,
    slug_of,
    switch,
)
from tests.services.world import ANN, BOB, CARL, CATALOGUE, GUILD, OTHER_GUILD, World

CALLS = [
    (add, NEW), (edit, "us-one", Change(name="X")), (switch, "us-one", False), (switch, "us-one", True),
    (remove, "us-one"),
]  # fmt: skip


@pytest.mark.parametrize("arguments", CALLS, ids=lambda value: f"{value[0].__name__}")
async def test_plain_members_change_nothing(world: World, arguments: Any) -> None:
    act, *rest = arguments
    with pytest.raises(UserError, match="Manage Server"):
        await act(world, NOBODY, *rest, confirmed=True)
    for table in (CarrierEntry, Audit, GatewayDomain):
        assert await world.rows(table) == []


@pytest.mark.parametrize(
    "act", [(edit, "us-one", Change(name="X")), (remove, "us-one")], ids=["edit", "remove"]
)
async def test_a_guilds_admin_changes_no_shared_entry(world: World, act: Any) -> None:
    with pytest.raises(UserError, match="shared by all servers"):
        await act[0](world, ADMIN, *act[1:], confirmed=True)
    assert await world.rows(CarrierEntry) == []


async def test_a_new_domain_is_asked_about_and_then_on_the_list_once(world: World) -> None:
    asked = await add(world, EDITOR, NEW)
    assert isinstance(asked, Ask)
    assert "any number at corner.example.org" in asked.sentence
    assert await world.rows(CarrierEntry) == await world.rows(GatewayDomain) == await world.rows(Audit) == []
    assert "corner.example.org" not in world.shelf.domains
    assert isinstance(await add(world, EDITOR, NEW, confirmed=True), Done)
    assert isinstance(await add(world, EDITOR, replace(NEW, name="Corner Two")), Done)
    assert [row.domain for row in await world.rows(GatewayDomain)] == ["corner.example.org"]
    assert [(row.action, row.actor_id) for row in await world.rows(Audit)] == [
        ("domain add", 1), ("carrier add", 1), ("carrier add", 1),
    ]  # fmt: skip
    await world.register(BOB, carrier_slug=slug_of(world, GUILD, "Corner"))
    await world.text(ANN, BOB)


@pytest.mark.parametrize("domain", ["retired.example.net", "failing.example.net"])
async def test_an_admin_cannot_bring_a_closed_gateway_back(world: World, domain: str) -> None:
    with pytest.raises(UserError, match="Only the bot's owner can use its gateway again"):
        await add(world, ADMIN, replace(OWN, domain=domain), confirmed=True)
    assert isinstance(await add(world, EDITOR, replace(OWN, domain=domain)), Ask)
    assert await world.rows(CarrierEntry) == []


async def test_a_status_opens_no_closed_gateway_past_its_evidence(world: World) -> None:
    await add(world, ADMIN, OWN)
    slug = slug_of(world, GUILD, "Ours")
    for closing in ("us-one", slug):
        await edit(world, EDITOR, closing, Change(status=Status.FAILING))
    opening = Change(status=Status.ACTIVE)
    with pytest.raises(UserError, match="Only the bot's owner can use its gateway again"):
        await edit(world, ADMIN, slug, opening, confirmed=True)
    asked = await edit(world, EDITOR, "us-failing", opening)
    assert isinstance(asked, Ask)
    assert "https://example.org/gone" in asked.sentence
    assert isinstance(await edit(world, EDITOR, "us-failing", opening, confirmed=True), Done)
    # Where another entry uses the gateway it is open: what closed is the server's own alone.
    await edit(world, EDITOR, "us-one", opening, confirmed=True)
    assert isinstance(await edit(world, ADMIN, slug, opening), Done)


@pytest.mark.parametrize(
    "change",
    [
        {"domain": "user@host"}, {"domain": "localhost"}, {"domain": "a b.example"},
        {"domain": "x.exa\r\nmple"}, {"domain": "127.0.0.1"}, {"name": "a\nb"}, {"name": "  "},
        {"country": "ZZ"}, {"mms_domain": "%s"},
        {"name": None}, {"domain": None},
    ],
    ids=repr,
)  # fmt: skip
async def test_what_makes_no_sense_is_refused_with_nothing_written(
    world: World, change: dict[str, Any]
) -> None:
    with pytest.raises(UserError):
        await add(world, EDITOR, replace(NEW, **change), confirmed=True)
    assert await world.rows(CarrierEntry) == await world.rows(GatewayDomain) == []


async def test_an_edited_gateway_takes_the_proof_from_those_it_touches_and_tells_them(world: World) -> None:
    await world.register(ANN, carrier_slug="us-two")
    await world.register(BOB)
    answer = await edit(world, EDITOR, "us-one", Change(domain="Two.Example.NET "))
    assert isinstance(answer, Done)
    assert "1 person must prove their phone again" in answer.sentence
    states = {row.person_id: (row.state, row.version) for row in await world.rows(Registration)}
    assert states == {ANN: ("active", 1), BOB: ("unproven", 2)}
    assert [notice.words for notice in await world.notices(BOB)] == [CARRIER_CHANGED]
    assert await world.notices(ANN) == []
    assert await world.refused(CARL, BOB) == REFUSAL
    await world.register(BOB)
    await world.text(CARL, BOB)


async def test_an_edited_form_leaves_those_alone_who_proved_that_form(world: World) -> None:
    german = {"carrier_slug": "de-open"}
    await world.register(ANN, typed_number="01512 3456789", form=Form.TRUNK, **german)
    await world.register(BOB, typed_number="01512 3456788", form=Form.COUNTRY, **german)
    await edit(world, EDITOR, "de-open", Change(form=Form.TRUNK))
    assert {row.person_id: row.state for row in await world.rows(Registration)} == {
        ANN: "active",
        BOB: "unproven",
    }
    assert [len(await world.notices(person)) for person in (ANN, BOB)] == [0, 1]


@pytest.mark.parametrize(
    "change",
    [
        Change(name="Renamed"),
        Change(domain="one.example.net"),
        Change(form=Form.NATIONAL),
        Change(status=Status.UNKNOWN),
    ],
    ids=repr,
)
async def test_an_edit_that_moves_no_gateway_touches_nobody(world: World, change: Change) -> None:
    await world.register(BOB)
    await edit(world, EDITOR, "us-one", change)
    assert (await world.rows(Registration))[0].state == "active"
    assert await world.notices(BOB) == []
    await world.text(ANN, BOB)


async def test_the_audit_says_who_changed_what_from_what(world: World) -> None:
    await edit(world, EDITOR, "us-one", Change(name="Renamed", status=Status.FAILING))
    (row,) = await world.rows(Audit)
    assert (row.guild_id, row.actor_id, row.action, row.subject) == (GUILD, 1, "carrier edit", "us-one")
    assert json.loads(row.before) == {"name": "One", "status": "active", "status_date": None}
    assert json.loads(row.after) == {"name": "Renamed", "status": "failing", "status_date": "2026-11-22"}


async def test_a_status_that_an_editor_sets_is_dated_to_the_day(world: World) -> None:
    await edit(world, EDITOR, "us-failing", Change(status=Status.ACTIVE), confirmed=True)
    shown = await world.write(carrier_list.describe, world.shelf, ADMIN, "us-failing", world.clock())
    assert "active 2026-11-22" in shown


async def test_an_admin_gives_no_gateway_for_pictures_that_is_not_listed(world: World) -> None:
    with pytest.raises(UserError, match=r"mms\.example\.org is not on the bot owner's list"):
        await add(world, ADMIN, replace(OWN, mms_domain="mms.example.org"), confirmed=True)
    assert await world.rows(CarrierEntry) == []
    await add(world, ADMIN, replace(OWN, mms_domain="two.example.net"))


async def test_a_servers_own_carriers_are_bounded(world: World) -> None:
    for place in range(OWN_CARRIERS_PER_GUILD):
        await add(world, ADMIN, replace(OWN, name=f"Ours {place}"))
    with pytest.raises(UserError, match="50 carriers of its own"):
        await add(world, ADMIN, OWN)
    await add(world, OTHER_ADMIN, OWN)
    await remove(world, ADMIN, slug_of(world, GUILD, "Ours 0"), confirmed=True)
    await add(world, ADMIN, OWN)


async def test_of_many_admins_at_once_one_takes_a_servers_last_place(world: World, store_url: str) -> None:
    for place in range(OWN_CARRIERS_PER_GUILD - 1):
        await add(world, ADMIN, replace(OWN, name=f"Ours {place}"))
    other = replace(world, store=await open_store(store_url, [KEY]), shelf=Shelf(CATALOGUE, frozenset()))
    try:
        ends = await asyncio.gather(
            *(add((world, other)[i % 2], ADMIN, replace(OWN, name=f"Last {i}")) for i in range(8)),
            return_exceptions=True,
        )
    finally:
        await other.store.close()
    refused = [str(end) for end in ends if isinstance(end, UserError)]
    assert len(refused) == 7, ends
    assert len(await world.rows(CarrierEntry)) == OWN_CARRIERS_PER_GUILD


async def test_of_two_at_once_with_one_name_neither_overwrites_the_other(
    world: World, store_url: str
) -> None:
    other = replace(world, store=await open_store(store_url, [KEY]), shelf=Shelf(CATALOGUE, frozenset()))
    try:
        await asyncio.gather(*(add((world, other)[i % 2], ADMIN, OWN) for i in range(4)))
    finally:
        await other.store.close()
    assert len(await world.rows(CarrierEntry)) == 4


async def test_an_admin_is_not_told_how_many_use_an_own_entry(world: World) -> None:
    answers = []
    for guild, admin, person in ((GUILD, ADMIN, BOB), (OTHER_GUILD, OTHER_ADMIN, None)):
        await add(world, admin, OWN)
        slug = slug_of(world, guild, "Ours")
        if person is not None:
            await world.register(person, carrier_slug=slug)
        said = [
            await remove(world, admin, slug),
            await switch(world, admin, slug, False),
            await edit(world, admin, slug, Change(domain="two.example.net")),
            await remove(world, admin, slug, confirmed=True),
        ]
        answers.append([one.sentence for one in said])
    assert answers[0] == answers[1]
    assert "Whoever uses Ours can't be texted" in answers[0][0]
