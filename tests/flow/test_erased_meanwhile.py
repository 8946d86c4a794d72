"""Whoever is erased while something of theirs is under way leaves nothing behind that names them."""

from datetime import timedelta

import pytest
from sqlalchemy import String, cast, select

from bot.db.base import Base
from bot.db.store import Store
from bot.domain.inbound import Kind, Trust
from bot.sandbox.member import Person
from bot.sandbox.smtp_script import Step, stall
from tests.commands.test_privacy import erase
from tests.conftest import telling
from tests.flow.post import arrives, comes_back
from tests.flow.town import BOB, GATEWAY, Town

pytestmark = pytest.mark.slow


async def traces(store: Store, person: Person) -> list[str]:
    """List every table and column that names a person in clear."""
    found = []
    async with store.read() as session:
        for table in Base.metadata.sorted_tables:
            for column in table.columns:
                named = cast(column, String)
                which = select(column).where(named.contains(str(person.id)))
                if (await session.execute(which)).first() is not None:
                    found.append(f"{table.name}.{column.name}")
    return found


@pytest.mark.parametrize("who", telling(["recipient", "sender"], 1))
async def test_nothing_under_way_names_whoever_was_erased(town: Town, who: str) -> None:
    person = town.alice if who == "sender" else town.bob
    await town.register(town.bob)
    await town.register(town.alice, "2065550151")
    first = await town.text(town.alice, town.bob, "hello")
    await first.settled(lambda a: a.content.startswith("Handed"))
    await arrives(town, Kind.REPLY, town.bob, first, "held", trust=Trust.UNPROVEN)
    town.world.carriers.tell(stall(Step.BODY, f"{BOB}@{GATEWAY}", times=1))
    on_the_wire = await town.text(town.alice, town.bob, "on the wire")
    await town.text(town.alice, town.bob, "waits")
    await erase(town, person)
    town.world.carriers.release()
    await town.jump(timedelta(minutes=1))
    for kind in (Kind.REPLY, Kind.STOP, Kind.START, Kind.HELP):
        await arrives(town, kind, town.bob, first, "late")
    await comes_back(town, town.bob, on_the_wire)
    async with town.store() as store:
        # The counters against abuse stay until they end (PRIVACY.md).
        assert await traces(store, person) == ["code_uses.key", "usages.key"]
    assert [mail for mail in town.world.carriers.mails if b"waits" in mail.content] == []
