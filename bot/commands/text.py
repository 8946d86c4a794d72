"""/text: send a text to somebody's phone."""

import contextlib
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import discord
from discord import app_commands

from bot.commands.answers import AnswerLost, answer, hold
from bot.domain.errors import UserError
from bot.domain.plain import plain
from bot.domain.standing import OpenAnswer
from bot.services.desk import Desk
from bot.services.notices import words_for
from bot.services.standing import note_standing
from bot.services.texting import Refused, Request

_log = logging.getLogger(__name__)
UNNAMED_SERVER = "a Discord server"
# Discord lets an answer be edited for 15 minutes; the last minute is left for slow clocks.
ANSWER_LIFE = timedelta(minutes=14)
HERE = "here"


def open_answer(interaction: discord.Interaction, now: datetime) -> OpenAnswer:
    """Keep what is needed to edit this interaction's answer later, also after a restart."""
    # By our clock: the one that says later whether the answer is still open.
    return OpenAnswer(interaction.token, now + ANSWER_LIFE)


def text_command(desk: Desk) -> "app_commands.Command[app_commands.Group, ..., None]":
    """Build /text."""

    @app_commands.command(name="text", description="Send a text to the phone of somebody in this server")
    @app_commands.describe(
        user="Who gets it",
        message="What their phone shows",
        answers="Where their answer is shown, if your server allows it; their phone is told so",
    )
    @app_commands.choices(answers=[app_commands.Choice(name="in this channel, for all to read", value=HERE)])
    @app_commands.guild_only()
    async def text(
        interaction: discord.Interaction, user: discord.User, message: str, answers: str = ""
    ) -> None:
        await hold(interaction)
        async with desk.answering(interaction.id):
            request = _request(interaction, user, message, await guild_name(interaction), desk.now())
            if answers == HERE:
                request = replace(request, answers_in=interaction.channel_id)
            await send(desk, interaction, request)

    return text


async def send(desk: Desk, interaction: discord.Interaction, request: Request) -> None:
    """Have a text accepted or refused, and say which."""
    result = await desk.accept(request)
    words = result.sentence if isinstance(result, Refused) else words_for(result.text)
    try:
        await answer(interaction, words)
    except AnswerLost:
        if isinstance(result, Refused):
            raise
        await _leave_word(desk, result.text.id, interaction.user.id)


async def _leave_word(desk: Desk, text_id: int, sender_id: int) -> None:
    """Have the teller give the answer of a text that is kept: "try again" would send it twice."""
    _log.warning("text %d: its first answer could not be given, the teller tries again", text_id)
    # Where that cannot be kept either, the relay's news of the text brings the answer.
    with contextlib.suppress(UserError):
        await desk.write(note_standing, text_id, sender_id, desk.now())


async def guild_name(interaction: discord.Interaction) -> str:
    """Name the server; Discord leaves the name out of the interaction, and the cache may lag behind."""
    if interaction.guild_id is None:
        return ""
    known = interaction.client.get_guild(interaction.guild_id)
    if known is not None and known.name:
        return known.name
    try:
        found: Any = await interaction.client.http.get_guild(interaction.guild_id, with_counts=False)
        return str(found.get("name") or UNNAMED_SERVER)
    except (discord.HTTPException, OSError):
        return UNNAMED_SERVER


def _request(
    interaction: discord.Interaction,
    user: discord.User | discord.Member,
    message: str,
    server: str,
    now: datetime,
) -> Request:
    if interaction.guild_id is None:
        raise UserError("This works in a server only. Type it in a server.")
    names = {str(person.id): person.name for person in (user, interaction.user)}
    return Request(
        interaction_id=interaction.id,
        sender_id=interaction.user.id,
        sender_handle=interaction.user.name,
        recipient_id=user.id,
        recipient_is_member=isinstance(user, discord.Member),
        recipient_is_bot=user.bot,
        guild_id=interaction.guild_id,
        guild_name=server,
        words=plain(message, names),
        answer=open_answer(interaction, now),
        **about_sender(interaction.user, interaction.permissions),
    )


def about_sender(sender: discord.User | discord.Member, rights: discord.Permissions) -> dict[str, Any]:
    """Name what a server's rules may ask of whoever sends."""
    member = sender if isinstance(sender, discord.Member) else None
    return {
        "sender_roles": tuple(role.id for role in member.roles) if member else (),
        "sender_joined_at": member.joined_at if member else None,
        "sender_is_admin": rights.manage_guild,
    }
