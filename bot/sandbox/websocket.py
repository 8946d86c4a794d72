"""Serve the websocket that a bot logs into: HELLO, IDENTIFY, READY, heartbeats, events."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import WSMsgType, web

from bot.sandbox import wire
from bot.sandbox.world import Guild, Json, World

DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT, INVALID_SESSION, HELLO, HEARTBEAT_ACK = (
    0,
    1,
    2,
    6,
    7,
    9,
    10,
    11,
)
IGNORED_OPERATIONS = {3, 4, 8}  # presence, voice state, member requests
HEARTBEAT_INTERVAL_MS = 41_250
UNKNOWN_OPERATION, DECODE_ERROR, NOT_AUTHENTICATED, WRONG_TOKEN, INVALID_SHARD = 4001, 4002, 4003, 4004, 4010
GUILDS_INTENT = 1
Observer = Callable[[str, Json], None]


@dataclass(slots=True, eq=False)
class Session:
    """One shard's login; it outlives its websocket so that a stand-in can resume it."""

    id: str
    shard: int
    shard_count: int
    intents: int
    sequence: int = 0
    line: "Line | None" = None


class Line:
    """One open websocket; a stand-in that compresses overrides `send`."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.socket = socket
        self.request = request
        self.session: Session | None = None

    async def send(self, packet: Json) -> None:
        """Send one packet; a line that broke meanwhile is noticed by its reader."""
        with contextlib.suppress(ConnectionError):
            await self.socket.send_str(json.dumps(packet))

    async def close(self, code: int) -> None:
        """Close with one of Discord's codes."""
        await self.socket.close(code=code)


class Gateway:
    """Log bots in and hand them events, each to the shard that owns the guild."""

    line_class = Line

    def __init__(self, world: World, addresses: Callable[[], tuple[str, str]], shards: int) -> None:
        self.world = world
        self.addresses = addresses
        self.shards = shards
        self.sessions: dict[str, Session] = {}
        self.lines: set[Line] = set()
        self.observers: list[Observer] = []
        self.identified = 0

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one websocket until it closes."""
        socket = web.WebSocketResponse(max_msg_size=1 << 20)
        await socket.prepare(request)
        line = self.line_class(socket, request)
        self.lines.add(line)
        try:
            await self.greet(line)
            async for packet in socket:
                if packet.type is not WSMsgType.TEXT:
                    break
                await self.receive(line, packet.data)
        finally:
            self.lines.discard(line)
            self.lost(line)
            self.world.watch.changed()
        return socket

    async def greet(self, line: Line) -> None:
        """Say HELLO."""
        await line.send(
            {"op": HELLO, "d": {"heartbeat_interval": HEARTBEAT_INTERVAL_MS}, "s": None, "t": None}
        )

    def lost(self, line: Line) -> None:
        """Forget the session of a line that closed; a stand-in that resumes keeps it."""
        if line.session and line.session.line is line:
            line.session.line = None
            self.sessions.pop(line.session.id, None)

    async def receive(self, line: Line, text: str) -> None:
        """Act on one packet of the bot's."""
        try:
            packet = json.loads(text)
            operation, content = packet["op"], packet.get("d")
        except (ValueError, TypeError, KeyError):
            await line.close(DECODE_ERROR)
            return
        if operation == HEARTBEAT:
            await self.heartbeat(line)
        elif operation == IDENTIFY:
            await self.identify(line, content)
        elif operation == RESUME:
            await self.resume(line, content)
        elif not line.session:
            await line.close(NOT_AUTHENTICATED)
        elif operation not in IGNORED_OPERATIONS:
            await line.close(UNKNOWN_OPERATION)

    async def heartbeat(self, line: Line) -> None:
        """Acknowledge a heartbeat."""
        await line.send({"op": HEARTBEAT_ACK, "d": None, "s": None, "t": None})

    async def identify(self, line: Line, content: Json) -> None:
        """Log a shard in, or close with 4004 for a wrong token."""
        self.identified += 1
        self.world.logins_left -= 1
        shard, count = content.get("shard") or (0, 1)
        if content.get("token") != self.world.bot_token:
            await line.close(WRONG_TOKEN)
        elif not 0 <= shard < count:
            await line.close(INVALID_SHARD)
        else:
            await self.log_in(
                line, Session(self.world.secret(32), shard, count, int(content["intents"]), line=line)
            )

    async def log_in(self, line: Line, session: Session) -> None:
        """Greet a shard with READY and, where it asked for them, its guilds."""
        line.session = self.sessions[session.id] = session
        await self.dispatch(session, "READY", self._ready(session))
        if session.intents & GUILDS_INTENT:
            for guild in self._guilds(session):
                await self.dispatch(session, "GUILD_CREATE", wire.guild_created(self.world, guild))
        self.world.watch.changed()

    async def resume(self, line: Line, content: Json) -> None:
        """Refuse to resume, as sessions here end with their line; a stand-in overrides this."""
        if content.get("token") != self.world.bot_token:
            await line.close(WRONG_TOKEN)
        else:
            await line.send({"op": INVALID_SESSION, "d": False, "s": None, "t": None})

    async def dispatch(self, session: Session, event: str, content: Json) -> None:
        """Send one numbered event to one session."""
        session.sequence += 1
        packet = {"op": DISPATCH, "t": event, "s": session.sequence, "d": content}
        for observer in self.observers:
            observer(event, content)
        await self.transmit(session, packet)

    async def transmit(self, session: Session, packet: Json) -> None:
        """Put a numbered packet on the session's line."""
        if session.line:
            await session.line.send(packet)

    async def deliver(self, event: str, content: Json, guild_id: int | None) -> bool:
        """Send an event to every session whose shard owns the guild (shard 0 owns DMs); tell if any did."""
        owners = [each for each in self.sessions.values() if self._owns(each, guild_id)]
        for session in owners:
            await self.dispatch(session, event, content)
        return bool(owners)

    async def tell_guild(self, guild: Guild, event: str, content: Json) -> None:
        """Send a guild's event to the sessions that asked for guilds."""
        for session in list(self.sessions.values()):
            if session.intents & GUILDS_INTENT and self._owns(session, guild.id):
                await self.dispatch(session, event, content)

    async def stop(self) -> None:
        """Close every line."""
        for line in list(self.lines):
            await line.close(1001)

    def _owns(self, session: Session, guild_id: int | None) -> bool:
        return ((guild_id or 0) >> 22) % session.shard_count == session.shard

    def _guilds(self, session: Session) -> list[Guild]:
        mine = [guild for guild in self.world.guilds.values() if self.world.bot.id in guild.members]
        return [guild for guild in mine if self._owns(session, guild.id)]

    def _ready(self, session: Session) -> Json:
        return {
            "v": 10,
            "user": wire.own_account(self.world.bot),
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in self._guilds(session)],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": self.addresses()[0],
            "shard": [session.shard, session.shard_count],
            "application": {"id": str(self.world.application_id), "flags": 0},
            "private_channels": [],
            "presences": [],
            "relationships": [],
        }
