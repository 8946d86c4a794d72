"""Buttons and menus whose id says all that they need, so that they work after a restart too."""

import re
from abc import ABC, abstractmethod
from typing import Any, Protocol, Self, cast

import discord

from bot.commands.answers import answering_errors
from bot.services.desk import Desk


class _Client(Protocol):
    """The bot's client: after a restart a button has only that to find its desk by."""

    @property
    def desk(self) -> Desk:
        """Return where commands have things done."""


Menu = (
    discord.ui.Select[Any]
    | discord.ui.UserSelect[Any]
    | discord.ui.RoleSelect[Any]
    | discord.ui.MentionableSelect[Any]
    | discord.ui.ChannelSelect[Any]
)


class KeptButton(ABC, discord.ui.DynamicItem[discord.ui.Button[Any]], template="textbridge:kept:"):
    """One such button."""

    def __init__(
        self,
        custom_id: str,
        label: str = "",
        style: discord.ButtonStyle = discord.ButtonStyle.secondary,
        *,
        disabled: bool = False,
    ) -> None:
        super().__init__(
            discord.ui.Button(custom_id=custom_id, label=label or None, style=style, disabled=disabled)
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the button that was pressed."""
        return cls(match.string)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Do what the button is for; its errors are answered like those of commands."""
        found = self.template.fullmatch(self.custom_id)
        async with answering_errors(interaction):
            if found is not None:
                await self.pressed(interaction, cast(_Client, interaction.client).desk, found)

    @abstractmethod
    async def pressed(self, interaction: discord.Interaction, desk: Desk, found: re.Match[str]) -> None:
        """Do what the button is for; `found` holds what its id says."""


class KeptMenu(ABC, discord.ui.DynamicItem[discord.ui.Item[Any]], template="textbridge:keptmenu:"):
    """One such menu; what was chosen is in `chosen`."""

    def __init__(self, menu: Menu) -> None:
        super().__init__(menu)

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the menu in which somebody chose."""
        return cls(cast(Menu, item))

    @property
    def chosen(self) -> list[Any]:
        """Return what was chosen: people, roles, channels or values."""
        return list(cast(Menu, self.item).values)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Do what the menu is for; its errors are answered like those of commands."""
        found = self.template.fullmatch(self.custom_id)
        async with answering_errors(interaction):
            if found is not None:
                await self.pressed(interaction, cast(_Client, interaction.client).desk, found)

    @abstractmethod
    async def pressed(self, interaction: discord.Interaction, desk: Desk, found: re.Match[str]) -> None:
        """Do what the menu is for; `found` holds what its id says."""


def row_of(*buttons: KeptButton | KeptMenu) -> discord.ui.View:
    """Put buttons side by side, each menu in a row of its own."""
    row = discord.ui.View(timeout=None)
    for button in buttons:
        row.add_item(button)
    return row
