"""Change the catalogue as an editor, an admin of either guild or a plain member."""

from typing import Any

from bot.domain.catalogue import Form
from bot.services import carriers
from bot.services.carrier_change import Actor, Ask, Change, Done
from tests.services.world import GUILD, OTHER_GUILD, World

EDITOR = Actor(1, GUILD, is_editor=True, is_admin=False)
ADMIN = Actor(2, GUILD, is_editor=False, is_admin=True)
OTHER_ADMIN = Actor(3, OTHER_GUILD, is_editor=False, is_admin=True)
NOBODY = Actor(4, GUILD, is_editor=False, is_admin=False)
NEW = Change(name="Corner", domain="corner.example.org", country="us", form=Form.NATIONAL)
OWN = Change(name="Ours", domain="one.example.net", country="US", form=Form.COUNTRY)


async def call(world: World, act: Any, actor: Actor, *args: Any, confirmed: bool = False) -> Done | Ask:
    answer: Done | Ask = await world.write(act, world.shelf, actor, *args, world.clock(), confirmed=confirmed)
    await world.write(world.shelf.refresh)
    return answer


async def add(world: World, actor: Actor, change: Change, **how: bool) -> Done | Ask:
    return await call(world, carriers.add, actor, change, **how)


async def edit(world: World, actor: Actor, slug: str, change: Change, **how: bool) -> Done | Ask:
    return await call(world, carriers.edit, actor, slug, change, **how)


async def switch(world: World, actor: Actor, slug: str, on: bool, **how: bool) -> Done | Ask:
    return await call(world, carriers.switch, actor, slug, on, **how)


async def remove(world: World, actor: Actor, slug: str, **how: bool) -> Done | Ask:
    return await call(world, carriers.remove, actor, slug, **how)


def slug_of(world: World, guild: int, name: str) -> str:
    (slug,) = [seen.carrier.slug for seen in world.shelf.seen_in(guild) if seen.carrier.name == name]
    return slug
