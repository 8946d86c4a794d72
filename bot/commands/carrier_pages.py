"""The pages of /carrier list, and the buttons that turn them."""

import re

import discord

from bot.commands.answers import answer
from bot.commands.kept_buttons import KeptButton, row_of
from bot.commands.rights import acting
from bot.domain.catalogue import Status
from bot.services import carrier_list
from bot.services.carrier_list import Page, Wanted
from bot.services.desk import Desk

_TEMPLATE = (
    r"(?s)textbridge:list:(?P<number>\d{1,4}):(?P<country>[A-Za-z]{0,2}):(?P<status>[a-z]{0,9})"
    r":(?P<search>.*)"
)


class PageButton(KeptButton, template=_TEMPLATE):
    """Turns to a page; the id holds its number and the filters."""

    async def pressed(self, interaction: discord.Interaction, desk: Desk, found: re.Match[str]) -> None:
        """Show the page in the old one's place."""
        status = Status(found["status"]) if found["status"] else None
        wanted = Wanted(found["country"] or None, status, found["search"] or None)
        await interaction.response.defer()
        await show_page(interaction, desk, wanted, int(found["number"]))


async def show_page(interaction: discord.Interaction, desk: Desk, wanted: Wanted, number: int = 1) -> None:
    """Fill in the deferred answer with a page and its buttons."""
    await desk.refresh()
    actor = acting(interaction, desk)
    shown = await desk.read(carrier_list.page, desk.shelf, actor, wanted, number, desk.now())
    await answer(interaction, shown.words, _buttons(wanted, shown) if shown.last > 1 else None)


def _buttons(wanted: Wanted, shown: Page) -> discord.ui.View:
    filters = f"{wanted.country or ''}:{wanted.status or ''}:{wanted.search or ''}"
    back, on = (f"textbridge:list:{number}:{filters}" for number in (shown.number - 1, shown.number + 1))
    return row_of(
        PageButton(back, "Back", disabled=shown.number == 1),
        PageButton(on, "Next", disabled=shown.number == shown.last),
    )
