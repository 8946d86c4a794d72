"""/bridge: what a server's admins set and see of texting there."""

import discord
from discord import app_commands

from bot.commands.answers import answer, hold
from bot.commands.bridge_panel import show_audit, show_panel
from bot.commands.rights import admin_guild
from bot.services import bridge, bridge_pages
from bot.services.desk import Desk


class BridgeGroup(app_commands.Group):
    """The commands. Discord hides them from members without Manage Server, but is not relied on for it."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(
            name="bridge",
            description="Texting in this server: who may send, how much, and how it goes",
            guild_only=True,
            default_permissions=discord.Permissions(manage_guild=True),
        )
        self._desk = desk

    async def interaction_check(self, interaction: discord.Interaction, /) -> bool:
        """Check the permission here too: Integrations settings can widen what Discord shows."""
        admin_guild(interaction)
        return True

    @app_commands.command(description="Who may send texts here, how many, and where reports go")
    async def settings(self, interaction: discord.Interaction) -> None:
        """Show the panel."""
        await hold(interaction)
        await show_panel(interaction, self._desk)

    @app_commands.command(description="How the texts of this server fared in the last 24 hours")
    async def health(self, interaction: discord.Interaction) -> None:
        """Say how texts fare."""
        await hold(interaction)
        guild, desk = admin_guild(interaction), self._desk
        await desk.refresh()
        policy = desk.shelf.policies.of(guild)
        await answer(interaction, await desk.read(bridge_pages.health, guild, policy, desk.now()))

    @app_commands.command(description="What waits of this server's texts, by gateway")
    async def queue(self, interaction: discord.Interaction) -> None:
        """Count what waits."""
        await hold(interaction)
        guild, desk = admin_guild(interaction), self._desk
        await answer(interaction, await desk.read(bridge_pages.queue, guild, desk.now()))

    @app_commands.command(description="Let a member send no texts here")
    @app_commands.describe(user="Who sends no texts here any more")
    async def block(self, interaction: discord.Interaction, user: discord.User) -> None:
        """Bar a sender."""
        await hold(interaction)
        who = admin_guild(interaction), interaction.user.id, user.id
        await answer(interaction, await self._desk.change(bridge.block, *who, self._desk.now()))

    @app_commands.command(description="Let a member send texts here again")
    @app_commands.describe(user="Whom you blocked")
    async def unblock(self, interaction: discord.Interaction, user: discord.User) -> None:
        """Lift it."""
        await hold(interaction)
        who = admin_guild(interaction), interaction.user.id, user.id
        await answer(interaction, await self._desk.change(bridge.unblock, *who, self._desk.now()))

    @app_commands.command(description="Let no texts go from this server for a while")
    @app_commands.describe(hours="For how many hours; leave it out to pause until /bridge resume")
    async def pause(self, interaction: discord.Interaction, hours: int | None = None) -> None:
        """Pause texting here."""
        await hold(interaction)
        who = admin_guild(interaction), interaction.user.id
        await answer(interaction, await self._desk.change(bridge.pause, *who, hours, self._desk.now()))

    @app_commands.command(description="Let texts go from this server again")
    async def resume(self, interaction: discord.Interaction) -> None:
        """Resume texting here."""
        await hold(interaction)
        who = admin_guild(interaction), interaction.user.id
        await answer(interaction, await self._desk.change(bridge.resume, *who, self._desk.now()))

    @app_commands.command(description="Who changed what in this server, and what was reported")
    async def audit(self, interaction: discord.Interaction) -> None:
        """Show the audit."""
        await hold(interaction)
        await show_audit(interaction, self._desk)
