"""Ask once more before something that cannot be taken back lightly."""

import secrets
from collections.abc import Awaitable, Callable

import discord

from bot.commands.answers import NotAllowed, Quiet, answer
from bot.services.carrier_change import Ask, Done

# Goes on with the rights that whoever pressed has now: the press, and whether it is confirmed.
Act = Callable[[discord.Interaction, bool], Awaitable[Done | Ask]]
CONFIRM_WITHIN_S = 600
_PREFIX = "textbridge:confirm:"


class Confirms:
    """The buttons that still can be pressed."""

    def __init__(self) -> None:
        self._live: set[str] = set()

    def button(self, act: Act, person_id: int) -> "Confirm":
        """Make a button with which one person goes on with `act`."""
        confirm = Confirm(act, person_id, f"{_PREFIX}{secrets.token_hex(8)}", self._live.discard)
        self._live.add(confirm.custom_id)
        return confirm

    def forgot(self, interaction: discord.Interaction) -> bool:
        """Tell whether this is one of our buttons, but none that can be pressed any more."""
        custom_id = str(dict(interaction.data or {}).get("custom_id", ""))
        return custom_id.startswith(_PREFIX) and custom_id not in self._live


class Confirm(Quiet):
    """One such button."""

    def __init__(self, act: Act, person_id: int, custom_id: str, forget: Callable[[str], None]) -> None:
        super().__init__(timeout=CONFIRM_WITHIN_S)
        self.custom_id, self._act, self._person_id, self._forget = custom_id, act, person_id, forget
        button: discord.ui.Button[Confirm] = discord.ui.Button(
            label="Yes, do it", style=discord.ButtonStyle.danger, custom_id=custom_id
        )
        button.callback = self._go_on  # type: ignore[method-assign]  # discord.py documents this use
        self.add_item(button)

    async def interaction_check(self, interaction: discord.Interaction, /) -> bool:
        """Let nobody else press it."""
        if interaction.user.id != self._person_id:
            raise NotAllowed("Only whoever ran the command can press this.")
        return True

    async def _go_on(self, interaction: discord.Interaction) -> None:
        # The result takes the question's place, so that the button cannot be pressed twice.
        await interaction.response.defer()
        self.stop()
        self._forget(self.custom_id)
        await answer(interaction, (await self._act(interaction, True)).sentence)

    async def on_timeout(self) -> None:
        """Forget it."""
        self._forget(self.custom_id)
