"""What is offered while somebody types follows the country of their Discord's language."""

from bot.sandbox.world import MANAGE_GUILD
from tests.flow.town import Town

COUNTRY_OF = {
    "en-US": "us",
    "en-GB": "gb",
    "de": "de",
    "pt-BR": "br",
    "it": "it",
    "sv-SE": "se",
    "hi": "in",
    "es-419": "us",
}


async def test_carriers_of_the_persons_country_come_first(town: Town) -> None:
    for locale, country in COUNTRY_OF.items():
        visitor = town.world.discord.person(f"visitor_{len(locale)}{country}", locale=locale)
        town.world.discord.join(town.guild, visitor, MANAGE_GUILD)
        for command in ("phone register", "carrier show"):
            choices = await visitor.autocomplete(town.guild, command, "carrier", "")
            assert 0 < len(choices) <= 25
            assert all(1 <= len(choice.name) <= 100 for choice in choices)
            assert str(choices[0].value).startswith(f"{country}-"), (locale, command)
