"""Entries are switched on and off, removed and added again; other processes see it."""

from dataclasses import replace
from typing import Any

import pytest

from bot.db.store import open_store
from bot.domain.catalogue import Form, Status
from bot.domain.errors import UserError
from bot.domain.words import REFUSAL
from bot.services import carrier_list, carriers
from bot.services.carrier_change import Ask, Change, Done
from bot.services.shelf import Shelf
from tests.db.stores import KEY
from tests.services.editing import (
    ADMIN,
    EDITOR,
    NEW,
    add,
    call,
    edit,
    remove,
    slug_of,
    switch,
)
from tests.services.world import ANN, BOB, CARL, CATALOGUE, GUILD, Road, World, work


async def test_an_entry_switched_off_takes_no_texts_until_it_is_on_again(world: World, road: Road) -> None:
    await world.register(BOB)
    off = await switch(world, EDITOR, "us-one", False)
    assert "1 person on it can't be texted" in off.sentence
    assert await world.refused(ANN, BOB) == REFUSAL
    with pytest.raises(UserError, match="switched off"):
        await world.ask_code(CARL)
    await switch(world, EDITOR, "us-one", True)
    await world.text(ANN, BOB)
    await work(world.relay(road))
    assert len(road.taken) == 1


async def test_a_closed_entry_is_enabled_by_an_editor_who_saw_the_evidence(world: World) -> None:
    with pytest.raises(UserError, match="Only the bot's owner"):
        await switch(world, ADMIN, "us-failing", True, confirmed=True)
    asked = await switch(world, EDITOR, "us-failing", True)
    assert isinstance(asked, Ask)
    assert "failing since 2024-12" in asked.sentence
    assert "https://example.org/gone" in asked.sentence
    with pytest.raises(UserError):
        await world.ask_code(BOB, carrier_slug="us-failing")
    assert isinstance(await switch(world, EDITOR, "us-failing", True, confirmed=True), Done)
    await world.register(BOB, carrier_slug="us-failing")
    await world.text(ANN, BOB)


async def test_a_pager_is_never_enabled(world: World) -> None:
    with pytest.raises(UserError, match="pages for pagers"):
        await switch(world, EDITOR, "us-pager", True, confirmed=True)


async def test_on_and_off_again_does_not_outlive_the_closing_date(world: World) -> None:
    for on in (False, True):
        await switch(world, EDITOR, "us-closing", on, confirmed=True)
    await world.register(BOB, carrier_slug="us-closing")
    world.clock.at = world.clock.at.replace(year=2027, month=4)
    assert await world.refused(ANN, BOB) == REFUSAL
    assert isinstance(await switch(world, EDITOR, "us-closing", True), Ask)


async def test_removing_an_entry_in_use_asks_and_then_tells(world: World) -> None:
    await world.register(BOB)
    asked = await remove(world, EDITOR, "us-one")
    assert isinstance(asked, Ask)
    assert "1 person" in asked.sentence
    assert isinstance(await remove(world, EDITOR, "us-one", confirmed=True), Done)
    (told,) = await world.notices(BOB)
    assert told.words.startswith(
        "The bot no longer sends texts through One, so nobody can text your phone. Use"
    )
    assert world.shelf.find(GUILD, "us-one") is None
    assert await world.refused(ANN, BOB) == REFUSAL


async def test_an_entry_added_again_after_its_removal_is_a_new_one(world: World) -> None:
    await add(world, EDITOR, replace(NEW, mms_domain="mms.example.org"), confirmed=True)
    slug = slug_of(world, GUILD, "Corner")
    await edit(world, EDITOR, slug, Change(status=Status.RETIRED))
    await remove(world, EDITOR, slug, confirmed=True)
    await add(world, EDITOR, replace(NEW, form=None), confirmed=True)
    listed = world.shelf.find(GUILD, slug_of(world, GUILD, "Corner"))
    assert listed is not None
    carrier = listed.carrier
    assert (carrier.status, carrier.status_date, carrier.mms_domain) == (Status.UNKNOWN, None, None)
    assert carrier.gateway is not None
    assert carrier.gateway.form is None


async def test_another_process_sees_the_change_at_its_next_look(world: World, store_url: str) -> None:
    other = replace(world, store=await open_store(store_url, [KEY]), shelf=Shelf(CATALOGUE, frozenset()))
    try:
        await other.register(BOB)
        await switch(world, EDITOR, "us-one", False)
        assert await other.refused(ANN, BOB) == REFUSAL
        await switch(world, EDITOR, "us-one", True)
        await add(world, EDITOR, NEW, confirmed=True)
        await other.text(ANN, BOB)
        assert "corner.example.org" in other.shelf.domains
    finally:
        await other.store.close()


