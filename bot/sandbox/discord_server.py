"""Run the stand-in Discord on loopback: its HTTP API, its websocket, and the people in it."""

import random
from collections.abc import Callable
from datetime import datetime

from aiohttp import web

from bot.sandbox import wire
from bot.sandbox.api import PREFIX, Gate, PlainRoutes
from bot.sandbox.api_commands import CommandRoutes
from bot.sandbox.api_interactions import InteractionRoutes
from bot.sandbox.member import Person
from bot.sandbox.watch import SandboxError
from bot.sandbox.websocket import Gateway
from bot.sandbox.world import Guild, World, utc_now

LOOPBACK = "127.0.0.1"
CLOSE_WITHIN_S = 1.0


class Discord:
    """A pretend Discord; `start` opens it on a free loopback port."""

    gateway_class: type[Gateway] = Gateway
    gate_class: type[Gate] = Gate

    def __init__(
        self, rng: random.Random | None = None, now: Callable[[], datetime] = utc_now, shards: int = 1
    ) -> None:
        self.world = World(rng or random.Random(), now)
        self.gateway = self.gateway_class(self.world, self._addresses, shards)
        self.gate = self.gate_class(self.world)
        self._shards = shards
        self._runner: web.AppRunner | None = None
        self._port = 0
        self._people: dict[str, Person] = {}

    @property
    def token(self) -> str:
        """Return the bot token that logs in here."""
        return self.world.bot_token

    @property
    def api_url(self) -> str:
        """Return the base of the HTTP API, for DISCORD_API_URL."""
        return f"http://{LOOPBACK}:{self._port}{PREFIX}"

    @property
    def websocket_url(self) -> str:
        """Return the websocket's address, the same that `GET /gateway/bot` tells."""
        return self._addresses()[0]

    def _addresses(self) -> tuple[str, str]:
        return f"ws://{LOOPBACK}:{self._port}/websocket", f"http://{LOOPBACK}:{self._port}"

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; port 0 takes a free one, another reopens after `stop`."""
        app = web.Application(middlewares=[self.gate.pass_through], client_max_size=32 * 1024 * 1024)
        app.router.add_get("/websocket", self.gateway.serve)
        app.add_routes(PlainRoutes(self.world, self._addresses, self._shards).routes())
        app.add_routes(CommandRoutes(self.world).routes())
        app.add_routes(InteractionRoutes(self.world, lambda: self._addresses()[1]).routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=CLOSE_WITHIN_S)
        await self._runner.setup()
        site = web.TCPSite(self._runner, LOOPBACK, port or self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close every connection and stop listening; the state stays."""
        if self._runner:
            await self.gateway.stop()
            await self._runner.cleanup()
            self._runner = None

    def person(
        self, username: str, *, global_name: str | None = None, locale: str = "en-US", dms_open: bool = True
    ) -> Person:
        """Find the person of this handle, or let one open an account."""
        if username not in self._people:
            account = self.world.add_account(username, global_name, locale)
            account.dms_open = dms_open
            self._people[username] = self._at_client(account.id)
        return self._people[username]

    @property
    def owner(self) -> Person:
        """Return the application's owner."""
        return self._at_client(self.world.owner.id)

    @property
    def bot(self) -> Person:
        """Return the bot as somebody whom commands can name."""
        return self._at_client(self.world.bot.id)

    def _at_client(self, account_id: int) -> Person:
        return Person(self.world, self.gateway, self.world.accounts[account_id], lambda: self._addresses()[1])

    def guild(self, name: str, owner: Person, *members: Person) -> Guild:
        """Create a guild with the bot and these members in it; a bot that is logged in needs `invite`."""
        guild = self.world.add_guild(name, owner.id)
        for member in members:
            self.join(guild, member)
        return guild

    def join(self, guild: Guild, person: Person, permissions: int = 0) -> None:
        """Let a person join, or give a member further permissions."""
        self.world.join(guild, person.id, permissions)

    def leave(self, guild: Guild, person: Person) -> None:
        """Let a person leave."""
        guild.members.pop(person.id, None)

    async def invite(self, guild: Guild) -> None:
        """Let the bot join a guild while it is logged in, and tell it."""
        self.world.join(guild, self.world.bot.id)
        created = wire.guild_created(self.world, guild)
        del created["unavailable"]  # Discord says that only of guilds that READY had listed
        await self.gateway.tell_guild(guild, "GUILD_CREATE", created)

    async def expel(self, guild: Guild) -> None:
        """Throw the bot out of a guild, and tell it."""
        guild.members.pop(self.world.bot.id, None)
        await self.gateway.tell_guild(guild, "GUILD_DELETE", {"id": str(guild.id)})

    async def ready(self, timeout_s: float = 10.0) -> None:
        """Wait until a bot is logged in on every shard."""

        def probe() -> bool | None:
            shards = {session.shard for session in self.gateway.sessions.values() if session.line}
            return True if len(shards) >= self._shards else None

        await self.world.watch.until(probe, timeout_s, "the bot to log in")

    async def command_registered(self, name: str, timeout_s: float = 10.0) -> None:
        """Wait until a command of this name is registered anywhere."""

        def probe() -> bool | None:
            scopes = self.world.commands_of(self.world.commands)
            return True if any(command["name"] == name for command in scopes) else None

        await self.world.watch.until(probe, timeout_s, f"the command {name!r}")

    def assert_clean(self) -> None:
        """Raise SandboxError where a route was unknown, a body malformed, or a route here broke."""
        malformed = [each for each in self.world.refused if " 50035 " in each or " 50006 " in each]
        if wrong := self.world.unknown_routes + malformed + self.world.broken:
            raise SandboxError("; ".join(wrong))
