"""Do what a person does in Discord: slash commands, modals, buttons, menus, reading DMs."""

from collections.abc import Callable, Mapping
from typing import Any

from bot.sandbox import command_rules, events, rules
from bot.sandbox.answer import WAIT_S, Answer, Choice, buttons
from bot.sandbox.menus import chosen
from bot.sandbox.modal import Modal
from bot.sandbox.options import Options
from bot.sandbox.watch import SandboxError
from bot.sandbox.websocket import Gateway
from bot.sandbox.wire_posts import post as post_shape
from bot.sandbox.world import Account, Channel, Guild, Interaction, Json, Post, Role, World

IN_GUILD, IN_BOT_DM = 0, 1


class Person:
    """One person at their Discord client; `guild` None means the DM with the bot."""

    def __init__(self, world: World, gateway: Gateway, account: Account, cdn: Callable[[], str]) -> None:
        self.world = world
        self.gateway = gateway
        self.account = account
        self.cdn = cdn

    @property
    def id(self) -> int:
        """Return the account's id."""
        return self.account.id

    @property
    def username(self) -> str:
        """Return the account's unique handle."""
        return self.account.username

    @property
    def mention(self) -> str:
        """Return what mentions this person."""
        return f"<@{self.account.id}>"

    async def slash(
        self, guild: Guild | None, command: str, /, *, force: bool = False, wait: bool = True, **options: Any
    ) -> Answer:
        """Send `/command sub sub` and wait for its first answer; `force` sends a hidden command too."""
        name, *path = command.split()
        found = self._command(guild, name, command_rules.CHAT_INPUT, force)
        arranged = Options(self.world, guild, self.cdn())
        shaped = arranged.arrange(found, path, _accounts(options))
        return await self._call(guild, found, {"options": shaped}, arranged.resolved, wait)

    async def autocomplete(
        self, guild: Guild | None, command: str, option: str, typed: str, /, **options: Any
    ) -> list[Choice]:
        """Type into an option that completes, and return what is offered."""
        name, *path = command.split()
        found = self._command(guild, name, command_rules.CHAT_INPUT, False)
        arranged = Options(self.world, guild, self.cdn())
        shaped = arranged.arrange(found, path, {**_accounts(options), option: typed}, focused=option)
        content = _command_data(guild, found, {"options": shaped}, arranged.resolved)
        answer = await self._send(events.AUTOCOMPLETE, self._place(guild), content)
        return [Choice(each["name"], each["value"]) for each in answer.interaction.choices or []]

    async def user_menu(
        self, guild: Guild | None, name: str, target: "Person", /, *, force: bool = False, wait: bool = True
    ) -> Answer:
        """Choose an entry of the menu on a person."""
        found = self._command(guild, name, command_rules.USER_MENU, force)
        arranged = Options(self.world, guild, self.cdn())
        target_id = arranged.person(target.account)
        return await self._call(guild, found, {"target_id": target_id}, arranged.resolved, wait)

    async def message_menu(
        self, guild: Guild | None, name: str, target: Post, /, *, force: bool = False, wait: bool = True
    ) -> Answer:
        """Choose an entry of the menu on a post."""
        found = self._command(guild, name, command_rules.MESSAGE_MENU, force)
        resolved = {"messages": {str(target.id): post_shape(self.world, target)}}
        return await self._call(guild, found, {"target_id": str(target.id)}, resolved, wait)

    async def submit(
        self, modal: Modal, values: Mapping[str, Any], *, force: bool = False, wait: bool = True
    ) -> Answer:
        """Fill a modal in (custom id or label to value or values) and send it."""
        opener = self.world.interactions[modal.opened_by]
        content = modal.filled(values, force)
        return await self._send(
            events.MODAL_SUBMIT, self._where(opener), content, opener.source, opener, wait
        )

    async def press(self, shown: Answer | Post, button: str, *, wait: bool = True) -> Answer:
        """Press a button, named by label or custom id, of an answer or a post."""
        post, found = _find_button(shown, button)
        self._require_sight(post)
        content = {"custom_id": found["custom_id"], "component_type": rules.BUTTON, "id": found.get("id", 2)}
        return await self._send(events.COMPONENT, self._where(post), content, post, wait=wait)

    async def select(
        self, shown: Answer | Post, menu: str, *values: "str | Person | Role | Channel", wait: bool = True
    ) -> Answer:
        """Choose values, people, roles or channels in a menu (its custom id) of an answer or a post."""
        for post in _posts(shown):
            self._require_sight(post)
            for one in rules.walk(post.components):
                if one.get("custom_id") == menu:
                    arranged = Options(self.world, self._where(post)[0], self.cdn())
                    content = chosen(one, arranged, [_account(value) for value in values])
                    return await self._send(events.COMPONENT, self._where(post), content, post, wait=wait)
        raise SandboxError(f"there is no select menu {menu!r}")

    def say(self, guild: Guild, words: str) -> Post:
        """Write to the guild's first channel (bots without the intent are not told)."""
        _, channel = self._place(guild)
        post = Post(self.world.new_id(), channel.id, guild.id, self.account.id, self.world.now(), words)
        self.world.posts[post.id] = post
        return post

    @property
    def dms(self) -> list[Post]:
        """Return what the bot wrote in the DM unasked, oldest first."""
        channel = self.world.dm_channel(self.account.id)
        return [
            post for post in self.world.posts.values() if post.channel_id == channel.id and not post.webhook
        ]

    async def dm(self, predicate: Callable[[Post], object] | None = None, timeout_s: float = WAIT_S) -> Post:
        """Wait for a DM that the predicate takes (any, without one)."""

        def probe() -> Post | None:
            return next((post for post in self.dms if predicate is None or predicate(post)), None)

        return await self.world.watch.until(probe, timeout_s, f"a DM to {self.username}")

    def can_see(self, guild: Guild | None, name: str, kind: int = command_rules.CHAT_INPUT) -> bool:
        """Tell whether the command is offered to this person here."""
        try:
            self._command(guild, name, kind, False)
        except SandboxError:
            return False
        return True

    def _command(self, guild: Guild | None, name: str, kind: int, force: bool) -> Json:
        self._require_membership(guild)
        scopes = (guild.id, None) if guild else (None,)
        registered = self.world.commands_of(scopes)
        found = next((each for each in registered if each["name"] == name and each["type"] == kind), None)
        if not found:
            raise SandboxError(
                f"no command {name!r} is registered; there are {[one['name'] for one in registered]}"
            )
        if not _fits_place(found, guild):
            raise SandboxError(f"{name!r} is not offered {'in guilds' if guild else 'in DMs'}")
        if not force and guild and not _permitted(found, guild.permissions(self.account.id)):
            raise SandboxError(f"{name!r} is hidden from {self.username}")
        return found

    def _place(self, guild: Guild | None) -> tuple[Guild | None, Channel]:
        if guild is None:
            return None, self.world.dm_channel(self.account.id)
        self._require_membership(guild)
        return guild, next(iter(guild.channels.values()))

    def _where(self, thing: Post | Interaction) -> tuple[Guild | None, Channel]:
        guild = self.world.guilds.get(thing.guild_id or 0)
        self._require_membership(guild)
        return guild, self.world.channels[thing.channel_id]

    def _require_membership(self, guild: Guild | None) -> None:
        if guild and self.account.id not in guild.members:
            raise SandboxError(f"{self.username} is not in {guild.name}")

    def _require_sight(self, post: Post) -> None:
        recipient = self.world.channels[post.channel_id].recipient_id
        if post.deleted or self.id != (post.viewer_id or self.id) or self.id != (recipient or self.id):
            raise SandboxError(f"{self.username} does not see this post")

    async def _call(
        self, guild: Guild | None, command: Json, content: Json, resolved: dict[str, Json], wait: bool
    ) -> Answer:
        body = _command_data(guild, command, content, resolved)
        return await self._send(events.COMMAND, self._place(guild), body, wait=wait)

    async def _send(
        self,
        kind: int,
        place: tuple[Guild | None, Channel],
        content: Json,
        source: Post | None = None,
        opener: Interaction | None = None,
        wait: bool = True,
    ) -> Answer:
        interaction, event = events.open_interaction(
            self.world, kind, self.account, place, content, source, opener
        )
        answer = Answer(self.world, interaction)
        taken = await self.gateway.deliver("INTERACTION_CREATE", event, interaction.guild_id)
        if wait and not taken:
            raise SandboxError("the application did not respond: no bot is logged in")
        return await answer.acknowledgement() if wait else answer


