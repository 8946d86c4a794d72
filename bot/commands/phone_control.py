"""/phone quiet and recent: when texts come, and who sent the last ones."""

import asyncio

import discord
from discord import app_commands

from bot.commands.answers import hold
from bot.commands.phone_menus import show_quiet, show_recent
from bot.domain.quiet import search_zones
from bot.services import audience, recent
from bot.services.desk import Desk


class PhoneControl:
    """The commands, which join the group of /phone."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def join(self, group: app_commands.Group) -> None:
        """Put the commands into the group."""
        quiet: app_commands.Command[app_commands.Group, ..., None] = app_commands.Command(
            name="quiet",
            description="Set hours in which texts wait; start:off ends them",
            callback=self.quiet,
        )
        quiet.autocomplete("timezone")(self.zones)
        group.add_command(quiet)
        about = "List who texted you last, and block or report them"
        recent: app_commands.Command[app_commands.Group, ..., None] = app_commands.Command(
            name="recent", description=about, callback=self.last_texts
        )
        group.add_command(recent)

    @app_commands.describe(
        start="When they begin, such as 22:00, or off",
        end="When they end, such as 7:00",
        timezone="Your time zone",
    )
    async def quiet(
        self,
        interaction: discord.Interaction,
        start: str | None = None,
        end: str | None = None,
        timezone: str | None = None,
    ) -> None:
        """Set or show quiet hours."""
        await hold(interaction)
        desk, person = self._desk, interaction.user.id
        chosen = await desk.write(audience.set_quiet, person, start, end, timezone, desk.now())
        await show_quiet(interaction, chosen)

    async def zones(self, interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """Offer time zones."""
        # The first look reads the list from the disk.
        found = await asyncio.to_thread(search_zones, typed[:100])
        return [app_commands.Choice(name=zone, value=zone) for zone in found]

    async def last_texts(self, interaction: discord.Interaction) -> None:
        """List the last texts that came."""
        await hold(interaction)
        client, desk = interaction.client, self._desk

        def server(guild_id: int) -> str:
            known = client.get_guild(guild_id)
            return discord.utils.escape_markdown(known.name) if known and known.name else "another server"

        await show_recent(interaction, await desk.read(recent.recent, interaction.user.id, server))