async def test_a_change_that_is_rolled_back_is_not_seen(world: World) -> None:
    async def edit_and_fail(*arguments: Any, **how: bool) -> None:
        await carriers.edit(*arguments, **how)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await call(world, edit_and_fail, EDITOR, "us-one", Change(name="X"))
    await world.write(world.shelf.refresh)
    listed = world.shelf.find(GUILD, "us-one")
    assert listed is not None
    assert listed.carrier.name == "One"


async def test_an_entry_that_a_server_hid_leaves_nothing_behind_when_it_is_removed(world: World) -> None:
    await switch(world, ADMIN, "us-one", False)
    await remove(world, EDITOR, "us-one", confirmed=True)
    assert world.shelf.find(GUILD, "us-one") is None
    assert "us-one" not in [seen.carrier.slug for seen in world.shelf.seen_in(GUILD)]


async def test_a_shared_entry_is_removed_only_after_asking_and_comes_back(world: World) -> None:
    asked = await remove(world, EDITOR, "us-one")
    assert isinstance(asked, Ask)
    assert "/carrier enable brings it back" in asked.sentence
    await remove(world, EDITOR, "us-one", confirmed=True)
    assert isinstance(await switch(world, EDITOR, "One", True), Done)
    await world.register(BOB)
    await world.text(ANN, BOB)


async def test_what_the_owner_removed_is_named_as_such_with_the_way_back(world: World) -> None:
    await remove(world, EDITOR, "us-one", confirmed=True)
    back = r"One was removed for everyone\. The bot's owner can bring it back with /carrier enable\."
    for typed in ("us-one", "One"):
        for act in (
            switch(world, ADMIN, typed, True),
            switch(world, EDITOR, typed, False),
            edit(world, EDITOR, typed, Change(name="X")),
            remove(world, EDITOR, typed, confirmed=True),
        ):
            with pytest.raises(UserError, match=back):
                await act
        with pytest.raises(UserError, match=back):
            await world.write(carrier_list.describe, world.shelf, ADMIN, typed, world.clock())
    with pytest.raises(UserError, match="no such carrier"):
        await switch(world, EDITOR, "us-none", True)


async def test_a_removed_retired_entry_added_anew_is_one_that_people_can_use(world: World) -> None:
    await remove(world, EDITOR, "us-retired", confirmed=True)
    anew = Change(name="Retired", domain="retired.example.net", country="US", form=Form.NATIONAL)
    with pytest.raises(UserError, match="Only the bot's owner"):
        await add(world, ADMIN, anew, confirmed=True)
    await add(world, EDITOR, anew, confirmed=True)
    await world.register(BOB, carrier_slug=slug_of(world, GUILD, "Retired"))
    await world.text(ANN, BOB)


async def test_an_editor_who_enables_an_entry_lifts_what_the_server_hid(world: World) -> None:
    await switch(world, ADMIN, "us-one", False)
    assert "shows it again" in (await switch(world, EDITOR, "us-one", True)).sentence
    await world.register(BOB)
    assert "shows it again" not in (await switch(world, EDITOR, "us-one", True)).sentence


async def test_a_service_is_switched_on_at_once_and_says_what_it_needs(world: World) -> None:
    done = await switch(world, EDITOR, "any-service", True)
    assert done == Done(
        "Service is on for everyone: /phone register works without naming a carrier. It needs an account."
    )
    await world.register(BOB, carrier_slug="any-service")
    await world.text(ANN, BOB)
    off = await switch(world, EDITOR, "any-service", False)
    assert off.sentence.startswith("Service is off for everyone. 1 person on it can't be texted")
    assert await world.refused(ANN, BOB) == REFUSAL


async def test_only_an_editor_switches_a_service_on(world: World) -> None:
    with pytest.raises(UserError, match="Only the bot's owner can enable it"):
        await switch(world, ADMIN, "any-service", True)


async def test_a_failing_service_is_switched_on_only_after_its_evidence(world: World) -> None:
    await edit(world, EDITOR, "any-service", Change(status=Status.FAILING))
    asked = await switch(world, EDITOR, "any-service", True)
    assert isinstance(asked, Ask)
    assert "It needs an account." in asked.sentence
    assert isinstance(await switch(world, EDITOR, "any-service", True, confirmed=True), Done)
