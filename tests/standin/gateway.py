"""A websocket that also compresses, resumes with replay, breaks, invalidates and repeats as told."""

import asyncio
import json
import sys
import zlib
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.sandbox.websocket import DISPATCH, INVALID_SESSION, RECONNECT, WRONG_TOKEN, Gateway, Line, Session
from bot.sandbox.world import Json

MOST_REPLAYED = 10_000
ENDING_CLOSE_CODES = {1000, 1001}  # a client that closes so gives its session up


def _zstd_compressor() -> Any:
    """Open one endless zstd frame; only newer Pythons can, the others' discord.py never asks for it."""
    from compression import zstd

    return zstd.ZstdCompressor()


class CompressingLine(Line):
    """A line that answers in the compression that the bot asked for."""

    enabled = True

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        super().__init__(socket, request)
        wanted = request.query.get("compress", "") if self.enabled else ""
        self.compression = "" if wanted == "zstd-stream" and sys.version_info < (3, 14) else wanted
        self.packets = 0
        self.closed_here = False
        self._stream: Any = None
        if self.compression == "zlib-stream":
            self._stream = zlib.compressobj()
        elif self.compression == "zstd-stream":
            self._stream = _zstd_compressor()

    async def send(self, packet: Json) -> None:
        """Send one packet as one flushed piece of the stream."""
        self.packets += 1
        if self._stream is None:
            await super().send(packet)
            return
        flush = zlib.Z_SYNC_FLUSH if self.compression == "zlib-stream" else self._stream.FLUSH_BLOCK
        piece = self._stream.compress(json.dumps(packet).encode()) + self._stream.flush(flush)
        try:
            await self.socket.send_bytes(piece)
        except ConnectionError:
            pass

    async def close(self, code: int) -> None:
        """Close with one of Discord's codes."""
        self.closed_here = True
        await super().close(code)

    def abort(self) -> None:
        """Break the connection without a word."""
        self.closed_here = True
        if self.request.transport:
            self.request.transport.abort()


@dataclass(slots=True)
class Death:
    """Break the line when this event is due: before it is sent (only a RESUME brings it) or after."""

    event: str
    before: bool
    code: int | None
    times: int


class FaultyGateway(Gateway):
    """Everything that goes wrong between a bot and Discord's websocket."""

    line_class = CompressingLine
    lines: set[CompressingLine]

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.log: dict[str, list[Json]] = {}
        self.deaths: list[Death] = []
        self.repeated: set[str] = set()
        self.resumed = 0
        self.replayed = 0
        self.mute = False
        self.refuse_resume = False

    async def heartbeat(self, line: Line) -> None:
        """Acknowledge a heartbeat, unless the connection plays dead."""
        if not self.mute:
            await super().heartbeat(line)

    def lost(self, line: CompressingLine) -> None:
        """Keep the session for a RESUME, unless the bot gave it up."""
        session = line.session
        if session and session.line is line:
            session.line = None
            given_up = line.socket.close_code in ENDING_CLOSE_CODES and not line.closed_here
            if given_up:
                self.sessions.pop(session.id, None)
                self.log.pop(session.id, None)

    async def log_in(self, line: Line, session: Session) -> None:
        """Log a shard in; who logs in anew will not resume what it had before."""
        for old in [
            each for each in self.sessions.values() if each.line is None and each.shard == session.shard
        ]:
            self.sessions.pop(old.id)
            self.log.pop(old.id, None)
        await super().log_in(line, session)

    async def transmit(self, session: Session, packet: Json) -> None:
        """Log the packet for a replay, then send it, once or twice, or die as told."""
        self._remember(session, packet)
        death = next((each for each in self.deaths if each.event == packet["t"] and each.times), None)
        if death:
            death.times -= 1
        line = session.line
        if not (death and death.before):
            await super().transmit(session, packet)
        if death and line:
            await self._break(line, death.code)
        elif packet["t"] in self.repeated:
            session.sequence += 1
            again = packet | {"s": session.sequence}
            self._remember(session, again)
            await super().transmit(session, again)

    def _remember(self, session: Session, packet: Json) -> None:
        kept = self.log.setdefault(session.id, [])
        kept.append(packet)
        del kept[:-MOST_REPLAYED]

    async def resume(self, line: Line, content: Json) -> None:
        """Take a session up again and replay what it missed."""
        session = self.sessions.get(content["session_id"])
        if content.get("token") != self.world.bot_token:
            await line.close(WRONG_TOKEN)
        elif not session or self.refuse_resume or content["seq"] is None or content["seq"] > session.sequence:
            self.sessions.pop(content["session_id"], None)
            await line.send({"op": INVALID_SESSION, "d": False, "s": None, "t": None})
        else:
            await self._replay(line, session, content["seq"])

    async def _replay(self, line: Line, session: Session, seen: int) -> None:
        line.session, session.line = session, line
        self.resumed += 1
        for packet in [each for each in self.log.get(session.id, []) if each["s"] > seen]:
            self.replayed += 1
            await line.send(packet)
        session.sequence += 1
        await line.send({"op": DISPATCH, "t": "RESUMED", "s": session.sequence, "d": {}})
        self.world.watch.changed()

    def die(self, event: str, *, before: bool = False, code: int | None = None, times: int = 1) -> None:
        """Break the line around an event; code None breaks it without a closing frame."""
        self.deaths.append(Death(event, before, code, times))

    async def break_all(self, code: int | None = None) -> None:
        """Break every open line now."""
        for line in list(self.lines):
            await self._break(line, code)

    async def ask_to_reconnect(self) -> None:
        """Send op 7 on every line."""
        await self._tell_all({"op": RECONNECT, "d": None, "s": None, "t": None})

    async def invalidate(self, *, resumable: bool = False) -> None:
        """Send op 9 on every line; sessions that are not resumable are forgotten."""
        if not resumable:
            for session in list(self.sessions.values()):
                session.line = None
            self.sessions.clear()
        await self._tell_all({"op": INVALID_SESSION, "d": resumable, "s": None, "t": None})

    async def has_resumed(self, times: int, timeout_s: float = 10.0) -> None:
        """Wait until so many sessions were resumed."""
        await self.world.watch.until(lambda: True if self.resumed >= times else None, timeout_s, "a RESUME")

    async def has_identified(self, times: int, timeout_s: float = 10.0) -> None:
        """Wait until so many shards logged in."""

        def probe() -> bool | None:
            return (
                True
                if self.identified >= times and any(each.line for each in self.sessions.values())
                else None
            )

        await self.world.watch.until(probe, timeout_s, "an IDENTIFY")

    async def _tell_all(self, packet: Json) -> None:
        for line in list(self.lines):
            await line.send(packet)

    async def _break(self, line: CompressingLine, code: int | None) -> None:
        if code is None:
            line.abort()
            await asyncio.sleep(0)
        else:
            await line.close(code or 4000)
