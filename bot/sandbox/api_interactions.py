"""Serve the routes that answer an interaction: callback, the original answer, followups."""

from aiohttp import web

from bot.sandbox import posts, refusals, rules, wire_posts
from bot.sandbox.api import FILES, PREFIX, json_body, reply
from bot.sandbox.refusals import Refusal, refuse_if
from bot.sandbox.world import (
    ACKNOWLEDGE_WITHIN,
    TOKEN_LIFE,
    Interaction,
    Json,
    Post,
    World,
)

POST, DEFER, DEFER_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9
COMMAND, COMPONENT, AUTOCOMPLETE, MODAL_SUBMIT = 2, 3, 4, 5
ALLOWED_ANSWERS = {
    COMMAND: {POST, DEFER, MODAL},
    COMPONENT: {POST, DEFER, DEFER_UPDATE, UPDATE, MODAL},
    AUTOCOMPLETE: {CHOICES},
    MODAL_SUBMIT: {POST, DEFER, DEFER_UPDATE, UPDATE},
}
HOOK = PREFIX + r"/webhooks/{application_id:\d+}/{token}"


class InteractionRoutes:
    """Take the bot's answers and show them to the person who asked."""

    def __init__(self, world: World, cdn: posts.Cdn) -> None:
        self.world = world
        self.cdn = cdn

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [
            web.post(PREFIX + r"/interactions/{interaction_id:\d+}/{token}/callback", self.callback),
            web.post(HOOK, self.follow_up),
            web.get(HOOK + "/messages/{post_id:@original|[0-9]+}", self.read),
            web.patch(HOOK + "/messages/{post_id:@original|[0-9]+}", self.edit),
            web.delete(HOOK + "/messages/{post_id:@original|[0-9]+}", self.delete),
        ]

    async def callback(self, request: web.Request) -> web.Response:
        """Take the first answer; it must come within 3 s, and only once."""
        interaction = self.world.interactions.get(int(request.match_info["interaction_id"]))
        if not interaction or interaction.token != request.match_info["token"]:
            raise Refusal(refusals.UNKNOWN_INTERACTION)
        if interaction.answered_at:
            raise Refusal(refusals.ALREADY_ACKNOWLEDGED)
        if self.world.now() - interaction.created_at > ACKNOWLEDGE_WITHIN:
            raise Refusal(refusals.UNKNOWN_INTERACTION)
        body = json_body(request)
        shown = self._take(interaction, body.get("type"), body.get("data") or {}, request[FILES])
        interaction.answer_type, interaction.answered_at = body["type"], self.world.now()
        self.world.watch.changed()
        if request.query.get("with_response") not in ("1", "true"):
            return reply(None, 204)
        return reply(wire_posts.callback(interaction, self.world, shown))

    def _take(self, interaction: Interaction, kind: object, body: Json, files: posts.Files) -> Post | None:
        allowed = ALLOWED_ANSWERS[interaction.type]
        if kind not in allowed or (kind in (DEFER_UPDATE, UPDATE) and not interaction.source):
            fault = refusals.Fault(("type",), "BASE_TYPE_CHOICES", f"Value must be one of {sorted(allowed)}.")
            raise Refusal(refusals.INVALID_FORM, [fault])
        if kind == MODAL:
            refuse_if(rules.modal(body))
            interaction.modal = body
        elif kind == CHOICES:
            refuse_if(rules.choices(body.get("choices")))
            interaction.choices = body["choices"]
        elif kind in (DEFER_UPDATE, UPDATE):
            interaction.original = interaction.source
            if kind == UPDATE and interaction.source:
                posts.edit(self.world, interaction.source, body, files, self.cdn())
        else:
            self._first_post(interaction, kind == DEFER, body, files)
        return interaction.original

    def _first_post(self, interaction: Interaction, deferred: bool, body: Json, files: posts.Files) -> None:
        channel = self.world.channels[interaction.channel_id]
        if deferred:
            post = posts.placeholder(self.world, channel, body.get("flags") or 0)
        else:
            post = posts.create(self.world, channel, body, files, self.cdn())
        interaction.original = self._own(interaction, post)

    async def follow_up(self, request: web.Request) -> web.Response:
        """Post once more; the first one after a defer fills the deferred answer, its visibility kept."""
        interaction = self._hooked(request)
        body = json_body(request)
        original = interaction.original
        if original and original.loading:
            shown = {key: value for key, value in body.items() if key != "flags"}
            posts.edit(self.world, original, shown, request[FILES], self.cdn())
            return reply(wire_posts.post(self.world, original))
        channel = self.world.channels[interaction.channel_id]
        post = posts.create(self.world, channel, body, request[FILES], self.cdn())
        interaction.followups.append(self._own(interaction, post))
        self.world.watch.changed()
        return reply(wire_posts.post(self.world, post))

    def _own(self, interaction: Interaction, post: Post) -> Post:
        post.webhook, post.metadata = True, interaction.metadata
        post.viewer_id = interaction.account_id if post.ephemeral else None
        return post

    async def read(self, request: web.Request) -> web.Response:
        """Answer one post of this interaction."""
        return reply(wire_posts.post(self.world, self._post(request)))

    async def edit(self, request: web.Request) -> web.Response:
        """Change one post of this interaction, for as long as its token lives."""
        post = posts.edit(self.world, self._post(request), json_body(request), request[FILES], self.cdn())
        return reply(wire_posts.post(self.world, post))

    async def delete(self, request: web.Request) -> web.Response:
        """Take one post of this interaction away."""
        posts.delete(self.world, self._post(request))
        return reply(None, 204)

    def _hooked(self, request: web.Request) -> Interaction:
        """Find the interaction whose token this is; it must be answered and younger than 15 minutes."""
        interaction = self.world.by_token.get(request.match_info["token"])
        if int(request.match_info["application_id"]) != self.world.application_id or not interaction:
            raise Refusal(refusals.UNKNOWN_WEBHOOK)
        if self.world.now() - interaction.created_at > TOKEN_LIFE:
            raise Refusal(refusals.TOKEN_EXPIRED)
        if not interaction.answered_at:
            raise Refusal(refusals.UNKNOWN_WEBHOOK)
        return interaction

    def _post(self, request: web.Request) -> Post:
        interaction = self._hooked(request)
        named = request.match_info["post_id"]
        own = [interaction.original] if interaction.original else []
        if named != "@original":
            own = [post for post in own + interaction.followups if post.id == int(named)]
        if not own or own[0].deleted:
            raise Refusal(refusals.UNKNOWN_POST)
        return own[0]
