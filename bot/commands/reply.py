"""The buttons under what a phone answered: answer it, hear no more of it, let it go on or not."""

import asyncio
import re
from typing import Final

import discord

from bot.commands.answers import Form, answer, hold
from bot.commands.kept_buttons import KeptButton, row_of
from bot.commands.text import UNNAMED_SERVER, about_sender, open_answer, send
from bot.domain.errors import UserError
from bot.domain.plain import plain
from bot.domain.words import mention
from bot.services import replies
from bot.services.desk import Desk
from bot.services.texting import Request

LONGEST_CHARS: Final = 2000
_LEFT = (
    "You are no longer in that server, so you can't text from there. Use /text in a server that you share."
)
_TIMED_OUT = "You are timed out in that server, so you can't text from there. It ends <t:{}:R>."
_NOT_YOURS = "Only {} can use these buttons. Use /text to write to somebody's phone."
_AWAY = "Discord couldn't be asked about that server just now. Please try again in a minute."


class ReplyButton(
    KeptButton,
    template=r"textbridge:reply:(?P<what>answer|stop):(?P<reply>\d{1,19})(?::(?P<whose>\d{1,20}))?",
):
    """Answers an answer, or ends that conversation."""

    async def pressed(self, interaction: discord.Interaction, desk: Desk, found: re.Match[str]) -> None:
        """Open the form, or show no more answers."""
        reply_id = int(found["reply"])
        if found["whose"] and int(found["whose"]) != interaction.user.id:
            raise UserError(_NOT_YOURS.format(mention(int(found["whose"]))))
        if found["what"] == "answer":
            await interaction.response.send_modal(ReplyForm(desk, reply_id))
            return
        await hold(interaction)
        said = await desk.write(replies.mute, reply_id, interaction.user.id, desk.now())
        await answer(interaction, said)


class HeldButton(KeptButton, template=r"textbridge:held:(?P<what>on|drop|always):(?P<reply>\d{1,19})"):
    """Says what becomes of an answer that may be forged."""

    async def pressed(self, interaction: discord.Interaction, desk: Desk, found: re.Match[str]) -> None:
        """Do it; the result takes the question's place, with the words in it."""
        await interaction.response.defer()
        which = int(found["reply"]), interaction.user.id
        match found["what"]:
            case "on":
                said = await desk.write(replies.pass_on, *which, desk.now())
            case "always":
                said = await desk.write(replies.always_pass_on, *which, desk.now())
            case _:
                said = await desk.write(replies.throw_away, *which)
        await answer(interaction, said)


def reply_buttons(reply_id: int, whose: int | None = None) -> discord.ui.View:
    """Put the buttons under an answer; where others see it, they are `whose` alone."""
    which = f"{reply_id}:{whose}" if whose else f"{reply_id}"
    return row_of(
        ReplyButton(f"textbridge:reply:answer:{which}", "Reply", discord.ButtonStyle.primary),
        ReplyButton(f"textbridge:reply:stop:{which}", "Stop"),
    )


def held_buttons(reply_id: int) -> discord.ui.View:
    """Put the buttons under an answer that waits for its owner's word."""
    return row_of(
        HeldButton(f"textbridge:held:on:{reply_id}", "It's mine, send it on", discord.ButtonStyle.primary),
        HeldButton(f"textbridge:held:drop:{reply_id}", "Throw it away"),
        HeldButton(f"textbridge:held:always:{reply_id}", "Always send such on, marked"),
    )


class ReplyForm(Form, title="Reply to their phone"):
    """Asks for the words; they go by all the rules of /text, in the server that the conversation is in."""

    def __init__(self, desk: Desk, reply_id: int) -> None:
        super().__init__("reply")
        self._desk, self._reply_id = desk, reply_id
        self._words = discord.ui.TextInput[ReplyForm](
            custom_id="words", style=discord.TextStyle.paragraph, max_length=LONGEST_CHARS
        )
        self.add_item(discord.ui.Label(text="What their phone shows", component=self._words))

    async def on_submit(self, interaction: discord.Interaction, /) -> None:
        """Send it."""
        await hold(interaction)
        desk = self._desk
        async with desk.answering(interaction.id):
            back = await desk.read(replies.route, self._reply_id, interaction.user.id)
            request = await _request(interaction, back, self._words.value, desk)
            await send(desk, interaction, request)


async def _request(interaction: discord.Interaction, back: replies.Route, words: str, desk: Desk) -> Request:
    """Make what /text would make in that server."""
    guild = await _guild(interaction.client, back.guild_id)
    people = (interaction.user.id, back.person_id)
    sender, recipient = await asyncio.gather(*(_member(guild, person) for person in people))
    if sender is None:
        raise UserError(_LEFT)
    if sender.timed_out_until is not None and sender.timed_out_until > desk.now():
        # There Discord itself would not take a command of theirs; in a DM it does.
        raise UserError(_TIMED_OUT.format(int(sender.timed_out_until.timestamp())))
    return Request(
        interaction_id=interaction.id,
        sender_id=sender.id,
        sender_handle=sender.name,
        recipient_id=back.person_id,
        recipient_is_member=recipient is not None,
        recipient_is_bot=False,
        guild_id=guild.id,
        guild_name=guild.name or UNNAMED_SERVER,
        words=plain(words, {str(sender.id): sender.name}),
        answer=open_answer(interaction, desk.now()),
        answers_in=back.answers_in if _shown(desk, back) else None,
        **about_sender(sender, sender.guild_permissions),
    )


def _shown(desk: Desk, back: replies.Route) -> bool:
    """Tell whether the next answer is shown where this one was meant to be."""
    return desk.shelf.policies.of(back.guild_id).answers_here


async def _guild(client: discord.Client, guild_id: int) -> discord.Guild:
    """Find the server of a conversation: the cache may lag behind, and in a DM Discord names none."""
    known = client.get_guild(guild_id)
    if known is not None:
        return known
    try:
        return await client.fetch_guild(guild_id, with_counts=False)
    except (discord.NotFound, discord.Forbidden) as gone:
        raise UserError(_LEFT) from gone
    except (discord.HTTPException, OSError) as away:
        raise UserError(_AWAY) from away


async def _member(guild: discord.Guild, person_id: int) -> discord.Member | None:
    """Ask Discord whether somebody is in a server."""
    try:
        return await guild.fetch_member(person_id)
    except discord.NotFound:
        return None
    except (discord.HTTPException, OSError) as away:
        raise UserError(_AWAY) from away
