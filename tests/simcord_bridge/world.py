"""SimCord's own world, driven by a bot that lives in another process.

SimCord's `Env` normally runs the bot inside its own event loop and waits until that loop is idle. Here the
bot is far away, so only two things are replaced: the clock runs, and "settled" means "the bot answered".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any

import discord
from simcord import ChannelHandle, GuildHandle, InteractionResult, MemberActor, ResponseMessage, UserHandle
from simcord._clock import Clock
from simcord.backend import Backend
from simcord.backend.models import Interaction
from simcord.env import Env

_NO_DMS_CODE = 50007
_last_interaction: ContextVar[Interaction | None] = ContextVar("last_interaction", default=None)


class RunningClock(Clock):
    """Tell the real time, plus what a test has skipped."""

    def now(self) -> datetime:
        """Return the present instant; SimCord's own clock stands still at a fixed date."""
        return datetime.now(UTC) + timedelta(seconds=self.elapsed)


class World(Env):
    """A SimCord environment whose bot is a process at the other end of a socket."""

    def __init__(self, shard_count: int, answered: Callable[[Interaction], Awaitable[None]]) -> None:
        # SimCord builds its message objects on a client's state; this one never connects.
        super().__init__(discord.Client(intents=discord.Intents.none()))
        self.backend = Backend(clock=RunningClock())
        self._shard_count, self._shard_ids = shard_count, tuple(range(shard_count))
        self._message_states.add(self.bot._connection)
        self._answered = answered

    # -- what SimCord asks of an environment

    def _begin_operation(self, label: str) -> None:
        """Let people act at the same time: over a network they do."""

    def _end_operation(self) -> None:
        """Match `_begin_operation`."""

    def _notify_dispatch_observers(self, interaction: Interaction) -> None:
        _last_interaction.set(interaction)
        super()._notify_dispatch_observers(interaction)

    async def _settle_internal(self, *, dispatch: str | None = None, **_limits: Any) -> None:
        interaction = _last_interaction.get()
        if dispatch == "INTERACTION_CREATE" and interaction is not None:
            await self._answered(interaction)

    # -- arranging

    def create_member(
        self, guild: GuildHandle, name: str, permissions: discord.Permissions | None = None
    ) -> MemberActor:
        """Create a person in a guild, with a role of these permissions on top of @everyone's."""
        roles = [guild.create_role(f"role of {name}", permissions=permissions)] if permissions else []
        return guild.add_member(self.create_user(name), roles=roles)

    def command(self, name: str, *, guild: GuildHandle | None = None, kind: int = 1) -> dict[str, Any]:
        """Return a synced command as Discord holds it (kind 1 slash, 2 person menu, 3 text menu)."""
        found = self.backend.find_command(name, guild.id if guild else None, kind)
        assert found is not None, f"no command {name!r} of kind {kind} was synced"
        return found

    def reveal_command(self, guild: GuildHandle, name: str, person: MemberActor) -> None:
        """Let an admin's override show a hidden command to one person, as Discord allows."""
        guild.set_command_permissions(int(self.command(name, guild=guild)["id"]), {person: True})

    def close_dms(self, person: MemberActor | UserHandle) -> None:
        """Refuse every further DM to a person, as Discord does when they are closed (50007)."""
        path = f"/channels/{self.backend.get_dm_channel(person.id).id}/messages"
        text = "Cannot send messages to this user"
        self.inject_error("POST", path, status=403, code=_NO_DMS_CODE, message=text, times=None)

    def skip_time(self, seconds: float) -> None:
        """Move Discord's clock forward (tokens end after 900 s); the bot's own clock stays."""
        self.backend.clock.advance(seconds)

    def replay(self, result: InteractionResult) -> None:
        """Deliver the same interaction a second time, as the gateway may."""
        wanted = str(result._interaction.id)
        for kind, event, payload in tuple(self.backend.transcript):
            if (kind, event) == ("GATEWAY", "INTERACTION_CREATE") and payload["id"] == wanted:
                self.backend.emit(event, payload)
                return
        raise AssertionError("that interaction was never delivered")

    # -- looking

    def dms(self, person: MemberActor | UserHandle) -> list[ResponseMessage]:
        """Return all DMs from the bot to a person, oldest first."""
        backend = self.backend
        stored = backend.messages.get(backend.dm_channels.get(person.id, 0), {}).values()
        return [ResponseMessage(self, each) for each in stored if each.author_id == backend.bot_user.id]

    def callbacks(self, result: InteractionResult) -> int:
        """Count how often the bot tried to answer an interaction."""
        interaction = result._interaction
        path = f"/interactions/{interaction.id}/{interaction.token}/callback"
        return sum(each.path == path for each in self.http_requests)

    def edits(self, result: InteractionResult) -> list[str]:
        """Return every text that the bot gave to the answer by editing it, in order."""
        path = f"/webhooks/{self.backend.application_id}/{result._interaction.token}/messages/@original"
        requests = [each for each in self.http_requests if (each.method, each.path) == ("PATCH", path)]
        return [each.json["content"] for each in requests if each.json and "content" in each.json]

    def seen_by(self, person: MemberActor, room: ChannelHandle) -> list[str]:
        """Return the texts that a person sees in a room: ephemeral answers only where they are hers."""
        return [each.content for each in room.history(viewer=person)]
