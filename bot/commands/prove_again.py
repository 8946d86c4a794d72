"""The button with which somebody proves a phone again that went quiet; it works after a restart."""

import re

import discord

from bot.commands.answers import answer, hold
from bot.commands.kept_buttons import KeptButton, row_of
from bot.commands.register import EnterCodeButton
from bot.services import quiet_phones
from bot.services.desk import Desk

_ID = "textbridge:kept:prove"


class ProveButton(KeptButton, template=_ID):
    """Sends a code to the phone that is registered already."""

    async def pressed(self, interaction: discord.Interaction, desk: Desk, found: re.Match[str]) -> None:
        """Send the code, and offer the form for it."""
        await hold(interaction)
        person = interaction.user
        rules = (desk.shelf, desk.rules.limits, desk.default_country, desk.now())
        sentence = await desk.write(
            quiet_phones.prove_again, person.id, person.name, interaction.guild_id, *rules
        )
        await answer(interaction, sentence, EnterCodeButton(desk))


def prove_row() -> discord.ui.View:
    """Return the button by itself."""
    return row_of(ProveButton(_ID, "Send me a code", discord.ButtonStyle.primary))
