"""The Discord connection: log in where DISCORD_API_URL leads, take what comes, tell people what is due."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import aiohttp
import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import HTTPClient, Route

from bot import discord_reach as reach
from bot.commands.answers import NO_PINGS, answer_error, forgotten_form
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
from bot.discord_voice import Voice
from bot.domain.errors import UserError
from bot.services.desk import Desk
from bot.services.notices import OPERATOR, Telling

_log = logging.getLogger(__name__)
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
        self._owners: list[int] = []
        self.voice = Voice(self, desk, self._owners)
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
        self._owners[:] = reach.owners_of(about)
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
