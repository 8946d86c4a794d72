"""/help: what the bot does and how to start."""

import discord
from discord import app_commands

from bot.commands.answers import answer
from bot.services.desk import Desk

_WORDS = """**Textbridge** carries texts from this server to people's phones. Nobody ever sees a number.
`/text` sends a text to somebody who registered their phone.
`/phone register` registers your own; `/phone show`, `pause`, `block` and `remove` control it.
`/phone allow` says who in a server may text you, `/phone quiet` when; `/phone recent` shows who did.
`/phone sent` shows what became of your texts.
`/bridge` and `/carrier` are for admins: texting in this server, and the list of phone companies.
Your number is stored encrypted and `/phone remove` deletes it.
`/privacy show` says what is kept of you, `export` gives it to you, `erase` deletes all of it."""


def help_command(desk: Desk) -> "app_commands.Command[app_commands.Group, ..., None]":
    """Build /help."""

    @app_commands.command(name="help", description="What this bot does, and how to start")
    async def show_help(interaction: discord.Interaction) -> None:
        owners = " or ".join(f"<@{owner}>" for owner in desk.owners)
        contact = desk.abuse_contact or f"the bot's owner {owners}".rstrip()
        await answer(interaction, f"{_WORDS}\nTo report abuse, write to {contact}.")

    return show_help
