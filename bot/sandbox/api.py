"""Serve the pretend Discord's HTTP API: one gate for all requests, and the plain routes."""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.sandbox import posts, refusals, wire, wire_posts
from bot.sandbox.refusals import Refusal
from bot.sandbox.world import Channel, Guild, Json, World

PREFIX = "/api/v10"
OPEN_ROUTES = re.compile(r"/(gateway|interactions/.*|webhooks/.*)")
MOST_BODY_BYTES = 32 * 1024 * 1024
BODY = web.RequestKey("body", object)
FILES: web.RequestKey[posts.Files] = web.RequestKey("files", dict)
ANSWER = web.ResponseKey("answer", object)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request of the bot's and the answer it got; bodies are parsed JSON or None."""

    method: str
    path: str
    query: dict[str, str]
    request_body: Any
    status: int
    response_body: Any
    file_count: int = 0


Observer = Callable[[Exchange], None]


def reply(body: Any, status: int = 200) -> web.Response:
    """Answer JSON with the bare content type that discord.py insists on."""
    if status == 204:
        answer = web.Response(status=204)
    else:
        answer = web.Response(body=json.dumps(body).encode(), status=status, content_type="application/json")
    answer[ANSWER] = body
    return answer


class Gate:
    """Let every request through one place: body, token, refusals, unknown routes, observers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.observers: list[Observer] = []

    async def before(self, request: web.Request) -> web.Response | None:
        """Answer in the route's place, or None; a stand-in with faults overrides this."""
        return None

    async def read(self, request: web.Request) -> None:
        """Parse the body, JSON or multipart, into `request[BODY]` and `request[FILES]`."""
        request[BODY], request[FILES] = None, {}
        try:
            if request.content_type == "multipart/form-data":
                await self._read_parts(request)
            elif request.can_read_body and (raw := await request.read()):
                request[BODY] = json.loads(raw)
        except ValueError:
            raise Refusal(refusals.BAD_JSON) from None

    async def _read_parts(self, request: web.Request) -> None:
        files: dict[int, tuple[str, str, bytes]] = {}
        for name, part in (await request.post()).items():
            found = re.fullmatch(r"files\[(\d+)\]", name)
            if name == "payload_json":
                request[BODY] = json.loads(part.file.read() if isinstance(part, web.FileField) else part)
            elif isinstance(part, web.FileField) and found:
                files[int(found[1])] = (part.filename, part.content_type, part.file.read())
        request[FILES] = files

    @web.middleware
    async def pass_through(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Serve one request of the API; everything else (websocket, files) goes straight on."""
        if not request.path.startswith(PREFIX):
            return await handler(request)
        path = request.path.removeprefix(PREFIX)
        try:
            await self.read(request)
            answer: web.StreamResponse = await self._serve(request, path, handler)
        except Refusal as refusal:
            self.world.refused.append(f"{request.method} {_masked(path)}: {refusal}")
            answer = reply(refusal.body(), refusal.status)
        except (ConnectionError, web.RequestPayloadError):
            raise  # the bot died while it spoke, which is no fault of ours
        except Exception as bug:
            self.world.broken.append(f"{request.method} {_masked(path)}: {bug!r}")
            raise
        self._observe(request, path, answer)
        return answer

    async def _serve(self, request: web.Request, path: str, handler: Handler) -> web.StreamResponse:
        if early := await self.before(request):
            return early
        token = request.headers.get("Authorization", "").removeprefix("Bot ")
        if not OPEN_ROUTES.fullmatch(path) and token != self.world.bot_token:
            raise Refusal(refusals.UNAUTHORIZED)
        try:
            return await handler(request)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
            self.world.unknown_routes.append(f"{request.method} {_masked(path)}")
            raise Refusal(refusals.NOT_FOUND) from None

    def _observe(self, request: web.Request, path: str, answer: web.StreamResponse) -> None:
        exchange = Exchange(
            request.method,
            path,
            dict(request.query),
            request.get(BODY),
            answer.status,
            answer.get(ANSWER),
            len(request.get(FILES, {})),
        )
        for observer in self.observers:
            observer(exchange)


def _masked(path: str) -> str:
    return re.sub(r"/[A-Za-z0-9]{60,}", "/{token}", path)


class PlainRoutes:
    """Answer what is neither a command nor an interaction."""

    def __init__(self, world: World, addresses: Callable[[], tuple[str, str]], shards: int) -> None:
        self.world = world
        self.addresses = addresses
        self.shards = shards

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [
            web.get(PREFIX + "/gateway", self.gateway),
            web.get(PREFIX + "/gateway/bot", self.gateway_bot),
            web.get(PREFIX + "/users/@me", self.own_account),
            web.get(PREFIX + "/oauth2/applications/@me", self.application),
            web.get(PREFIX + "/applications/@me", self.application),
            web.post(PREFIX + "/users/@me/channels", self.open_dm),
            web.post(PREFIX + r"/channels/{channel_id:\d+}/messages", self.write),
            web.get(PREFIX + r"/channels/{channel_id:\d+}", self.channel),
            web.get(PREFIX + r"/users/{user_id:\d+}", self.account),
            web.get(PREFIX + r"/guilds/{guild_id:\d+}", self.guild),
            web.get(PREFIX + r"/guilds/{guild_id:\d+}/members/{user_id:\d+}", self.member),
            web.get(r"/attachments/{file_id:\d+}/{filename}", self.file),
        ]

    async def gateway(self, request: web.Request) -> web.Response:
        """Tell where the websocket is."""
        return reply({"url": self.addresses()[0]})

    async def gateway_bot(self, request: web.Request) -> web.Response:
        """Tell where the websocket is, how many shards to use, how many logins are left."""
        left = self.world.logins_left
        limit = {"total": 1000, "remaining": left, "reset_after": 86_400_000, "max_concurrency": 16}
        return reply({"url": self.addresses()[0], "shards": self.shards, "session_start_limit": limit})

    async def own_account(self, request: web.Request) -> web.Response:
        """Answer the bot's own account."""
        return reply(wire.own_account(self.world.bot))

    async def application(self, request: web.Request) -> web.Response:
        """Answer the bot's application, owner and team included."""
        return reply(wire.application(self.world))

    async def account(self, request: web.Request) -> web.Response:
        """Answer anybody's account."""
        found = self.world.accounts.get(int(request.match_info["user_id"]))
        if not found:
            raise Refusal(refusals.UNKNOWN_ACCOUNT)
        return reply(wire.account(found))

    async def guild(self, request: web.Request) -> web.Response:
        """Answer a guild that the bot is in."""
        return reply(wire.guild(self._guild(request)))

    async def member(self, request: web.Request) -> web.Response:
        """Answer a member of a guild that the bot is in; no intent is needed for one at a time."""
        guild = self._guild(request)
        found = guild.members.get(int(request.match_info["user_id"]))
        if not found:
            raise Refusal(refusals.UNKNOWN_MEMBER)
        shape = wire.member(self.world, guild, found)
        return reply({name: value for name, value in shape.items() if name != "permissions"})

    async def channel(self, request: web.Request) -> web.Response:
        """Answer a channel."""
        return reply(wire.channel(self.world, self._channel(request)))

    async def open_dm(self, request: web.Request) -> web.Response:
        """Open the DM with a person; works also where the person takes none."""
        recipient = int(json_body(request).get("recipient_id") or 0)
        if recipient not in self.world.accounts or self.world.accounts[recipient].bot:
            raise Refusal(
                refusals.DM_CLOSED if recipient in self.world.accounts else refusals.UNKNOWN_ACCOUNT
            )
        return reply(wire.channel(self.world, self.world.dm_channel(recipient)))

    async def write(self, request: web.Request) -> web.Response:
        """Post to a channel or a DM; closed DMs refuse with 50007."""
        channel = self._channel(request)
        if channel.recipient_id and not self._reachable(channel.recipient_id):
            raise Refusal(refusals.DM_CLOSED)
        post = posts.create(self.world, channel, json_body(request), request[FILES], self.addresses()[1])
        return reply(wire_posts.post(self.world, post))

    async def file(self, request: web.Request) -> web.Response:
        """Hand out an attachment."""
        content = self.world.files.get(int(request.match_info["file_id"]))
        return web.Response(status=404) if content is None else web.Response(body=content)

    def _guild(self, request: web.Request) -> Guild:
        found = self.world.guilds.get(int(request.match_info["guild_id"]))
        if not found or self.world.bot.id not in found.members:
            raise Refusal(refusals.UNKNOWN_GUILD)
        return found

    def _reachable(self, account_id: int) -> bool:
        shared = any(
            {account_id, self.world.bot.id} <= set(guild.members) for guild in self.world.guilds.values()
        )
        return shared and self.world.accounts[account_id].dms_open

    def _channel(self, request: web.Request) -> Channel:
        found = self.world.channels.get(int(request.match_info["channel_id"]))
        if not found:
            raise Refusal(refusals.UNKNOWN_CHANNEL)
        return found


def json_body(request: web.Request) -> Json:
    """Return the body where a JSON object is expected."""
    body = request[BODY]
    if not isinstance(body, dict):
        raise Refusal(refusals.INVALID_FORM)
    return body
