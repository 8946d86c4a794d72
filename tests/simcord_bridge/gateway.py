"""Carry SimCord's gateway events over a websocket, one connection for each shard."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import discord
from aiohttp import WSMsgType, web
from simcord import intents as simcord_intents
from simcord.backend import serializers
from simcord.gateway import ShardRouter

if TYPE_CHECKING:
    from tests.simcord_bridge.bridge import SimcordBridge

_DISPATCH, _HEARTBEAT, _IDENTIFY, _PRESENCE, _RESUME = 0, 1, 2, 3, 6
_REQUEST_MEMBERS, _INVALID_SESSION, _HELLO, _HEARTBEAT_ACK = 8, 9, 10, 11
_HEARTBEAT_INTERVAL_MS = 41_250
_NOT_AUTHENTICATED, _AUTHENTICATION_FAILED, _ALREADY_AUTHENTICATED = 4003, 4004, 4005
_UNKNOWN_OPCODE, _INVALID_SHARD, _DISALLOWED_INTENTS = 4001, 4010, 4014


class _Parsers(dict[str, Callable[[dict[str, Any]], None]]):
    """Offer SimCord a parser for every event: the one that puts it on the wire."""

    def __init__(self, push: Callable[[str, dict[str, Any]], None]) -> None:
        super().__init__()
        self._push = push

    def __missing__(self, event: str) -> Callable[[dict[str, Any]], None]:
        return partial(self._push, event)

    def get(self, event: str, default: Any = None) -> Any:
        """Return the parser; none is ever missing."""
        return self[event]


class RemoteState:
    """Stand where SimCord expects discord.py's connection state."""

    def __init__(self, intents: discord.Intents, push: Callable[[str, dict[str, Any]], None]) -> None:
        self.intents = intents
        self.parsers = _Parsers(push)
        self.guilds: tuple[()] = ()


class Connection:
    """Speak the gateway protocol with one shard of the bot."""

    def __init__(self, bridge: SimcordBridge, socket: web.WebSocketResponse) -> None:
        self._bridge = bridge
        self._socket = socket
        self._outgoing: asyncio.Queue[str] = asyncio.Queue()
        self._sequence = 0
        self._pings = self._pongs = 0
        self._router: ShardRouter | None = None
        self.shard: int | None = None

    @property
    def closed(self) -> bool:
        """Say whether the other side is gone."""
        return self._socket.closed

    async def serve(self) -> None:
        """Talk until either side closes."""
        writer = asyncio.create_task(self._write())
        self._send(_HELLO, {"heartbeat_interval": _HEARTBEAT_INTERVAL_MS})
        try:
            async for frame in self._socket:
                if frame.type is WSMsgType.TEXT:
                    await self._receive(json.loads(frame.data))
                elif frame.type is WSMsgType.PONG:
                    self._pongs += 1
                    self._bridge.changes.notify()
                elif frame.type is WSMsgType.PING:
                    await self._socket.pong(frame.data)
        finally:
            writer.cancel()
            self._leave()

    async def round_trip(self) -> None:
        """Return when the bot has read everything sent so far, twice around its loop."""
        for _ in range(2):
            self._pings += 1
            expected = self._pings
            try:
                await self._socket.ping()
            except ConnectionError:
                return
            await self._bridge.until(partial(self._has_pongs, expected))

    def _has_pongs(self, expected: int) -> bool:
        return self.closed or self._pongs >= expected

    async def close(self, code: int = 1001) -> None:
        """Close the socket with a gateway close code."""
        await self._socket.close(code=code)

    async def _write(self) -> None:
        while not self.closed:
            try:
                await self._socket.send_str(await self._outgoing.get())
            except ConnectionError:
                return  # the bot died; serve() sees it too

    def _send(self, op: int, d: Any, *, t: str | None = None, s: int | None = None) -> None:
        self._outgoing.put_nowait(self._bridge.to_wire({"op": op, "d": d, "s": s, "t": t}))

    def _push(self, event: str, payload: dict[str, Any]) -> None:
        if event == "READY":
            payload = {**payload, **self._ready_extras()}
        self._sequence += 1
        self._send(_DISPATCH, payload, t=event, s=self._sequence)

    async def _receive(self, frame: dict[str, Any]) -> None:
        op: int = frame["op"]
        body: Any = frame.get("d")
        if op == _HEARTBEAT:
            self._send(_HEARTBEAT_ACK, None)
        elif op == _IDENTIFY:
            await self._identify(body)
        elif op == _RESUME:
            # SimCord keeps no sessions: the bot must identify anew.
            self._send(_INVALID_SESSION, False)
        elif self._router is None or self.shard is None:
            await self.close(_NOT_AUTHENTICATED)
        elif op == _REQUEST_MEMBERS:
            await self._request_members(self._router, self.shard, body)
        elif op != _PRESENCE:
            await self.close(_UNKNOWN_OPCODE)

    async def _identify(self, body: Mapping[str, Any]) -> None:
        intents = discord.Intents._from_value(body["intents"])
        refused = self._refusal(body, intents)
        if refused:
            await self.close(refused)
            return
        bridge, backend = self._bridge, self._bridge.world.backend
        self.shard, count = body.get("shard", (0, 1))
        state = RemoteState(intents, self._push)
        self._router = router = ShardRouter(backend, state, lambda *_: None, count, (self.shard,))
        router.identify(self.shard)
        for guild in tuple(backend.guilds.values()):
            router.feed("GUILD_CREATE", serializers.guild_create_payload(backend, guild))
        backend.subscribers.append(router.feed)
        bridge.identifies.append(dict(body))
        bridge.changes.notify()

    def _refusal(self, body: Mapping[str, Any], intents: discord.Intents) -> int | None:
        bridge = self._bridge
        shard, count = body.get("shard", (0, 1))
        if self._router is not None:
            return _ALREADY_AUTHENTICATED
        if body["token"].removeprefix("Bot ") != bridge.token:
            return _AUTHENTICATION_FAILED
        if count != bridge.shard_count or not 0 <= shard < count:
            return _INVALID_SHARD
        if simcord_intents.missing_privileged_intents(intents, bridge.approved_intents):
            return _DISALLOWED_INTENTS
        return None

    def _ready_extras(self) -> dict[str, Any]:
        guilds = self._bridge.world.backend.guilds
        mine = [guild for guild in guilds if (guild >> 22) % self._bridge.shard_count == self.shard]
        return {
            "resume_gateway_url": self._bridge.gateway_url,
            "guilds": [{"id": str(guild), "unavailable": True} for guild in mine],
        }

    async def _request_members(self, router: ShardRouter, shard: int, body: Mapping[str, Any]) -> None:
        await router.websockets[shard].request_chunks(
            int(body["guild_id"]),
            body.get("query"),
            limit=body.get("limit", 0),
            user_ids=body.get("user_ids"),
            presences=body.get("presences", False),
            nonce=body.get("nonce"),
        )

    def _leave(self) -> None:
        if self._router is not None:
            self._bridge.world.backend.subscribers.remove(self._router.feed)
        self._bridge.changes.notify()
