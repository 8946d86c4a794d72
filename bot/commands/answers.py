"""Answer people in Discord: ephemeral, without pings, and with one plain sentence when something fails."""

import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import discord
from discord import app_commands

from bot.domain.errors import NotSaved, UserError

_log = logging.getLogger(__name__)
NO_PINGS = discord.AllowedMentions.none()
LONGEST_ANSWER_CHARS = 2000
WENT_WRONG = "Something went wrong here and has been noted. Please try again in a minute."
LOST = "Discord lost the answer to this, but it may well be done. Look before you do it again."
FORM_PREFIX, FORM_LIFE_S = "textbridge:form:", 1800.0
_KNOWN = "textbridge form"
_TOO_LATE = 10062  # Discord: Unknown interaction
_ANSWERED_ALREADY = 40060  # Discord: Interaction has already been acknowledged


class NotAllowed(app_commands.CheckFailure):
    """A check said no; the sentence says why. (discord.py answers only its own errors from a check.)"""


class AnswerLost(Exception):
    """Discord did not take an answer that came after "thinking…"; what was asked for may be done."""


class Quiet(discord.ui.View):
    """A row of buttons whose errors are answered like those of commands."""

    async def on_error(
        self, interaction: discord.Interaction, error: Exception, item: discord.ui.Item[discord.ui.View], /
    ) -> None:
        """Answer the error."""
        await answer_error(interaction, error)


class Form(discord.ui.Modal, title="Textbridge"):
    """A modal for one person, whose errors are answered like those of commands."""

    def __init__(self, kind: str) -> None:
        # discord.py keeps one modal for each id: under a shared one a second person would replace
        # the first one's form, and what one typed would be read as the other's.
        super().__init__(timeout=FORM_LIFE_S, custom_id=f"{FORM_PREFIX}{kind}:{secrets.token_hex(8)}")

    async def interaction_check(self, interaction: discord.Interaction, /) -> bool:
        """Note that this form is still known; runs before anything else is awaited."""
        interaction.extras[_KNOWN] = True
        return True

    async def on_error(  # type: ignore[override]  # as discord.py's own Modal: its base class has an item
        self, interaction: discord.Interaction, error: Exception, /
    ) -> None:
        """Answer the error."""
        await answer_error(interaction, error)


def forgotten_form(interaction: discord.Interaction) -> bool:
    """Tell whether somebody sent a form of ours that was opened before a restart."""
    custom_id = str(dict(interaction.data or {}).get("custom_id", ""))
    is_form = interaction.type is discord.InteractionType.modal_submit and custom_id.startswith(FORM_PREFIX)
    return is_form and _KNOWN not in interaction.extras


async def answer(interaction: discord.Interaction, words: str, view: discord.ui.View | None = None) -> None:
    """Answer, or fill in a deferred answer; only the person who asked sees it. Raises AnswerLost."""
    was_held = interaction.response.is_done()
    try:
        await _put(interaction, words, view)
    except (discord.HTTPException, aiohttp.ClientError, OSError) as failed:
        if not was_held:
            raise
        raise AnswerLost from failed


async def _put(interaction: discord.Interaction, words: str, view: discord.ui.View | None = None) -> None:
    words = shortened(words)
    if interaction.response.is_done():
        await interaction.edit_original_response(content=words, view=view, allowed_mentions=NO_PINGS)
    else:
        await interaction.response.send_message(
            words,
            ephemeral=True,
            allowed_mentions=NO_PINGS,
            suppress_embeds=True,
            view=view or discord.utils.MISSING,
        )


async def _put_below(interaction: discord.Interaction, words: str) -> None:
    """Answer a press below what was pressed, which stays."""
    await interaction.followup.send(words, ephemeral=True, allowed_mentions=NO_PINGS, suppress_embeds=True)


async def hold(interaction: discord.Interaction) -> None:
    """Tell Discord within its 3 s that an answer will come, for that person only."""
    await interaction.response.defer(ephemeral=True, thinking=True)


def shortened(words: str) -> str:
    """Cut an answer to what Discord takes, at the end of a line where possible."""
    if len(words) <= LONGEST_ANSWER_CHARS:
        return words
    cut = words[: LONGEST_ANSWER_CHARS - 1]
    return cut[: max(cut.rfind("\n"), LONGEST_ANSWER_CHARS // 2)] + "…"


async def answer_error(interaction: discord.Interaction, error: Exception) -> None:
    """Answer the error of a command, button or form: the one place for it, so it catches whatever comes.

    A failure of the answer itself must not pass either: the person would see "thinking…" for ever.
    """
    original = getattr(error, "original", error)
    if interaction.client.is_closed():
        _log.info("interaction %d: the bot stopped before it was answered", interaction.id)
        return
    if _takes_no_answer(interaction, original):
        _log.info("interaction %d: it came too late or twice; nothing was done", interaction.id)
        return
    try:
        put = _put_below if _may_be_pressed_again(interaction, original) else _put
        await put(interaction, _words_for(original))
    except discord.HTTPException as late:
        if late.code != _TOO_LATE:
            _log.warning("interaction %d: its error could not be answered (%s)", interaction.id, late.code)
    except Exception as failed:
        level, trace = (logging.INFO, None) if interaction.client.is_closed() else (logging.ERROR, failed)
        _log.log(level, "interaction %d: its error could not be answered", interaction.id, exc_info=trace)


@asynccontextmanager
async def answering_errors(interaction: discord.Interaction) -> AsyncIterator[None]:
    """Answer whatever goes wrong inside, where discord.py itself would only log it."""
    try:
        yield
    except Exception as error:
        await answer_error(interaction, error)


def _takes_no_answer(interaction: discord.Interaction, error: Exception) -> bool:
    # Our first answer is refused after 3 s, and where a RESUME replayed what was answered before.
    refused = isinstance(error, discord.HTTPException) and error.code in (_TOO_LATE, _ANSWERED_ALREADY)
    return refused and not interaction.response.is_done()


def _may_be_pressed_again(interaction: discord.Interaction, error: Exception) -> bool:
    """Tell whether a button failed that is needed as before: its answer must not take its place."""
    update = interaction.response.type is discord.InteractionResponseType.deferred_message_update
    return update and (isinstance(error, NotSaved) or not isinstance(error, UserError | NotAllowed))


def _words_for(error: Exception) -> str:
    if isinstance(error, UserError | NotAllowed):
        return str(error)
    if isinstance(error, app_commands.CommandNotFound | app_commands.CommandSignatureMismatch):
        return "That command has changed. Please reload Discord (Ctrl+R) and type it again."
    if isinstance(error, app_commands.NoPrivateMessage):
        return "This works in a server only. Type it in a server."
    if isinstance(error, app_commands.CheckFailure):
        return "You may not use this here. Ask an admin of the server."
    if isinstance(error, AnswerLost):
        _log.warning("discord: an answer could not be given (%s)", type(error.__cause__).__name__)
        return LOST
    _log.error("command failed", exc_info=error)
    return WENT_WRONG
