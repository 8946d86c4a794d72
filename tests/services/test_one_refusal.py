"""Whoever takes no texts is refused in the same bytes."""

from datetime import timedelta
from typing import Any

import pytest

from bot.db import people, quiet
from bot.db.tables import TextRow, Usage
from bot.domain.catalogue import Status
from bot.domain.consent import NOBODY
from bot.domain.inbound import Kind, Trust
from bot.domain.limits import Limits, Rate
from bot.domain.words import REFUSAL
from bot.services import audience, carriers, phone, privacy
from bot.services.arrivals import Acted
from bot.services.carriers import Actor, Change
from tests.services.arriving import arrives
from tests.services.world import ANN, BOB, CARL, GUILD, OTHER_GUILD, Clock, World

HOUR = timedelta(hours=1)


PLENTY = Rate(1000, HOUR)


EDITOR = Actor(1, GUILD, is_editor=True, is_admin=True)


def only(**rates: int) -> Limits:
    """Limit only what is named, per hour."""
    wide = dict.fromkeys(("sender", "pair", "recipient", "guild", "codes"), PLENTY)
    return Limits(**wide | {name: Rate(count, HOUR) for name, count in rates.items()})


async def unknown(_: World) -> dict[str, Any]:
    return {"recipient_id": 99}


async def not_a_member(_: World) -> dict[str, Any]:
    return {"recipient_is_member": False}


async def not_opted_in_here(_: World) -> dict[str, Any]:
    return {"guild_id": OTHER_GUILD}


async def audience_nobody(world: World) -> dict[str, Any]:
    await world.write(phone.allow, BOB, GUILD, NOBODY, world.clock())
    return {}


async def not_listed(world: World) -> dict[str, Any]:
    await world.write(audience.list_senders, BOB, GUILD, [(CARL, False), (901, True)], world.clock())
    return {"sender_roles": (902,)}


async def listed_but_blocked(world: World) -> dict[str, Any]:
    await world.write(audience.list_senders, BOB, GUILD, [(ANN, False)], world.clock())
    return await blocked(world)


async def paused_in_quiet_hours(world: World) -> dict[str, Any]:
    await world.write(audience.set_quiet, BOB, "0:00", "23:59", "UTC", world.clock())
    return await paused(world)


async def paused(world: World) -> dict[str, Any]:
    await world.write(phone.pause, BOB, 1, world.clock())
    return {}


async def blocked(world: World) -> dict[str, Any]:
    await world.write(phone.block, BOB, ANN, world.clock())
    return {}


async def removed(world: World) -> dict[str, Any]:
    await world.write(phone.remove, BOB, world.clock())
    return {}


async def erased(world: World) -> dict[str, Any]:
    await world.write(privacy.erase, BOB, world.clock())
    return {}


async def quiet_for_a_year(world: World) -> dict[str, Any]:
    await world.write(quiet.silence, world.clock() + timedelta(days=1), 10)
    return {}


async def said_stop(world: World) -> dict[str, Any]:
    assert await arrives(world, Kind.STOP, None) is Acted.STOP
    return {}


async def stop_that_may_be_forged(world: World) -> dict[str, Any]:
    assert await arrives(world, Kind.STOP, None, trust=Trust.UNPROVEN) is Acted.STOP
    return {}


async def suspended_by_bounces(world: World) -> dict[str, Any]:
    assert await world.write(people.move, BOB, (people.ACTIVE,), people.RETURNED)
    return {}


async def only_a_code_asked(world: World) -> dict[str, Any]:
    await world.ask_code(CARL)
    return {"recipient_id": CARL}


async def evicted(world: World) -> dict[str, Any]:
    await world.register(CARL, typed_number="206 555 0102")
    return {}


async def unproven(world: World) -> dict[str, Any]:
    change = Change(domain="two.example.net")
    await world.write(carriers.edit, world.shelf, EDITOR, "us-one", change, world.clock(), confirmed=True)
    return {}


async def carrier_disabled(world: World) -> dict[str, Any]:
    await world.write(carriers.switch, world.shelf, EDITOR, "us-one", False, world.clock(), confirmed=True)
    return {}


async def carrier_removed(world: World) -> dict[str, Any]:
    await world.write(carriers.remove, world.shelf, EDITOR, "us-one", world.clock(), confirmed=True)
    return {}


async def carrier_retired(world: World) -> dict[str, Any]:
    change = Change(status=Status.RETIRED)
    await world.write(carriers.edit, world.shelf, EDITOR, "us-one", change, world.clock(), confirmed=True)
    return {}


CLOSED = [unknown, not_a_member, not_opted_in_here, audience_nobody, paused, blocked, removed,
          erased, quiet_for_a_year, said_stop, stop_that_may_be_forged,
          suspended_by_bounces, not_listed, listed_but_blocked, paused_in_quiet_hours,
          only_a_code_asked, evicted, unproven, carrier_disabled, carrier_removed,
          carrier_retired]  # fmt: skip


@pytest.mark.parametrize("close", CLOSED)
async def test_whoever_takes_no_texts_is_refused_in_the_same_bytes(world: World, close: Any) -> None:
    world.limits = only()
    await world.register(BOB)
    await world.text(ANN, BOB)
    change = await close(world)
    assert await world.refused(ANN, BOB, **change) == REFUSAL
    assert len(await world.rows(TextRow)) == 1
    used = {row.key: row.used for row in await world.rows(Usage) if not row.key.startswith("codes")}
    to = change.get("recipient_id", BOB)
    pairs = {f"pair:{ANN}:{to}": 2} if to == BOB else {f"pair:{ANN}:{BOB}": 1, f"pair:{ANN}:{to}": 1}
    assert used == {f"sender:{ANN}": 2, **pairs, f"recipient:{BOB}": 1, f"guild:{GUILD}": 1}


async def test_a_carrier_that_retires_by_date_closes_on_that_day(world: World, clock: Clock) -> None:
    await world.register(BOB, carrier_slug="us-closing")
    clock.at = clock.at.replace(year=2027, month=3, day=30)
    await world.text(ANN, BOB)
    clock.forward(days=1)
    assert await world.refused(ANN, BOB) == REFUSAL
