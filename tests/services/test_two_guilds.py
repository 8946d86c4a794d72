"""What the admins of one guild do to the catalogue changes nothing that another guild sees (dangers T2)."""

from datetime import datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.store import Store
from bot.db.tables import Audit, CarrierEntry, GatewayDomain
from bot.domain.carrier_csv import write_sheet
from bot.domain.catalogue import Form, Status
from bot.domain.errors import UserError
from bot.services import carrier_import, carrier_list, carriers
from bot.services.carrier_change import Actor, Change
from bot.services.carrier_list import Wanted
from bot.services.carrier_plan import Plan
from bot.services.registration import carrier_to_register
from bot.services.shelf import Shelf
from tests.conftest import examples
from tests.services.world import ANN, BOB, CATALOGUE, GUILD, OTHER_GUILD, Clock, World

ADMIN = Actor(2, GUILD, is_editor=False, is_admin=True)
OTHER_ADMIN = Actor(3, OTHER_GUILD, is_editor=False, is_admin=True)
EDITOR = Actor(1, OTHER_GUILD, is_editor=True, is_admin=True)

NAMES = st.sampled_from(["Ours", "Theirs", "One", "Service"])
DOMAINS = st.sampled_from(["one.example.net", "two.example.net", "retired.example.net", "evil.example.com"])
CHANGES = st.builds(
    Change,
    name=st.none() | NAMES,
    domain=st.none() | DOMAINS,
    country=st.sampled_from([None, "US"]),
    form=st.none() | st.sampled_from(Form),
    status=st.none() | st.sampled_from(Status),
)
SLUGS = st.sampled_from(
    ["us-one", "us-failing", "any-service", "us-ours", "us-theirs", "own-us-ours", "own-us-theirs", "Theirs"]
)
ROWS = st.fixed_dictionaries(
    {
        "slug": SLUGS,
        "name": NAMES,
        "domain": DOMAINS,
        "status": st.sampled_from(["", "active", "failing"]),
        "switch": st.sampled_from(["", "on", "off", "enabled", "removed"]),
    }
)


async def import_file(
    session: AsyncSession, shelf: Shelf, actor: Actor, rows: list[Any], now: datetime, *, confirmed: bool
) -> None:
    """Import rows in one transaction, as the press of the button does."""
    await shelf.refresh(session)
    plan = await carrier_import.plan(shelf, await carrier_import.read(write_sheet(rows)), actor, now)
    if isinstance(plan, Plan) and confirmed:
        await carrier_import.write(session, plan, actor, now)


COMMANDS = st.one_of(
    st.tuples(st.just(carriers.add), CHANGES),
    st.tuples(st.just(carriers.edit), SLUGS, CHANGES),
    st.tuples(st.just(carriers.switch), SLUGS, st.booleans()),
    st.tuples(st.just(carriers.remove), SLUGS),
    st.tuples(st.just(import_file), st.lists(ROWS, max_size=3)),
)


async def try_to(world: World, actor: Actor, command: tuple[Any, ...]) -> None:
    act, *arguments = command
    try:
        await world.write(act, world.shelf, actor, *arguments, world.clock(), confirmed=True)
    except UserError:
        pass
    await world.write(world.shelf.refresh)


def answer(act: Any, *arguments: Any) -> str:
    try:
        return str(act(*arguments))
    except UserError as refused:
        return f"refused: {refused}"


async def reads(world: World, act: Any, *arguments: Any) -> str:
    try:
        return str(await world.write(act, world.shelf, *arguments, world.clock()))
    except UserError as refused:
        return f"refused: {refused}"


async def view(world: World, guild: int) -> list[str]:
    """Ask everything that a guild's members and admins can ask of the catalogue."""
    slugs = [carrier.slug for carrier in CATALOGUE.carriers]
    slugs += ["us-theirs", "own-us-theirs", "own-us-ours", "us-ours"]
    admin = Actor(5, guild, is_editor=False, is_admin=True)
    return [
        await reads(world, carrier_list.page, admin, Wanted(), 1),
        await reads(world, carrier_list.page, admin, Wanted(), 2),
        *[await reads(world, carrier_list.describe, admin, slug) for slug in slugs],
        *(answer(carrier_to_register, world.shelf, guild, slug, world.clock()) for slug in slugs),
        *(str(world.shelf.search(guild, word, "US", everything=True)) for word in ("", "ours", "one")),
        *(str(world.shelf.named(guild, word)) for word in ("Ours", "Theirs", "One")),
        str(sorted(world.shelf.domains)),
    ]


async def fresh(store: Store) -> World:
    async with store.write() as session:
        for table in (CarrierEntry, GatewayDomain, Audit):
            await session.execute(delete(table))
    return World(store, Clock(), Shelf(CATALOGUE, frozenset()))


MANY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(25))


@MANY
@given(commands=st.lists(COMMANDS, min_size=1, max_size=6), theirs_first=st.booleans())
async def test_no_command_of_one_guild_changes_what_another_sees(
    store: Store, commands: list[tuple[Any, ...]], theirs_first: bool
) -> None:
    world = await fresh(store)
    own = (carriers.add, Change(name="Theirs", domain="two.example.net", country="US", form=Form.PLUS))
    if theirs_first:
        await try_to(world, OTHER_ADMIN, own)
    before = await view(world, OTHER_GUILD)
    assert ("Theirs" in "".join(before[:2])) == theirs_first
    for command in commands:
        await try_to(world, ADMIN, command)
        assert await view(world, OTHER_GUILD) == before
    await try_to(world, OTHER_ADMIN, own)
    assert "Theirs" in "".join((await view(world, OTHER_GUILD))[:2])


async def test_a_guilds_own_entry_is_seen_and_used_only_there(world: World) -> None:
    await try_to(world, ADMIN, (carriers.add, Change(name="Ours", domain="two.example.net", country="US")))
    assert "this server's own" in "".join((await view(world, GUILD))[:2])
    assert "Ours" not in "".join((await view(world, OTHER_GUILD))[:2])
    (slug,) = [seen.carrier.slug for seen in world.shelf.seen_in(GUILD) if seen.carrier.name == "Ours"]
    await world.register(BOB, carrier_slug=slug)
    await world.text(ANN, BOB)
    for guild in (OTHER_GUILD, None):
        assert "no such carrier" in answer(carrier_to_register, world.shelf, guild, slug, world.clock())


async def test_a_shared_entry_of_the_same_name_does_not_swallow_a_guilds_own(world: World) -> None:
    change = Change(name="Ours", domain="two.example.net", country="US")
    await try_to(world, ADMIN, (carriers.add, change))
    (slug,) = [seen.carrier.slug for seen in world.shelf.seen_in(GUILD) if seen.carrier.name == "Ours"]
    await world.register(BOB, carrier_slug=slug)
    await try_to(world, EDITOR, (carriers.add, change))
    assert {seen.guild for seen in world.shelf.seen_in(GUILD) if seen.carrier.name == "Ours"} == {GUILD, 0}
    await world.text(ANN, BOB)


async def test_a_guild_hides_a_shared_entry_for_itself_alone(world: World) -> None:
    await try_to(world, ADMIN, (carriers.switch, "us-one", False))
    assert "switched off here" in answer(carrier_to_register, world.shelf, GUILD, "us-one", world.clock())
    await world.register(BOB, guild_id=OTHER_GUILD)
    await try_to(world, ADMIN, (carriers.switch, "us-one", True))
    await world.register(ANN)
