"""Importing carriers: all or nothing, within one's rights, and never in the way of texts."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.db.store import Store
from bot.db.tables import Audit, CarrierEntry, GatewayDomain, Registration, Verification
from bot.domain.carrier_csv import COLUMNS, MOST_ROWS, write_sheet
from bot.domain.catalogue import Form, Status
from bot.domain.errors import UserError
from bot.domain.words import CARRIER_CHANGED, REFUSAL
from bot.services import carrier_difference, carrier_import
from bot.services.carrier_change import Actor, Change
from bot.services.carrier_plan import Plan, Wrong, exported
from bot.services.shelf import SHARED, Shelf
from tests.conftest import examples
from tests.db.stores import Shared, empty_tables
from tests.services.editing import ADMIN, EDITOR, NEW, NOBODY, OTHER_ADMIN, OWN, add, edit, remove, switch
from tests.services.world import ANN, BOB, CARL, CATALOGUE, GUILD, OTHER_GUILD, Clock, Road, World

Row = dict[str, str]


async def planned(world: World, actor: Actor, *rows: Row) -> Plan | Wrong:
    await world.write(world.shelf.refresh)
    sheet = await carrier_import.read(write_sheet(rows))
    return await carrier_import.plan(world.shelf, sheet, actor, world.clock())


async def imported(world: World, actor: Actor, *rows: Row) -> str:
    """Import rows and return what the person reads."""
    shown = await planned(world, actor, *rows)
    if isinstance(shown, Wrong):
        return carrier_difference.problems(shown)
    plan, hit = await carrier_import.carry_out(
        shown.digest,
        lambda: planned(world, actor, *rows),
        lambda plan: world.write(carrier_import.write, plan, actor, world.clock()),
    )
    await world.write(world.shelf.refresh)
    return carrier_difference.done(plan, actor, hit)


async def left(world: World) -> list[Any]:
    """List all that an import writes."""
    kept = [await world.rows(table) for table in (CarrierEntry, GatewayDomain, Audit)]
    return [[{k: v for k, v in vars(row).items() if k[0] != "_"} for row in rows] for rows in kept]


def new(slug: str = "us-new", **cells: str) -> Row:
    return {
        "slug": slug,
        "name": "New",
        "country": "US",
        "domain": "one.example.net",
        "form": "national",
        **cells,
    }


async def test_the_difference_is_shown_before_anything_is_written(world: World) -> None:
    rows = (
        new(domain="new.example.org"),
        {"slug": "us-one", "name": "One and only"},
        {"slug": "us-two", "switch": "removed"},
        {"slug": "us-closing", "name": "Closing"},
        {"slug": "us-failing", "switch": "enabled"},
    )
    plan = await planned(world, EDITOR, *rows)
    assert isinstance(plan, Plan)
    assert carrier_difference.counted(plan) == (
        "The file adds 1 carrier, changes 2 and removes 1; "
        "1 in it are as they are, and 4 that are not in it stay."
    )
    assert carrier_difference.shown(plan).splitlines() == [
        carrier_difference.counted(plan),
        "New domains (1), to which texts may then go to any number: new.example.org.",
        "On although known to fail: us-failing.",
        "Whoever uses a carrier that goes, or whose domain or form changes, must prove their phone again.",
        "Added: us-new (New at new.example.org).",
        "Changed: us-one (name One → One and only), us-failing (switch on → enabled).",
        "Removed: us-two.",
    ]
    assert await left(world) == [[], [], []]


async def test_an_import_changes_adds_removes_and_is_written_down(world: World) -> None:
    await world.register(ANN, carrier_slug="us-two")
    await world.register(BOB)
    await world.ask_code(CARL, carrier_slug="us-two")
    said = await imported(
        world, EDITOR, new(domain="new.example.org"), {"slug": "us-two", "domain": "one.example.net"},
        {"slug": "us-failing", "switch": "enabled"}, {"slug": "us-closing", "switch": "removed"},
        {"slug": "us-one", "status": "failing"},
    )  # fmt: skip
    assert said == (
        "Imported 5 carriers. 2 people must prove their phone again, and will be told. "
        "/carrier list shows them."
    )
    states = {row.person_id: (row.state, row.version) for row in await world.rows(Registration)}
    assert states == {ANN: ("unproven", 2), BOB: ("active", 1)}
    assert await world.rows(Verification) == []
    assert [[n.words for n in await world.notices(person)] for person in (ANN, BOB, CARL)] == [
        [CARRIER_CHANGED], [], [CARRIER_CHANGED],
    ]  # fmt: skip
    assert [row.domain for row in await world.rows(GatewayDomain)] == ["new.example.org"]
    audit = {row.subject: (json.loads(row.before), json.loads(row.after)) for row in await world.rows(Audit)}
    assert audit["us-two"] == ({"domain": "two.example.net"}, {"domain": "one.example.net"})
    assert audit["us-failing"] == ({"switch": "on"}, {"switch": "enabled"})
    assert audit["us-closing"] == ({"switch": "on"}, {"switch": "removed"})
    assert audit["us-one"] == (
        {"status": "active", "status_date": ""}, {"status": "failing", "status_date": "2026-11-22"},
    )  # fmt: skip
    assert audit["us-new"][1]["domain"] == "new.example.org"
    one = world.shelf.find(None, "us-one")
    assert one is not None
    assert one.carrier.status is Status.FAILING
    assert world.shelf.find(None, "us-closing") is None
    assert await world.refused(ANN, BOB) == REFUSAL
    await world.register(CARL, carrier_slug="us-new")
    # What was not named stays, and what was removed comes back as it was.
    await imported(world, EDITOR, {"slug": "us-closing", "switch": "on"})
    back = world.shelf.find(None, "us-closing")
    assert back is not None
    assert back.carrier == CATALOGUE.by_slug["us-closing"]


async def test_what_is_there_no_more_harms_nobody(world: World) -> None:
    plan = await planned(world, EDITOR, {**new(), "switch": "removed"})
    assert isinstance(plan, Plan)
    assert plan.unproving == ()
    assert "must prove" not in carrier_difference.shown(plan)


async def test_one_bad_row_at_the_end_changes_nothing(world: World) -> None:
    rows = [new(f"us-x-{place}") for place in range(MOST_ROWS)]
    rows[4_998]["domain"] = "ceo@victim.test"
    said = await imported(world, EDITOR, *rows)
    assert said == (
        "Nothing was imported. Mend these lines and import the file again:\n"
        "line 5000: domain: Type only the domain, without an address, a port or http://, "
        "like sms.example.net."
    )
    assert await left(world) == [[], [], []]


WRONG = [
    ({"domain": "{number}@evil.test"}, "domain: "), ({"domain": "127.0.0.1"}, "domain: "),
    ({"domain": "localhost"}, "domain: "), ({"mms_domain": "a b"}, "mms_domain: "),
    ({"name": "a @b"}, "name: "), ({"country": "ZZ"}, "country: "), ({"form": "prefix"}, "form: "),
    ({"form": "7{n}"}, "form: "), ({"status": "great"}, "status: use active"),
    ({"switch": "maybe"}, "switch: use on"),
    ({"status_date": "17/06/2025"}, "status_date: "), ({"status_date": "2025-02-30"}, "status_date: "),
    ({"status_date": "2026-11-23"}, "status_date: that day is still to come"),
    ({"slug": "own-x"}, "slug: "), ({"slug": "Ünder score"}, "slug: "), ({"slug": "x" * 61}, "slug: "),
    ({"name": ""}, "a new carrier needs"), ({"domain": "", "form": ""}, "a new carrier needs"),
]  # fmt: skip


async def test_wrong_cells_are_named_by_line_all_of_them(world: World) -> None:
    rows = [{**new(f"us-x-{place}"), **cells} for place, (cells, _) in enumerate(WRONG)]
    plan = await planned(world, EDITOR, *rows)
    assert isinstance(plan, Wrong)
    for line, (_, said) in enumerate(WRONG, 2):
        assert [p for p in plan.problems if p.startswith(f"line {line}: {said}")], (line, said)
    shown = carrier_difference.problems(plan, 5)
    assert shown.splitlines()[-1] == f"…and {len(plan.problems) - 5} more."


async def test_an_admin_imports_own_entries_on_listed_domains_alone(world: World) -> None:
    own = new("own-us-a", form="country")
    assert await imported(world, ADMIN, own) == "Imported 1 carrier. /carrier list shows them."
    assert world.shelf.find(OTHER_GUILD, "own-us-a") is None
    assert world.shelf.find(GUILD, "own-us-a") is not None
    beyond = [
        ({"domain": "corner.example.org"}, "domain: corner.example.org is not on the bot owner's list"),
        ({"mms_domain": "corner.example.org"}, "mms_domain: corner.example.org is not on"),
        ({"domain": "failing.example.net"}, "domain: this gateway is closed"),
        ({"switch": "enabled"}, "switch: only the bot's owner"), ({"slug": "us-one"}, "slug: a server's own"),
    ]  # fmt: skip
    before = await left(world)
    for cells, said in beyond:
        assert said in await imported(world, ADMIN, {**own, "slug": "own-us-b", **cells}), cells
    many = [new(f"own-us-{place}") for place in range(50)]
    assert "a server has 50 at most" in await imported(world, ADMIN, *many)
    assert await left(world) == before
    with pytest.raises(UserError, match="Manage Server"):
        await imported(world, NOBODY, own)
    await world.register(BOB, carrier_slug="own-us-a")
    said = await imported(world, ADMIN, {"slug": "own-us-a", "switch": "removed"}, *many)
    assert said.startswith("Imported 51 carriers. Whoever used it must prove their phone again")
    assert await imported(world, OTHER_ADMIN, own, {"slug": "own-us-z", "switch": "removed"}) == (
        "Imported 1 carrier. /carrier list shows them."
    )


async def test_the_domain_of_an_entry_that_is_brought_back_was_shown(world: World) -> None:
    gone = new(domain="corner.example.org", switch="removed")
    plan = await planned(world, EDITOR, gone)
    assert isinstance(plan, Plan)
    assert plan.new_domains == ("corner.example.org",)
    await imported(world, EDITOR, gone)
    await switch(world, EDITOR, "us-new", True)
    await world.register(BOB, carrier_slug="us-new")
    await world.text(ANN, BOB)


async def test_an_admins_file_opens_no_closed_gateway_by_its_status(world: World) -> None:
    await imported(world, ADMIN, new("own-us-a"))
    for closing in ("us-one", "own-us-a"):
        await edit(world, EDITOR, closing, Change(status=Status.FAILING))
    before = await left(world)
    said = await imported(world, ADMIN, {"slug": "own-us-a", "status": "active"})
    assert "line 2: status: this gateway is closed" in said
    assert await left(world) == before


async def test_what_was_shown_is_what_is_written(world: World) -> None:
    row = {"slug": "us-one", "name": "First"}
    shown = await planned(world, EDITOR, row)
    assert isinstance(shown, Plan)
    written = []

    async def write(plan: Plan) -> Any:
        if not written:  # somebody is quicker, once; it has nothing to do with the file
            await edit(world, EDITOR, "us-two", Change(name="Second"))
        written.append(await world.write(carrier_import.write, plan, EDITOR, world.clock()))
        return written[-1]

    _, hit = await carrier_import.carry_out(shown.digest, lambda: planned(world, EDITOR, row), write)
    assert hit == 0
    assert written == [None, 0]
    # Now what it changes has changed too.
    shown = await planned(world, EDITOR, {"slug": "us-one", "name": "Third"})
    assert isinstance(shown, Plan)
    await edit(world, EDITOR, "us-one", Change(name="Fourth"))
    with pytest.raises(UserError, match="have changed since"):
        await carrier_import.carry_out(
            shown.digest, lambda: planned(world, EDITOR, {"slug": "us-one", "name": "Third"}), write
        )
    # And who lost the right in between writes nothing.
    shown = await planned(world, EDITOR, {"slug": "us-one", "name": "Fifth"})
    with pytest.raises(UserError):
        await world.write(carrier_import.write, shown, ADMIN, world.clock())
    with pytest.raises(UserError):
        await world.write(carrier_import.write, shown, NOBODY, world.clock())


@pytest.mark.ci
async def test_texts_go_on_while_thousands_of_rows_are_imported(world: World) -> None:
    await world.register(BOB)
    road = Road()
    relay = world.relay(road)
    rows = [new(f"us-x-{place}", name=f"Carrier {place}") for place in range(MOST_ROWS)]
    importing = asyncio.create_task(imported(world, EDITOR, *rows))
    accepted = 0
    while not importing.done():
        await world.text(ANN, BOB, f"text {accepted}")
        accepted += 1
        await relay.one_pass()
    await relay.finish()
    assert await importing == "Imported 5,000 carriers. /carrier list shows them."
    assert len(await world.rows(CarrierEntry)) == len(await world.rows(Audit)) == MOST_ROWS
    assert accepted >= 10
    assert len(road.taken) >= accepted - 1


SLUGS = st.sampled_from(
    ["us-one", "us-two", "us-failing", "us-retired", "de-open", "any-service", "us-a", "us-b"]
)
CELLS: dict[str, st.SearchStrategy[str]] = {
    "name": st.sampled_from(["One", "=1+1", "Móvil", "+1 Mobile", "-x", "'=x", "a, \"b\""]),
    "country": st.sampled_from(["US", "DE", "", "CI"]),
    "domain": st.sampled_from(["one.example.net", "new.example.org", "two.example.net"]),
    "form": st.sampled_from([*(form.value for form in Form if form is not Form.PREFIX), ""]),
    "mms_domain": st.sampled_from(["mms.example.net", ""]),
    "status": st.sampled_from([*(status.value for status in Status), ""]),
    "status_date": st.sampled_from(["2025-06-17", ""]),
    "switch": st.sampled_from(["on", "enabled", "off", "removed", ""]),
}  # fmt: skip
ROWS = st.lists(
    st.fixed_dictionaries({"slug": SLUGS, **CELLS}), max_size=6, unique_by=lambda row: row["slug"]
)


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, ROWS)
def test_export_then_import_is_the_identity(
    shared_store: Shared, first: list[Row], second: list[Row]
) -> None:
    async def check() -> None:
        empty_tables(shared_store.url, keep="wrapped_keys")
        store = Store(shared_store.engine, shared_store.vault)
        try:
            world = World(store, Clock(), Shelf(CATALOGUE, frozenset()))
            for rows in (first, second):
                await imported(world, EDITOR, *rows)
            whole = exported(world.shelf, SHARED)
            here = await planned(world, EDITOR, *whole)
            assert isinstance(here, Plan)
            assert here.wants == ()
            assert here.left == 0
            # Elsewhere it makes the same of what ships.
            empty_tables(shared_store.url, keep="wrapped_keys")
            other = World(store, Clock(), Shelf(CATALOGUE, frozenset()))
            await imported(other, EDITOR, *whole)
            assert exported(other.shelf, SHARED) == whole
            assert set(whole[0]) == set(COLUMNS)
        finally:
            await store.close()

    asyncio.run(check())


async def test_what_commands_changed_is_exported_and_imported_alike(world: World) -> None:
    await add(world, EDITOR, NEW, confirmed=True)
    await edit(world, EDITOR, "us-one", Change(domain="two.example.net", status=Status.FAILING))
    await switch(world, EDITOR, "us-failing", True, confirmed=True)
    await switch(world, EDITOR, "de-open", False)
    await switch(world, ADMIN, "us-two", False)
    await remove(world, EDITOR, "us-closing", confirmed=True)
    await add(world, ADMIN, OWN)
    for actor, owner in ((EDITOR, SHARED), (ADMIN, GUILD)):
        rows = exported(world.shelf, owner)
        plan = await planned(world, actor, *rows)
        assert isinstance(plan, Plan)
        assert (plan.wants, plan.same, plan.left) == ((), len(rows), 0)
    assert [row["slug"] for row in exported(world.shelf, GUILD)] == ["own-us-ours"]
    assert {row["slug"]: row["switch"] for row in exported(world.shelf, SHARED)}["us-closing"] == "removed"
