"""/privacy: what is kept of a person, as words, as a file, and its end."""

import io

import discord
from discord import app_commands

from bot.commands.answers import NO_PINGS, answer, hold
from bot.commands.confirm import Confirms
from bot.services import privacy
from bot.services.carrier_change import Ask, Done
from bot.services.desk import Desk

_ASKED = (
    "This deletes your number, your settings and your texts, also those that still wait, and takes your name "
    "off what must stay. It cannot be undone. Erase everything?"
)
_FILE = "Everything that the bot keeps of you is in this file. Keep it to yourself."
_FILE_WITH_NUMBER = (
    "Everything that the bot keeps of you is in this file. It holds your number: keep it to yourself."
)


class PrivacyGroup(app_commands.Group):
    """The commands; each answers only the person who typed it, about themselves."""

    def __init__(self, desk: Desk, confirms: Confirms) -> None:
        super().__init__(name="privacy", description="What this bot keeps of you: see it, take it, erase it")
        self._desk, self._confirms = desk, confirms

    @app_commands.command(description="Show what is kept of you")
    async def show(self, interaction: discord.Interaction) -> None:
        """Say what is kept."""
        await hold(interaction)
        await answer(interaction, await self._desk.read(privacy.show, interaction.user.id, self._desk.shelf))

    @app_commands.command(description="Get all that is kept of you as a file")
    async def export(self, interaction: discord.Interaction) -> None:
        """Give the file."""
        await hold(interaction)
        person, now = interaction.user.id, self._desk.now()
        kept = await self._desk.read(privacy.collect, person)
        export = await privacy.write_export(kept, person, now)
        said = _FILE_WITH_NUMBER if privacy.holds_number(kept) else _FILE
        file = discord.File(io.BytesIO(export.content), export.name)
        await interaction.edit_original_response(content=said, attachments=[file], allowed_mentions=NO_PINGS)

    @app_commands.command(description="Erase all that is kept of you")
    async def erase(self, interaction: discord.Interaction) -> None:
        """Ask once more, with a button that does it."""
        await hold(interaction)

        async def go_on(press: discord.Interaction, confirmed: bool) -> Done | Ask:
            return Done(await self._desk.erase(privacy.erase, press.user.id, self._desk.now()))

        await answer(interaction, _ASKED, self._confirms.button(go_on, interaction.user.id))
