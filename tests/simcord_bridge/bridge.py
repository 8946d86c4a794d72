"""The one object that tests hold: serve a SimCord world, run the bot against it, wait for answers."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import discord
from aiohttp import web
from simcord import InteractionResult, MemberActor, ResponseMessage, UserHandle
from simcord.backend.cdn import CDN_BASE
from simcord.backend.models import Interaction
from simcord.backend.models.interaction import ResponseKind

from tests.simcord_bridge.changes import Changes
from tests.simcord_bridge.gateway import Connection
from tests.simcord_bridge.http_api import API_PREFIX, HttpApi
from tests.simcord_bridge.modal import by_custom_id
from tests.simcord_bridge.process import BotProcess
from tests.simcord_bridge.world import World

T = TypeVar("T")
_WAIT_S = 5.0
_START_S = 20.0
# SimCord refuses an answer after Discord's 3 s; a little later no answer can come any more.
_ANSWER_S = 3.5
_STORY_LINES = 25


class NotAnswered(AssertionError):
    """The bot left a person without the answer that a test waits for."""


class SimcordBridge:
    """SimCord on an ephemeral loopback port."""

    def __init__(self, *, shard_count: int = 1, approved_intents: discord.Intents | None = None) -> None:
        self.shard_count = shard_count
        self.approved_intents = approved_intents or discord.Intents.default()
        self.token = f"bridge.{secrets.token_urlsafe(24)}"
        self.changes = Changes()
        self.world = World(shard_count, self._answered)
        self.owner: UserHandle = self.world.create_user("operator")
        self.connections: list[Connection] = []
        self.identifies: list[dict[str, Any]] = []
        self.gaps: list[str] = []
        self.bot: BotProcess | None = None
        self.answer_timeout_s = _ANSWER_S
        self._port = 0
        app = web.Application()
        app.router.add_get("/gateway", self._connect)
        app.router.add_get("/cdn/{path:.*}", self._download)
        app.router.add_route("*", f"{API_PREFIX}/{{path:.*}}", HttpApi(self).answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)

    @property
    def api_url(self) -> str:
        """Return what DISCORD_API_URL must be."""
        return f"http://127.0.0.1:{self._port}{API_PREFIX}"

    @property
    def gateway_url(self) -> str:
        """Return the websocket address that `/gateway/bot` gives out."""
        return f"ws://127.0.0.1:{self._port}/gateway"

    async def start(self) -> None:
        """Listen on a free loopback port."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop the bot, close everything, and fail if the bot asked for what SimCord does not know."""
        try:
            await self.stop_bot()
        finally:
            for connection in tuple(self.connections):
                await connection.close()
            await self._runner.cleanup()
        assert not self.gaps, f"not covered by SimCord: {self.gaps}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # -- the bot's process

    async def start_bot(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        cwd: Path | None = None,
    ) -> BotProcess:
        """Start `python ARGUMENTS` as the bot; return once all shards are up and commands are synced."""
        self.bot = await self.launch(arguments, environment, cwd=cwd)
        await self.until(self._is_up, _START_S)
        return self.bot

    async def launch(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        cwd: Path | None = None,
    ) -> BotProcess:
        """Start `python ARGUMENTS` with the bridge's address and token, and wait for nothing."""
        ours = {"DISCORD_TOKEN": self.token, "DISCORD_API_URL": self.api_url}
        merged = {**ours, **(environment or {})}
        return await BotProcess.start(arguments, merged, changed=self.changes.notify, cwd=cwd)

    async def stop_bot(self) -> int | None:
        """Stop the bot's process (SIGTERM) and return its exit code."""
        return await self._end(BotProcess.stop)

    async def kill_bot(self) -> int | None:
        """Kill the bot's process (SIGKILL) and return its exit code."""
        return await self._end(BotProcess.kill)

    async def _end(self, end: Callable[[BotProcess], Awaitable[int]]) -> int | None:
        if self.bot is None:
            return None
        # Whoever still waits for an answer sees the bot end, so it is forgotten only afterwards.
        code = await end(self.bot)
        self.bot = None
        await self.until(lambda: not self.connections)
        return code

    def _is_up(self) -> bool:
        shards = {connection.shard for connection in self.connections}
        return shards == set(range(self.shard_count)) and any(self.world.backend.commands.values())

    # -- acting and waiting

    async def submit(
        self, person: MemberActor | UserHandle, shown: InteractionResult, values: Mapping[str, Any]
    ) -> InteractionResult:
        """Fill a modal by its visible labels and submit it."""
        assert shown.modal is not None, f"the bot showed no modal but {shown!r}"
        return await person.submit_modal(shown, by_custom_id(shown.modal, values))

    async def until(self, check: Callable[[], T], timeout_s: float = _WAIT_S) -> T:
        """Return the first truthy value of `check`; fail with the story so far when it does not come."""

        def look() -> T:
            if self.bot is not None and self.bot.exit_code is not None:
                raise NotAnswered(f"the bot ended with {self.bot.exit_code}\n{self.story()}")
            return check()

        try:
            return await self.changes.until(look, timeout_s)
        except TimeoutError:
            raise NotAnswered(f"waited {timeout_s} s in vain\n{self.story()}") from None

    async def answer(
        self,
        result: InteractionResult,
        check: Callable[[ResponseMessage], bool] = lambda _: True,
        timeout_s: float = _WAIT_S,
    ) -> ResponseMessage:
        """Return the answer to an interaction once it is no longer "thinking" and `check` agrees."""

        def ready() -> ResponseMessage | None:
            shown = result.response
            return shown if shown is not None and not shown.flags.loading and check(shown) else None

        return await self._found(ready, timeout_s)

    async def dm(
        self,
        person: MemberActor | UserHandle,
        check: Callable[[ResponseMessage], bool] = lambda _: True,
        timeout_s: float = _WAIT_S,
    ) -> ResponseMessage:
        """Return the first DM from the bot to a person that `check` agrees with."""
        return await self._found(lambda: next(filter(check, self.world.dms(person)), None), timeout_s)

    async def _found(self, look: Callable[[], T | None], timeout_s: float) -> T:
        found = await self.until(look, timeout_s)
        assert found is not None
        return found

    def story(self) -> str:
        """Return the last events and requests, and the last lines that the bot printed."""
        told = self.world.transcript().splitlines()[-_STORY_LINES:]
        printed = self.bot.output[-_STORY_LINES:] if self.bot else []
        return "\n".join(["-- Discord", *told, "-- bot", *printed])

    # -- what the transport calls

    def to_wire(self, value: Any) -> str:
        """Write JSON in which SimCord's attachment addresses can be fetched."""
        return json.dumps(value).replace(CDN_BASE, f"http://127.0.0.1:{self._port}/cdn")

    async def _answered(self, interaction: Interaction) -> None:
        await self.until(lambda: interaction.responded, self.answer_timeout_s)
        if interaction.response_kind is not ResponseKind.AUTOCOMPLETE:
            # discord.py registers a modal or a view after it has read our answer; a person's hand is slower.
            await asyncio.gather(*(connection.round_trip() for connection in self.connections))

    async def _connect(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False, max_msg_size=0)
        await socket.prepare(request)
        connection = Connection(self, socket)
        self.connections.append(connection)
        try:
            await connection.serve()
        finally:
            self.connections.remove(connection)
            self.changes.notify()
        return socket

    async def _download(self, request: web.Request) -> web.Response:
        content = self.world.backend.cdn.get(f"{CDN_BASE}/{request.match_info['path']}")
        return web.Response(body=content) if content is not None else web.Response(status=404)
