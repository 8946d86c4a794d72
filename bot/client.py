"""The Discord connection: sync commands when they changed, tell people what is due."""

import hashlib
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.commands.answers import NO_PINGS, answer, shortened
from bot.commands.register import EnterCodeButton
from bot.commands.tree import Tree
from bot.services.desk import Desk
from bot.services.notices import Telling, Told
from bot.services.synced import changed_since_sync, note_synced

_log = logging.getLogger(__name__)
# Discord's error codes, from its "Opcodes and Status Codes" page.
_UNKNOWN_WEBHOOK, _UNKNOWN_INTERACTION, _INVALID_WEBHOOK_TOKEN, _UNKNOWN_ANSWER = 10015, 10062, 50027, 10008
_ANSWER_GONE = frozenset({_UNKNOWN_WEBHOOK, _UNKNOWN_INTERACTION, _INVALID_WEBHOOK_TOKEN, _UNKNOWN_ANSWER})
_DMS_CLOSED = frozenset({50007, 50278, 10013})
# Asking again and again gets the whole address banned from Discord's API.
REMEMBER_CLOSED_S = 3600
RAN_OUT = "That button has run out. Please run the command again."


class Bot(discord.AutoShardedClient):
    """Connects to Discord; commands and services do the work."""

    def __init__(
        self, desk: Desk, api_url: str, dev_guild_id: int | None, on_up: Callable[[int], None]
    ) -> None:
        # Guilds are needed for their names only; nothing privileged is asked for, no member is kept.
        intents = discord.Intents(guilds=True)
        super().__init__(
            intents=intents,
            allowed_mentions=NO_PINGS,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
            guild_ready_timeout=0.5,
        )
        Route.BASE = api_url
        self._desk, self._dev_guild_id, self._on_up = desk, dev_guild_id, on_up
        self._closed_dms: dict[int, float] = {}
        self._owners: list[int] = []
        self.tree = Tree(self, desk)

    async def setup_hook(self) -> None:
        """Learn who owns the application and sync the commands where they changed."""
        # After an invalid session discord.py dials this default instead of asking again.
        _, address, _ = await self.http.get_bot_gateway()
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(str(address)).with_query(None)
        about = await self.application_info()
        self._owners = [member.id for member in about.team.members] if about.team else [about.owner.id]
        self._desk.editors.update(self._owners)
        self.add_view(EnterCodeButton(self._desk))
        await self._sync()

    async def _sync(self) -> None:
        guild = discord.Object(self._dev_guild_id) if self._dev_guild_id is not None else None
        if guild is not None:
            self.tree.copy_global_to(guild=guild)
        payload = [command.to_dict(self.tree) for command in self.tree.get_commands(guild=guild)]
        digest = hashlib.sha256(json.dumps(payload, sort_keys=True, default=str).encode()).hexdigest()
        scope = f"{self.application_id}:{guild.id if guild else 'global'}"
        if not await self._desk.read(changed_since_sync, scope, digest) and await self._all_there(
            guild, payload
        ):
            return
        await self.tree.sync(guild=guild)
        await self._desk.write(note_synced, scope, digest)
        _log.info("discord: synced %d commands", len(payload))

    async def _all_there(self, guild: discord.Object | None, payload: list[dict[str, Any]]) -> bool:
        there = await self.tree.fetch_commands(guild=guild)
        return {command.name for command in there} >= {command["name"] for command in payload}

    async def on_ready(self) -> None:
        """Say that commands can be taken."""
        _log.info("discord: ready in %d servers", len(self.guilds))
        self._on_up(self.application_id or 0)

    async def on_app_command_completion(
        self,
        interaction: discord.Interaction,
        _command: app_commands.Command[Any, ..., Any] | app_commands.ContextMenu,
    ) -> None:
        """After a command, say what could not be told by DM."""
        if interaction.response.type is discord.InteractionResponseType.modal:
            return
        for words in await self._desk.parked(interaction.user.id):
            await interaction.followup.send(
                shortened(words), ephemeral=True, allowed_mentions=NO_PINGS, suppress_embeds=True
            )

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Answer the buttons that a restart has forgotten."""
        if interaction.type is discord.InteractionType.component and self.tree.confirms.forgot(interaction):
            await answer(interaction, RAN_OUT)

    async def on_error(self, event_method: str, /, *_args: Any, **_kwargs: Any) -> None:
        """Log a failing event without its arguments, which hold private words."""
        _log.exception("discord: %s failed", event_method)

    async def tell(self, telling: Telling) -> Told:
        """Edit the answer where it can be, else write a DM where the notice is worth one."""
        try:
            if telling.answer is not None and await self._edit(telling.answer.token, telling.words):
                return Told.TOLD
            if not telling.by_dm:
                return Told.TOLD
            people = [telling.person_id] if telling.person_id else self._owners
            outcomes = [await self._write(person, telling.words) for person in people]
            return Told.TOLD if not outcomes or Told.TOLD in outcomes else Told.CLOSED
        except (discord.DiscordServerError, discord.RateLimited, OSError, TimeoutError) as away:
            _log.info("discord: telling is put off (%s)", type(away).__name__)
            return Told.LATER
        except discord.HTTPException as refused:
            _log.warning("discord: telling was refused (%d, code %d)", refused.status, refused.code)
            return Told.LATER if refused.status in (401, 429) else Told.CLOSED

    async def _edit(self, token: str, words: str) -> bool:
        # Needs no more than application id and token, so it works after a restart too.
        route = Route(
            "PATCH",
            "/webhooks/{webhook_id}/{webhook_token}/messages/@original",
            webhook_id=self.application_id or 0,
            webhook_token=token,
        )
        content = {"content": shortened(words), "allowed_mentions": NO_PINGS.to_dict()}
        try:
            await self.http.request(route, json=content)
        except (discord.NotFound, discord.Forbidden, discord.HTTPException) as gone:
            if gone.code in _ANSWER_GONE or gone.status in (401, 403, 404):
                return False
            raise
        return True

    async def _write(self, person_id: int, words: str) -> Told:
        if self._closed_dms.get(person_id, 0.0) > time.monotonic():
            return Told.CLOSED
        try:
            channel = await self.create_dm(discord.Object(person_id))
            await channel.send(shortened(words), allowed_mentions=NO_PINGS, suppress_embeds=True)
        except (discord.Forbidden, discord.NotFound, discord.HTTPException) as closed:
            if closed.code not in _DMS_CLOSED:
                raise
            self._forget_old_closed()
            self._closed_dms[person_id] = time.monotonic() + REMEMBER_CLOSED_S
            return Told.CLOSED
        return Told.TOLD

    def _forget_old_closed(self) -> None:
        now = time.monotonic()
        self._closed_dms = {person: until for person, until in self._closed_dms.items() if until > now}
