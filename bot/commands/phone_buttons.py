"""The buttons with which somebody proves their phone again, and has doubtful answers held again."""

import re

import discord

from bot.commands.answers import answer, hold
from bot.commands.kept_buttons import KeptButton, row_of
from bot.commands.register import EnterCodeButton
from bot.services import proving_again, replies
from bot.services.desk import Desk

_PROVE, _HOLD = "textbridge:prove-again", "textbridge:hold-again"


class ProveAgainButton(KeptButton, template=_PROVE):
    """Sends a code to the phone that is registered already."""

    async def pressed(self, interaction: discord.Interaction, desk: Desk, found: re.Match[str]) -> None:
        """Send the code."""
        await hold(interaction)
        who = interaction.user.id, interaction.user.name
        said = await desk.write(proving_again.ask, *who, desk.shelf, desk.rules.limits, desk.now())
        await answer(interaction, said, EnterCodeButton(desk))


class HoldAgainButton(KeptButton, template=_HOLD):
    """Has answers that may be forged held again."""

    async def pressed(self, interaction: discord.Interaction, desk: Desk, found: re.Match[str]) -> None:
        """Hold them."""
        await hold(interaction)
        await answer(interaction, await desk.write(replies.hold_again, interaction.user.id))


def prove_again_button() -> discord.ui.View:
    """Put the button under what says that a new proof is needed."""
    return row_of(ProveAgainButton(_PROVE, "Prove it again", discord.ButtonStyle.primary))


def phone_buttons(*, prove: bool, hold: bool) -> discord.ui.View | None:
    """Put the buttons that help under /phone show; None where nothing does."""
    buttons: list[KeptButton] = []
    if prove:
        buttons.append(ProveAgainButton(_PROVE, "Prove it again", discord.ButtonStyle.primary))
    if hold:
        buttons.append(HoldAgainButton(_HOLD, "Hold them again"))
    return row_of(*buttons) if buttons else None
