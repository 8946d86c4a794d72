"""Serve the routes that register commands, global ones and a guild's own."""

from aiohttp import web

from bot.sandbox import command_rules, refusals
from bot.sandbox.api import BODY, PREFIX, json_body, reply
from bot.sandbox.refusals import Refusal, refuse_if
from bot.sandbox.world import Json, World

EVERYWHERE = PREFIX + r"/applications/{application_id:\d+}/commands"
IN_GUILD = PREFIX + r"/applications/{application_id:\d+}/guilds/{guild_id:\d+}/commands"
ONE = r"/{command_id:\d+}"


class CommandRoutes:
    """Keep the registered commands as the bot wants them."""

    def __init__(self, world: World) -> None:
        self.world = world

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [
            route
            for scope in (EVERYWHERE, IN_GUILD)
            for route in (
                web.get(scope, self.all),
                web.put(scope, self.overwrite),
                web.post(scope, self.create),
                web.get(scope + ONE, self.one),
                web.patch(scope + ONE, self.change),
                web.delete(scope + ONE, self.delete),
            )
        ]

    async def all(self, request: web.Request) -> web.Response:
        """List the commands of one scope."""
        return reply(list(self._scope(request).values()))

    async def overwrite(self, request: web.Request) -> web.Response:
        """Replace the commands of one scope; a known name keeps its id."""
        bodies = request[BODY]
        if not isinstance(bodies, list):
            raise Refusal(refusals.INVALID_FORM)
        refuse_if(command_rules.commands(bodies))
        scope = self._scope(request)
        full = [self._full(request, body) for body in bodies]
        scope.clear()
        scope.update({int(each["id"]): each for each in full})
        self.world.watch.changed()
        return reply(full)

    async def create(self, request: web.Request) -> web.Response:
        """Register one command, or overwrite the one of the same name."""
        body = json_body(request)
        refuse_if(command_rules.command(body))
        known = self._named(request, body)
        full = self._full(request, body)
        self._scope(request)[int(full["id"])] = full
        self.world.watch.changed()
        return reply(full, 200 if known else 201)

    async def one(self, request: web.Request) -> web.Response:
        """Answer one command."""
        return reply(self._found(request))

    async def change(self, request: web.Request) -> web.Response:
        """Change one command's given fields."""
        old = self._found(request)
        merged = old | json_body(request)
        refuse_if(command_rules.command(merged))
        full = self._full(request, merged) | {"id": old["id"]}
        self._scope(request)[int(full["id"])] = full
        self.world.watch.changed()
        return reply(full)

    async def delete(self, request: web.Request) -> web.Response:
        """Take one command away."""
        del self._scope(request)[int(self._found(request)["id"])]
        self.world.watch.changed()
        return reply(None, 204)

    def _scope(self, request: web.Request) -> dict[int, Json]:
        if int(request.match_info["application_id"]) != self.world.application_id:
            raise Refusal(refusals.MISSING_ACCESS)
        guild_id = request.match_info.get("guild_id")
        if guild_id and int(guild_id) not in self.world.guilds:
            raise Refusal(refusals.MISSING_ACCESS)
        return self.world.commands[int(guild_id) if guild_id else None]

    def _found(self, request: web.Request) -> Json:
        found = self._scope(request).get(int(request.match_info["command_id"]))
        if not found:
            raise Refusal(refusals.UNKNOWN_COMMAND)
        return found

    def _named(self, request: web.Request, body: Json) -> Json | None:
        wanted = (body.get("type") or 1, body["name"])
        return next(
            (each for each in self._scope(request).values() if (each["type"], each["name"]) == wanted), None
        )

    def _full(self, request: web.Request, body: Json) -> Json:
        known = self._named(request, body)
        permissions = body.get("default_member_permissions")
        full: Json = {
            "id": known["id"] if known else str(self.world.new_id()),
            "application_id": str(self.world.application_id),
            "version": str(self.world.new_id()),
            "type": body.get("type") or 1,
            "name": body["name"],
            "name_localizations": body.get("name_localizations"),
            "description": body.get("description") or "",
            "description_localizations": body.get("description_localizations"),
            "default_member_permissions": None if permissions is None else str(permissions),
            "dm_permission": body.get("dm_permission") is not False,
            "contexts": body.get("contexts"),
            "integration_types": body.get("integration_types") or [0, 1],
            "nsfw": bool(body.get("nsfw")),
        }
        if body.get("options"):
            full["options"] = body["options"]
        if guild_id := request.match_info.get("guild_id"):
            full["guild_id"] = guild_id
        return full
