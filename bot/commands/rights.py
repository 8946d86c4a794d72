"""Say who acts, with the rights that they have now."""

import discord

from bot.commands.answers import NotAllowed
from bot.services.carrier_change import Actor
from bot.services.desk import Desk

NOT_ADMIN = "Only members with Manage Server, or the bot's owner, can use /carrier."
NOT_GUILD_ADMIN = "Only members with Manage Server can use /bridge."


def admin_guild(interaction: discord.Interaction) -> int:
    """Name the guild whose admin acts; raises NotAllowed for everybody else, the bot's owner too.

    Integrations settings can widen what Discord shows, so the permission is checked here too.
    """
    if interaction.guild_id is None:
        raise NotAllowed("This works in a server only. Type it in a server.")
    if not interaction.permissions.manage_guild:
        raise NotAllowed(NOT_GUILD_ADMIN)
    return interaction.guild_id


def acting(interaction: discord.Interaction, desk: Desk) -> Actor:
    """Name whoever runs a /carrier command or presses its buttons; raises NotAllowed for everybody else.

    Integrations settings can widen what Discord shows, so the permission is checked here too.
    """
    if interaction.guild_id is None:
        raise NotAllowed("This works in a server only. Type it in a server.")
    is_editor, is_admin = interaction.user.id in desk.editors, interaction.permissions.manage_guild
    if not (is_editor or is_admin):
        raise NotAllowed(NOT_ADMIN)
    server = interaction.client.get_guild(interaction.guild_id)
    return Actor(
        interaction.user.id, interaction.guild_id, is_editor, is_admin, server.name if server else ""
    )
