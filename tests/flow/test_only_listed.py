"""Whatever is typed as a domain, a carrier or a number, only digits at a listed domain reach RCPT."""

import asyncio
import re
from collections.abc import Awaitable, Iterable
from typing import Any

import pytest
from sqlalchemy import insert, select

from bot.db.marks import set_mark
from bot.db.tables import CarrierEntry, GatewayDomain, OptIn, Registration
from bot.domain.consent import EVERYONE
from bot.domain.words import REFUSAL
from bot.sandbox.member import Person
from bot.sandbox.world import utc_now
from tests.flow.hostile import hostile_addresses
from tests.flow.town import CAROL, DAVE, Town
from tests.flow.wire import problems

AT_ONCE = 8
LISTED = re.compile(r"[0-9]{7,15}@vtext\.com", re.ASCII)


async def in_batches(acts: Iterable[Awaitable[Any]]) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(act: Awaitable[Any]) -> None:
        async with gate:
            await act

    await asyncio.gather(*(one(act) for act in acts))


def named_to_the_server(town: Town) -> set[str]:
    """List every address of a RCPT, as it stood on the wire."""
    wires = [line for mail in town.world.carriers.mails for line in mail.commands]
    found = [re.fullmatch(rb"RCPT TO:<(.*)>\r\n", line, re.DOTALL) for line in wires if line[:4] == b"RCPT"]
    assert all(found)
    return {one[1].decode("utf-8", "replace") for one in found if one}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.ci
async def test_what_is_typed_reaches_no_other_address(store_url: str) -> None:
    async with Town(store_url, limits=None, gateway_rate=0) as town:

        async def type_it(address: str) -> None:
            for person, command, options in (
                (town.editor, "carrier add", {"name": "Odd", "domain": address}),
                (town.editor, "carrier add", {"name": "Odd", "domain": "vtext.com", "mms_domain": address}),
                (town.editor, "carrier edit", {"carrier": "us-helio", "domain": address}),
                (town.admin, "carrier add", {"name": address, "domain": address.rpartition("@")[2] or "x"}),
                (town.bob, "phone register", {"carrier": address}),
            ):
                said = await town.says(person, command, **options)
                assert not said.startswith(("Added", "Changed")), address
            asked = await town.bob.slash(town.guild, "phone register", carrier="us-verizon")
            filled = {"number": address[:64], "consent": ["agreed"]}
            await (await town.bob.submit(asked.modal, filled, force=True)).settled()

        await in_batches(type_it(address) for address in hostile_addresses())
        async with town.store() as store, store.read() as session:
            assert list(await session.scalars(select(GatewayDomain.domain))) == []
            assert list(await session.scalars(select(CarrierEntry.slug))) == []
        await town.register(town.carol, CAROL)
        await (await town.text(town.alice, town.carol, "hi")).settled(
            lambda a: a.content.startswith("Handed")
        )
        assert f"{CAROL}@vtext.com" in named_to_the_server(town)
        assert [one for one in named_to_the_server(town) if not LISTED.fullmatch(one)] == []
        assert [problems(mail) for mail in town.world.carriers.mails if problems(mail)] == []


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.ci
async def test_what_somebody_wrote_into_the_store_reaches_no_other_address_either(store_url: str) -> None:
    async with Town(store_url, limits=None, gateway_rate=0) as town:
        await town.register(town.dave, DAVE)
        people = await tamper(town, hostile_addresses())
        told: set[str] = set()

        async def text(person: Person) -> None:
            answer = await town.text(town.alice, person, "hello")
            await answer.settled(lambda a: not a.content.startswith("On its way"))
            told.add(answer.content.partition(" ")[0])

        await in_batches(text(person) for person in people)
        await (await town.text(town.alice, town.dave, "hi")).settled(lambda a: a.content.startswith("Handed"))
        # What stands behind the @ of some is vtext.com itself: those are Dave's own address.
        assert told == {REFUSAL.partition(" ")[0], "Not", "Handed"}
        assert named_to_the_server(town) == {f"{DAVE}@vtext.com"}
        assert all(error.endswith("no mail can be made of it (ValueError)") for error in town.log.errors())
        town.log.records.clear()


async def tamper(town: Town, hostile: list[str]) -> list[Person]:
    """Write each string as the domain of an entry with its registration, and as a registration's prefix."""
    people = [town.world.discord.person(f"p{place}") for place in range(2 * len(hostile))]
    entries, phones, opted = [], [], []
    async with town.store() as store, store.write() as session:
        (mine,) = (await session.execute(select(Registration.__table__))).mappings()
        for place, address in enumerate(hostile * 2):
            is_domain, at, who = place < len(hostile), utc_now(), people[place].id
            as_domain = {"carrier": f"odd-{place}", "domain": address.rpartition("@")[2] or address}
            odd = as_domain if is_domain else {"prefix": address, "form": "prefix"}
            index = {"id": 10_000 + place, "person_id": who, "number_index": place.to_bytes(8, "big")}
            phones.append(dict(mine) | index | odd)
            opted.append({"person_id": who, "guild_id": town.guild.id, "audience": EVERYONE, "at": at})
            if is_domain:
                entry = {"guild_id": 0, "slug": f"odd-{place}", "name": "Odd", "enabled": True}
                changed = {"domain": as_domain["domain"], "changed_by": 1, "changed_at": at}
                entries.append(entry | changed | {"removed": False})
        await session.execute(insert(CarrierEntry), entries)
        await session.execute(insert(Registration), phones)
        await session.execute(insert(OptIn), opted)
        await set_mark(session, "catalogue", "9")
    for person in people:
        town.world.discord.join(town.guild, person)
    return people
