"""What is offered while somebody types follows the country of their Discord's language."""

import pytest

from bot.sandbox.world import MANAGE_GUILD
from tests.flow.town import Town


@pytest.mark.parametrize(
    ("locale", "country"),
    [
        ("en-US", "us"),
        ("en-GB", "gb"),
        ("de", "de"),
        ("pt-BR", "br"),
        ("it", "it"),
        ("sv-SE", "se"),
        ("hi", "in"),
        ("es-419", "us"),
    ],
)
async def test_carriers_of_the_persons_country_come_first(store_url: str, locale: str, country: str) -> None:
    async with Town(store_url) as town:
        visitor = town.world.discord.person("visitor", locale=locale)
        town.world.discord.join(town.guild, visitor)
        for command in ("phone register", "carrier show"):
            if command == "carrier show":
                town.world.discord.join(town.guild, visitor, MANAGE_GUILD)
            choices = await visitor.autocomplete(town.guild, command, "carrier", "")
            assert 0 < len(choices) <= 25
            assert all(1 <= len(choice.name) <= 100 for choice in choices)
            assert str(choices[0].value).startswith(f"{country}-")
