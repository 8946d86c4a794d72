"""Put all commands into one tree, with one place for errors."""

import discord
from discord import app_commands

from bot.commands.answers import NotAllowed, answer_error
from bot.commands.bridge import BridgeGroup
from bot.commands.carrier import CarrierGroup
from bot.commands.carrier_files import CarrierFiles
from bot.commands.confirm import Confirms
from bot.commands.help import help_command
from bot.commands.phone import PhoneGroup
from bot.commands.privacy import PrivacyGroup
from bot.commands.text import text_command
from bot.services.desk import Desk


class Tree(app_commands.CommandTree[discord.Client]):
    """Every command of the bot."""

    def __init__(self, client: discord.Client, desk: Desk) -> None:
        # A member who installs the bot for themselves could bring it to servers whose admins never did.
        servers_only = app_commands.AppInstallationType(guild=True, user=False)
        super().__init__(client, allowed_installs=servers_only)
        self._desk = desk
        self.add_command(text_command(desk))
        self.add_command(PhoneGroup(desk))
        self.confirms = Confirms()
        carrier = CarrierGroup(desk, self.confirms)
        CarrierFiles(desk, self.confirms).join(carrier)
        self.add_command(carrier)
        self.add_command(PrivacyGroup(desk, self.confirms))
        self.add_command(BridgeGroup(desk))
        self.add_command(help_command(desk))

    async def interaction_check(self, interaction: discord.Interaction, /) -> bool:
        """Take no new command while the bot is shutting down."""
        if self._desk.closing:
            raise NotAllowed("The bot is restarting. Please try again in a minute.")
        return True

    async def on_error(
        self, interaction: discord.Interaction, error: app_commands.AppCommandError, /
    ) -> None:
        """Answer the error of any command."""
        await answer_error(interaction, error)