def _command_data(guild: Guild | None, command: Json, content: Json, resolved: dict[str, Json]) -> Json:
    body: Json = {"id": command["id"], "name": command["name"], "type": command["type"], **content}
    if resolved:
        body["resolved"] = resolved
    if guild and "guild_id" in command:
        body["guild_id"] = str(guild.id)
    return body


def _accounts(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _account(value) for name, value in options.items()}


def _account(value: Any) -> Any:
    return value.account if isinstance(value, Person) else value


def _fits_place(command: Json, guild: Guild | None) -> bool:
    contexts = command.get("contexts")
    if contexts is None:
        return guild is not None or bool(command.get("dm_permission", True))
    return (IN_GUILD if guild else IN_BOT_DM) in contexts


def _permitted(command: Json, permissions: int) -> bool:
    needed = command.get("default_member_permissions")
    if needed is None or permissions & 1 << 3:
        return True
    return int(needed) != 0 and permissions & int(needed) == int(needed)


def _posts(shown: Answer | Post) -> list[Post]:
    if isinstance(shown, Post):
        return [shown]
    original = shown.interaction.original
    return ([original] if original else []) + shown.interaction.followups


def _find_button(shown: Answer | Post, name: str) -> tuple[Post, Json]:
    for post in _posts(shown):
        for one in buttons(post):
            if name in (one.get("custom_id"), one.get("label")) and one.get("custom_id") and not post.deleted:
                return post, one
    raise SandboxError(f"there is no button {name!r}")
