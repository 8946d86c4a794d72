"""A text is cut to what its recipient's gateway takes, and a link goes only where links pass."""

from dataclasses import replace

import pytest

from bot.db.tables import OutboxItem
from bot.domain.allowance import Allowance
from bot.domain.catalogue import Form, Gateway
from bot.domain.catalogue_file import Catalogue
from bot.domain.words import NO_LINK_IN_NAME, NO_LINKS, REFUSAL
from bot.services import phone
from bot.services.carrier_change import Change
from bot.services.shelf import Shelf
from bot.services.texting import Refused
from tests.services.editing import EDITOR, edit
from tests.services.world import ANN, BOB, CARL, CATALOGUE, World

LONG = "the quick brown fox jumps over the lazy dog " * 8
LINK = "look at https://example.net/x"


SHORT = replace(
    CATALOGUE.by_slug["us-one"],
    slug="us-short",
    name="Short",
    allowance=Allowance(length=120, links=True),
    gateway=Gateway("short.example.net", Form.NATIONAL),
)
LENGTHY = replace(
    SHORT,
    slug="us-long",
    name="Long",
    allowance=Allowance(length=918),
    gateway=Gateway("long.example.net", Form.NATIONAL),
)


@pytest.fixture(autouse=True)
def more_gateways(world: World) -> None:
    """Let the catalogue have two gateways whose limits are known."""
    world.shelf = Shelf(Catalogue((*CATALOGUE.carriers, SHORT, LENGTHY)), frozenset())


async def parts_of(world: World, text_id: int) -> list[str]:
    rows = await world.rows(OutboxItem, OutboxItem.text_id == text_id)
    return [world.store.vault.open(row.words_sealed) for row in rows]


@pytest.mark.parametrize(
    ("carrier", "parts", "longest"), [("us-one", 3, 160), ("us-short", 4, 120), ("us-long", 1, 918)]
)
async def test_a_text_is_cut_to_its_gateway(world: World, carrier: str, parts: int, longest: int) -> None:
    await world.register(BOB, carrier_slug=carrier)
    (answer,) = await world.accept(world.request(ANN, BOB, LONG))
    assert answer.text.parts == parts
    said = await parts_of(world, answer.text.id)
    assert len(said) == parts
    assert max(map(len, said)) <= longest
    assert " ".join(one.partition("\n")[2] for one in said).split() == LONG.split()


async def test_what_was_known_of_one_domain_does_not_hold_for_the_next(world: World) -> None:
    await edit(world, EDITOR, "us-short", Change(name="Still short"))
    await world.register(BOB, carrier_slug="us-short")
    await world.text(ANN, BOB, LINK)
    await edit(world, EDITOR, "us-short", Change(domain="one.example.net"))
    await world.register(BOB, carrier_slug="us-short")
    assert await world.refused(ANN, BOB, LINK) == NO_LINKS
    (answer,) = await world.accept(world.request(ANN, BOB, LONG))
    assert answer.text.parts == 3


async def test_a_text_that_only_a_short_gateway_finds_too_long_is_refused_with_its_length(
    world: World,
) -> None:
    await world.register(BOB, carrier_slug="us-short")
    assert "make it about" in await world.refused(ANN, BOB, "x" * 1000)
    assert await world.rows(OutboxItem) == []


async def test_a_link_goes_only_where_links_pass(world: World) -> None:
    await world.register(BOB)
    await world.register(CARL, carrier_slug="us-short")
    assert await world.refused(ANN, BOB, LINK) == NO_LINKS
    assert await world.rows(OutboxItem) == []
    await world.text(ANN, CARL, LINK)


@pytest.mark.parametrize("server", ["Fans of www.example.net", "discord.gg/abc"])
async def test_a_link_in_the_servers_name_is_one_too(world: World, server: str) -> None:
    await world.register(BOB)
    await world.register(CARL, carrier_slug="us-short")
    assert await world.refused(ANN, BOB, guild_name=server) == NO_LINK_IN_NAME
    await world.text(ANN, BOB, guild_name="A.I. and/or 3.5 e.g. cats.dogs")
    await world.text(ANN, CARL, guild_name=server)


async def test_a_link_tells_nobody_who_may_be_texted(world: World) -> None:
    await world.register(BOB)
    await world.write(phone.pause, BOB, None, world.clock())
    answers = await world.accept(world.request(ANN, BOB, LINK), world.request(ANN, CARL, LINK))
    assert answers == [Refused(REFUSAL), Refused(REFUSAL)]
