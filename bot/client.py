"""The Discord connection: log in where DISCORD_API_URL leads, take what comes, tell people what is due."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import HTTPClient, Route

from bot import discord_reach as reach
from bot.commands.answers import NO_PINGS, answer_error, forgotten_form, shortened
from bot.commands.bridge_panel import BRIDGE_ITEMS
from bot.commands.carrier_pages import PageButton
from bot.commands.domain_request import DomainButton
from bot.commands.phone_buttons import HoldAgainButton, ProveAgainButton
from bot.commands.phone_menus import PHONE_ITEMS
from bot.commands.register import EnterCodeButton
from bot.commands.reply import HeldButton, ReplyButton
from bot.commands.telling import say
from bot.commands.tree import Tree
from bot.discord_commands import sync
from bot.domain.errors import UserError
from bot.services.desk import Desk
from bot.services.notices import OPERATOR, Telling, Told

_log = logging.getLogger(__name__)
# Discord's error codes, from its "Opcodes and Status Codes" page.
_UNKNOWN_WEBHOOK, _UNKNOWN_INTERACTION, _INVALID_WEBHOOK_TOKEN, _UNKNOWN_ANSWER = 10015, 10062, 50027, 10008
_ANSWER_GONE = frozenset({_UNKNOWN_WEBHOOK, _UNKNOWN_INTERACTION, _INVALID_WEBHOOK_TOKEN, _UNKNOWN_ANSWER})
_DMS_CLOSED = frozenset({50007, 50278, 10013})
# Asking again and again gets the whole address banned from Discord's API.
REMEMBER_CLOSED_S = 3600
# One slow answer must not keep everybody else's news back.
TELL_WITHIN_S = 30.0
# Until it is first ready; shards log in 5 s apart. Long enough to stay below Discord's 1,000 logins a day.
READY_WITHIN_S, READY_WITHIN_S_A_SHARD = 60.0, 6.0
RAN_OUT = "That button or form is too old. Please run the command again."


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
            # Ready soon after the last server's name came; a name that comes later is asked for.
            guild_ready_timeout=0.1,
        )
        Route.BASE = api_url.rstrip("/")
        reach.read_loosely()
        self.http.ws_connect = self._dial  # type: ignore[method-assign]  # there is no other way to choose it
        parse_ready = self._connection.parsers["READY"]
        # A server that knows of no shards may leave the field out.
        self._connection.parsers["READY"] = lambda event: parse_ready({"shard": [0, 1], **event})
        self._gateway = yarl.URL()
        self.desk, self._dev_guild_id, self._on_up = desk, dev_guild_id, on_up
        self._closed_dms: dict[int, float] = {}
        self._owners: list[int] = []
        self._patience: asyncio.Timeout | None = None
        self.tree = Tree(self, desk)

    async def login(self, token: str) -> None:
        """Log in; an API address without its version is completed where it leads nowhere."""
        try:
            await super().login(token)
        except (discord.NotFound, TypeError, KeyError) as lost:
            if self.user is not None:
                raise
            longer = reach.with_version(Route.BASE)
            if longer is None:
                raise reach.NotDiscord from lost
            Route.BASE = longer
            await self.http.close()
            self.http.connector = discord.utils.MISSING
            await self.login(token)

    async def application_info(self) -> discord.AppInfo:
        """Read what is known of the application, its owners first."""
        about: Any = await self.http.application_info()
        self._owners = reach.owners_of(about)
        self.desk.owner_handle = reach.owner_handle(about)
        return discord.AppInfo(self._connection, reach.completed(about))

    async def setup_hook(self) -> None:
        """Learn where the websocket is, and sync the commands where they changed."""
        answered: Any = await self.http.request(Route("GET", "/gateway/bot"))
        self._gateway = reach.gateway_address(answered)
        self.shard_count = max(1, int(answered.get("shards") or 1))
        # After an invalid session discord.py dials this default instead of asking again.
        DiscordWebSocket.DEFAULT_GATEWAY = self._gateway
        self.desk.editors.update(self._owners)
        self.desk.owners[:] = self._owners
        self.add_view(EnterCodeButton(self.desk))
        self.add_dynamic_items(PageButton, DomainButton, ReplyButton, HeldButton, *PHONE_ITEMS)
        self.add_dynamic_items(ProveAgainButton, HoldAgainButton, *BRIDGE_ITEMS)
        await sync(self, self.tree, self.desk, self._dev_guild_id)

    async def _dial(self, url: str, *, compress: int = 0) -> aiohttp.ClientWebSocketResponse:
        address = reach.dialled(yarl.URL(url), self._gateway)
        return await HTTPClient.ws_connect(self.http, str(address), compress=compress)

    async def connect(self, *, reconnect: bool = True) -> None:
        """Stay connected; raises TimeoutError where it never gets ready: discord.py would try for ever."""
        seconds = READY_WITHIN_S + READY_WITHIN_S_A_SHARD * (self.shard_count or 1)
        try:
            async with asyncio.timeout(seconds) as self._patience:
                await super().connect(reconnect=reconnect)
        finally:
            self._patience = None

    async def on_ready(self) -> None:
        """Say that commands can be taken."""
        _log.info("discord: ready in %d servers", len(self.guilds))
        if self._patience is not None and not self._patience.expired():
            self._patience.reschedule(None)
        self._note_guilds()
        self._on_up(self.application_id or 0)

    async def on_guild_join(self, _guild: discord.Guild) -> None:
        """Note where the bot is."""
        self._note_guilds()

    async def on_guild_remove(self, _guild: discord.Guild) -> None:
        """Note where the bot is not any more."""
        self._note_guilds()

    def _note_guilds(self) -> None:
        self.desk.guild_ids = frozenset(guild.id for guild in self.guilds)
        self.desk.guilds_moved.set()

    async def on_app_command_completion(
        self,
        interaction: discord.Interaction,
        _command: app_commands.Command[Any, ..., Any] | app_commands.ContextMenu,
    ) -> None:
        """After a command, say what could not be told by DM."""
        if interaction.response.type is discord.InteractionResponseType.modal:
            return

        async def say_here(telling: Telling) -> None:
            await say(interaction.followup.send, telling, ephemeral=True)

        person = interaction.user.id
        whose = [person, OPERATOR] if person in self._owners else [person]
        if interaction.guild_id is not None and interaction.permissions.manage_guild:
            whose.append(-interaction.guild_id)
        try:
            for one in whose:
                await self.desk.say_parked(one, say_here)
        except (discord.HTTPException, aiohttp.ClientError, OSError) as away:
            _log.info("discord: parked news waits for the next command (%s)", type(away).__name__)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Answer the buttons and forms that a restart has forgotten."""
        is_button = interaction.type is discord.InteractionType.component
        if forgotten_form(interaction) or (is_button and self.tree.confirms.forgot(interaction)):
            await answer_error(interaction, UserError(RAN_OUT))

    async def on_error(self, event_method: str, /, *_args: Any, **_kwargs: Any) -> None:
        """Log a failing event without its arguments, which hold private words."""
        _log.exception("discord: %s failed", event_method)

    async def tell(self, telling: Telling) -> Told:
        """Edit the answer where it can be, else write a DM where the notice is worth one."""
        try:
            async with asyncio.timeout(TELL_WITHIN_S):
                return await self._tell(telling)
        except (discord.DiscordServerError, discord.RateLimited, aiohttp.ClientError, OSError) as away:
            _log.info("discord: telling is put off (%s)", type(away).__name__)
            return Told.LATER
        except discord.HTTPException as refused:
            _log.warning("discord: telling was refused (%d, code %d)", refused.status, refused.code)
            return Told.LATER if refused.status in (401, 429) else Told.CLOSED

    async def _tell(self, telling: Telling) -> Told:
        if telling.answer is not None and await self._edit(telling.answer.token, telling.words):
            return Told.TOLD
        if not telling.by_dm:
            return Told.TOLD
        if telling.person_id < 0:
            return await self._tell_admins(-telling.person_id, telling)
        people = [telling.person_id] if telling.person_id else self._owners
        outcomes = [await self._write(person, telling) for person in people]
        return Told.TOLD if Told.TOLD in outcomes else Told.CLOSED

    async def _tell_admins(self, guild_id: int, telling: Telling) -> Told:
        """Post where a server's admins want to read it, else write its owner, who is one of them."""
        await self.desk.refresh()
        log = self.desk.shelf.policies.of(guild_id).log_channel
        if log is not None:
            try:
                channel = self.get_partial_messageable(log, guild_id=guild_id)
                await channel.send(shortened(telling.words), allowed_mentions=NO_PINGS, suppress_embeds=True)
            except (discord.Forbidden, discord.NotFound) as closed:
                _log.info("discord: a server's log channel takes no reports (code %d)", closed.code)
            else:
                return Told.TOLD
        guild = self.get_guild(guild_id)
        return await self._write(guild.owner_id, telling) if guild and guild.owner_id else Told.CLOSED

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
        except discord.HTTPException as gone:
            if gone.code in _ANSWER_GONE or gone.status in (401, 403, 404):
                return False
            raise
        return True

    async def _write(self, person_id: int, telling: Telling) -> Told:
        if self._closed_dms.get(person_id, 0.0) > time.monotonic():
            return Told.CLOSED
        try:
            channel = await self.create_dm(discord.Object(person_id))
            # Discord shows one post of those that it takes under the same nonce within some minutes.
            await say(channel.send, telling, nonce=telling.once or None)
        except discord.HTTPException as closed:
            if closed.code not in _DMS_CLOSED:
                raise
            self._forget_old_closed()
            self._closed_dms[person_id] = time.monotonic() + REMEMBER_CLOSED_S
            return Told.CLOSED
        return Told.TOLD

    def _forget_old_closed(self) -> None:
        now = time.monotonic()
        self._closed_dms = {person: until for person, until in self._closed_dms.items() if until > now}
