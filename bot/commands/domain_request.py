"""The buttons with which the owner answers an admin's request for a gateway domain."""

import re

import discord

from bot.commands.answers import NotAllowed, answer
from bot.commands.kept_buttons import KeptButton, row_of
from bot.services import gateway_domains
from bot.services.desk import Desk

_TEMPLATE = r"textbridge:domain:(?P<answer>allow|refuse):(?P<request>\d{1,19})"


class DomainButton(KeptButton, template=_TEMPLATE):
    """Allows or refuses one request; the id holds which."""

    async def pressed(self, interaction: discord.Interaction, desk: Desk, found: re.Match[str]) -> None:
        """Answer the request; the result takes the question's place."""
        if interaction.user.id not in desk.editors:
            raise NotAllowed("Only the bot's owner can answer this.")
        await interaction.response.defer()
        allow, request = found["answer"] == "allow", int(found["request"])
        who = desk.shelf, interaction.user.id
        said = await desk.change(gateway_domains.answer, *who, request, desk.now(), allow=allow)
        await answer(interaction, said)


def request_buttons(request_id: int) -> discord.ui.View:
    """Put both buttons side by side."""
    return row_of(
        DomainButton(
            f"textbridge:domain:allow:{request_id}", "Put it on the list", discord.ButtonStyle.danger
        ),
        DomainButton(f"textbridge:domain:refuse:{request_id}", "No"),
    )
