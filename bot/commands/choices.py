"""Offer carriers while somebody types, from memory."""

import discord
from discord import app_commands

from bot.domain.catalogue import Carrier
from bot.domain.countries import COUNTRIES
from bot.services.desk import Desk
from bot.services.offers import offers

# Locales whose second half is not their country.
_COUNTRY_OF_LOCALE = {
    "cs": "CZ",
    "da": "DK",
    "el": "GR",
    "hi": "IN",
    "ja": "JP",
    "ko": "KR",
    "uk": "UA",
    "vi": "VN",
}
MOST_CHOICES, LONGEST_CHARS = 25, 100


def country_of(interaction: discord.Interaction, default: str) -> str:
    """Guess a person's country from the language of their Discord client."""
    language = interaction.locale.value
    if language == "en-US":
        # Discord's own default, so it says little.
        return default
    guess = _COUNTRY_OF_LOCALE.get(language, language.rpartition("-")[2].upper())
    return guess if guess in COUNTRIES else default


def carrier_choices(
    desk: Desk,
    interaction: discord.Interaction,
    typed: str,
    *,
    everything: bool = False,
    removed: bool = False,
) -> list[app_commands.Choice[str]]:
    """Rank at most 25 carriers."""
    country = country_of(interaction, desk.default_country)
    found = desk.shelf.search(
        interaction.guild_id, typed[:LONGEST_CHARS], country, everything=everything, removed=removed
    )
    return _choices(found)


def register_choices(
    desk: Desk, interaction: discord.Interaction, typed: str
) -> list[app_commands.Choice[str]]:
    """Offer what a person can register with."""
    country = country_of(interaction, desk.default_country)
    today = desk.now().date()
    return _choices(offers(desk.shelf, interaction.guild_id, typed[:LONGEST_CHARS], country, today))


def _choices(found: list[Carrier]) -> list[app_commands.Choice[str]]:
    return [app_commands.Choice(name=carrier.label, value=carrier.slug) for carrier in found[:MOST_CHOICES]]
