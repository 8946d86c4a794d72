"""The menus and buttons below answers of /phone: who may text me, who reaches me anyway, who texted me."""

import re
from collections.abc import Sequence
from typing import Any

import discord

from bot.commands.answers import NotAllowed, answer
from bot.commands.kept_buttons import KeptButton, KeptMenu, row_of
from bot.services import audience, recent
from bot.services.audience import MOST_LISTED, Chosen
from bot.services.desk import Desk
from bot.services.recent import Recent

_LISTED, _URGENT, _RECENT = "textbridge:listed", "textbridge:urgent", "textbridge:recent"
_ROLE, _PERSON = discord.SelectDefaultValueType.role, discord.SelectDefaultValueType.user


class ListedMenu(KeptMenu, template=_LISTED):
    """Chooses whose texts a person takes in this server."""

    async def pressed(self, interaction: discord.Interaction, desk: Desk, found: re.Match[str]) -> None:
        """Keep the list; the answer says who is on it."""
        if interaction.guild_id is None:
            raise NotAllowed("This works in a server only. Type it in a server.")
        await interaction.response.defer()
        chosen = [(one.id, isinstance(one, discord.Role)) for one in self.chosen]
        who = interaction.user.id, interaction.guild_id
        await show_listed(interaction, await desk.write(audience.list_senders, *who, chosen, desk.now()))


class UrgentMenu(KeptMenu, template=_URGENT):
    """Chooses who reaches a person in quiet hours too."""

    async def pressed(self, interaction: discord.Interaction, desk: Desk, found: re.Match[str]) -> None:
        """Keep the choice; the answer says who it is."""
        await interaction.response.defer()
        ids = [one.id for one in self.chosen]
        chosen = await desk.write(audience.let_through, interaction.user.id, ids, desk.now())
        await show_quiet(interaction, chosen)


class RecentMenu(KeptMenu, template=_RECENT):
    """Chooses one of the texts that somebody got."""

    async def pressed(self, interaction: discord.Interaction, desk: Desk, found: re.Match[str]) -> None:
        """Offer what can be done about its sender."""
        await interaction.response.defer()
        text = await desk.read(recent.one, interaction.user.id, int(self.chosen[0]))
        at = int(text.created_at.timestamp())
        words = f"The text of <@{text.sender_id}>, <t:{at}:f>. A report tells the admins sender and time."
        await answer(interaction, words, _sender_buttons(text.id))


class SenderButton(KeptButton, template=r"textbridge:sender:(?P<act>block|report|named):(?P<text>\d{1,19})"):
    """Blocks or reports the sender of one text; the id holds which."""

    async def pressed(self, interaction: discord.Interaction, desk: Desk, found: re.Match[str]) -> None:
        """Do it; the other buttons stay."""
        await interaction.response.defer()
        who, text, act = interaction.user.id, int(found["text"]), found["act"]
        if act == "block":
            said = await desk.write(recent.block_sender, who, text, desk.now())
        else:
            said = await desk.write(recent.report, who, text, desk.now(), named=act == "named")
        await answer(interaction, said, _sender_buttons(text))


def _sender_buttons(text_id: int) -> discord.ui.View:
    return row_of(
        SenderButton(f"textbridge:sender:block:{text_id}", "Block", discord.ButtonStyle.danger),
        SenderButton(f"textbridge:sender:report:{text_id}", "Report without my name"),
        SenderButton(f"textbridge:sender:named:{text_id}", "Report with my name"),
    )


async def show_listed(interaction: discord.Interaction, chosen: Chosen) -> None:
    """Say who may text a person here, with the menu where it is a list."""
    if chosen.menu is None:
        await answer(interaction, chosen.sentence)
        return
    menu = discord.ui.MentionableSelect[Any](custom_id=_LISTED, **_choice("People and roles", chosen.menu))
    await answer(interaction, chosen.sentence, row_of(ListedMenu(menu)))


async def show_quiet(interaction: discord.Interaction, chosen: Chosen) -> None:
    """Say what the quiet hours are, with the menu of those who reach a person anyway."""
    if chosen.menu is None:
        await answer(interaction, chosen.sentence)
        return
    menu = discord.ui.UserSelect[Any](custom_id=_URGENT, **_choice("May reach me anyway", chosen.menu))
    await answer(interaction, chosen.sentence, row_of(UrgentMenu(menu)))


def _choice(placeholder: str, chosen: Sequence[tuple[int, bool]]) -> dict[str, Any]:
    defaults = [
        discord.SelectDefaultValue(id=one, type=_ROLE if is_role else _PERSON) for one, is_role in chosen
    ]
    return {
        "placeholder": placeholder,
        "min_values": 0,
        "max_values": MOST_LISTED,
        "default_values": defaults,
    }


async def show_recent(interaction: discord.Interaction, shown: Recent) -> None:
    """List who texted a person, with a menu to choose one of the texts."""
    options = [
        discord.SelectOption(label=f"Text {place}", value=str(text_id))
        for place, text_id in enumerate(shown.text_ids, 1)
    ]
    menu = discord.ui.Select[Any](
        custom_id=_RECENT, placeholder="Block or report the sender of", options=options
    )
    await answer(interaction, shown.words, row_of(RecentMenu(menu)) if options else None)


PHONE_ITEMS = (ListedMenu, UrgentMenu, RecentMenu, SenderButton)
