"""An edit of a gateway takes the proof from exactly whom it touches; nothing goes there before a new code."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from bot.db.base import Base
from bot.db.store import Store
from bot.db.tables import Registration, WrappedKey
from bot.domain.catalogue import Form
from bot.domain.words import CARRIER_CHANGED, REFUSAL
from bot.services.carrier_change import Change, Done
from bot.services.shelf import Shelf
from tests.conftest import examples
from tests.services.editing import ADMIN, EDITOR, OWN, add, edit
from tests.services.world import ANN, BOB, CARL, CATALOGUE, Clock, Road, World, work

PEOPLE = (ANN, BOB, CARL)
SENDER = 99
SLUGS = ("us-one", "us-two", "own-us-ours")
NUMBERS = {ANN: "2065550101", BOB: "2065550102", CARL: "2065550103"}
PHONES = st.tuples(st.sampled_from(SLUGS), st.booleans())  # the entry, and whether its code was typed
CHANGES = st.builds(
    Change,
    domain=st.sampled_from([None, "one.example.net", "two.example.net", "moved.example.net"]),
    form=st.sampled_from([None, Form.NATIONAL, Form.PLUS, Form.COUNTRY]),
    name=st.just("Renamed"),
)


async def fresh(store: Store) -> World:
    async with store.write() as session:
        for table in reversed(Base.metadata.sorted_tables):
            if table.name != WrappedKey.__tablename__:
                await session.execute(delete(table))
    world = World(store, Clock(), Shelf(CATALOGUE, frozenset({"moved.example.net"})))
    await add(world, ADMIN, OWN)
    return world


def whose(address: str) -> int:
    digits = address.partition("@")[0][-10:]
    return next(person for person, number in NUMBERS.items() if number == digits)


@settings(max_examples=examples(15), suppress_health_check=list(HealthCheck))
@given(phones=st.tuples(PHONES, PHONES, PHONES), edited=st.sampled_from(SLUGS), change=CHANGES)
async def test_exactly_those_whose_address_changed_prove_it_again(
    store: Store, phones: tuple[tuple[str, bool], ...], edited: str, change: Change
) -> None:
    world, road = await fresh(store), Road()
    before: dict[int, tuple[str, str]] = {}
    for person, (slug, typed) in zip(PEOPLE, phones, strict=True):
        gateway = world.shelf.find(ADMIN.guild_id, slug).carrier.gateway  # type: ignore[union-attr]
        before[person] = (gateway.domain, gateway.form)  # type: ignore[union-attr, assignment]
        if typed:
            await world.register(person, carrier_slug=slug)
            await world.text(SENDER, person)
        else:
            await world.ask_code(person, carrier_slug=slug)

    actor = ADMIN if edited.startswith("own") else EDITOR
    assert isinstance(await edit(world, actor, edited, change, confirmed=True), Done)
    hit = {
        person
        for person, (slug, _) in zip(PEOPLE, phones, strict=True)
        if slug == edited
        and before[person] != (change.domain or before[person][0], change.form or before[person][1])
    }
    states = {row.person_id: row.state for row in await world.rows(Registration)}
    typed_by = {person for person, (_, typed) in zip(PEOPLE, phones, strict=True) if typed}
    assert states == {person: "unproven" if person in hit else "active" for person in typed_by}
    for person in PEOPLE:
        told = [notice.words for notice in await world.notices(person)]
        assert told == ([CARRIER_CHANGED] if person in hit else [])

    await work(world.relay(road), 3)
    assert {whose(mail.address) for mail in road.tried} == set(PEOPLE) - hit
    for person in hit:
        assert await world.refused(SENDER, person) == REFUSAL
        await world.register(person, carrier_slug=edited)
        await world.text(SENDER, person)
    road.tried.clear()
    await work(world.relay(road), 3)
    assert {whose(mail.address) for mail in road.tried} == hit
    after = {mail.address.partition("@")[2] for mail in road.tried}
    assert after <= {change.domain or before[person][0] for person in hit}
