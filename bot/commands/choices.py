"""Offer carriers while somebody types, from memory."""

import discord
from discord import app_commands

from bot.domain.countries import COUNTRIES
from bot.services.desk import Desk

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
    return [
        app_commands.Choice(name=carrier.label[:LONGEST_CHARS], value=carrier.slug)
        for carrier in found[:MOST_CHOICES]
    ]
