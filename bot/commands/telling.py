"""Shape what a person is told unasked: words, the buttons under them, and what a phone answered."""

import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import discord

from bot.commands.answers import LONGEST_ANSWER_CHARS, NO_PINGS, shortened
from bot.commands.domain_request import request_buttons
from bot.commands.phone_buttons import prove_again_button
from bot.commands.quoting import quoted
from bot.commands.reply import held_buttons, reply_buttons
from bot.domain.inbound import Picture
from bot.domain.reply import Reply
from bot.domain.segments import utf16_units
from bot.services.notices import PROVE_AGAIN, Telling

_SUFFIXES = {"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp"}
MOST_PICTURES = 4
# Discord: "Request entity too large", by status or code, and "Invalid file uploaded".
_TOO_LARGE, _FILE_REFUSED = 413, frozenset({40005, 50046})


@dataclass(frozen=True, slots=True)
class Shown:
    """What a post says, and what goes with it: buttons, files."""

    content: str = field(repr=False)
    beside: dict[str, Any] = field(repr=False)


def shown(telling: Telling, *, without_pictures: bool = False, in_channel: bool = False) -> Shown:
    """Shape one thing to say."""
    reply = telling.reply
    if reply is not None:
        how = {"without_pictures": without_pictures, "in_channel": in_channel}
        return _held(reply) if reply.held else _reply(reply, **how)
    if telling.request_id is not None:
        return Shown(shortened(telling.words), {"view": request_buttons(telling.request_id)})
    if telling.kind == PROVE_AGAIN:
        return Shown(shortened(telling.words), {"view": prove_again_button()})
    return Shown(shortened(telling.words), {})


async def say(
    send: Callable[..., Awaitable[Any]], telling: Telling, *, in_channel: bool = False, **how: Any
) -> None:
    """Say one thing, without its pictures where Discord does not take those."""
    quiet = {"allowed_mentions": NO_PINGS, "suppress_embeds": True, **how}
    said = shown(telling, in_channel=in_channel)
    try:
        await send(said.content, **said.beside, **quiet)
    except discord.HTTPException as refused:
        if refused.status != _TOO_LARGE and refused.code not in _FILE_REFUSED:
            raise
        said = shown(telling, without_pictures=True, in_channel=in_channel)
        await send(said.content, **said.beside, **quiet)


def _reply(reply: Reply, *, without_pictures: bool, in_channel: bool) -> Shown:
    # The name is the one that our store knows; what the mail calls itself counts for nothing.
    said = "answered from their phone" if reply.words else "sent a picture from their phone"
    head = f"<@{reply.person_id}> {said}:" if reply.words else f"<@{reply.person_id}> {said}."
    if not reply.proven:
        head = f"**Unverified:** this seems to come from <@{reply.person_id}>'s phone, but nothing proves it."
    if in_channel:
        head = f"<@{reply.to_id}>, {head}"
    fit = [one for one in reply.pictures if one.kind in _SUFFIXES and not without_pictures][:MOST_PICTURES]
    if len(fit) < len(reply.pictures):
        head += " (Not all pictures that came with it can be shown here.)"
    beside: dict[str, Any] = {"view": reply_buttons(reply.id, reply.to_id if in_channel else None)}
    if fit:
        beside["files"] = [_file(one, place) for place, one in enumerate(fit, 1)]
    return Shown(_with_quote(head, reply.words), beside)


def _held(reply: Reply) -> Shown:
    asked = (
        f"An answer to <@{reply.to_id}> came that seems to be from your phone, but nothing proves it. "
        "Is it yours, and shall it go on?"
    )
    return Shown(_with_quote(asked, reply.words), {"view": held_buttons(reply.id)})


def _with_quote(head: str, words: str) -> str:
    if not words:
        return head
    return f"{head}\n{quoted(words, LONGEST_ANSWER_CHARS - utf16_units(head) - 1)}"


def _file(picture: Picture, place: int) -> discord.File:
    # The name is ours: what a mail calls its file could be a link, or anything else.
    return discord.File(io.BytesIO(picture.content), f"picture-{place}.{_SUFFIXES[picture.kind]}")
