"""Keep the Discord connection up, and the teller beside it, until told to stop."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import discord

from bot import exits
from bot.client import Bot
from bot.config import Config
from bot.discord_reach import ForbiddenAddress, NotDiscord
from bot.loop import repeat, wait_for_any
from bot.operate.invite import print_welcome
from bot.services.desk import Desk
from bot.services.notices import Teller, Telling, Told

_log = logging.getLogger(__name__)
FIRST_TRIES = 5
LONGEST_WAIT_S = 60.0
STABLE_S = 300.0
OTHERS_TELL_S = 1.0
# Within the 4 s that SIGTERM leaves, also where Discord does not answer: OUT_S for all but the close.
TELLER_ENDS_S, LAST_WORDS_S, CLOSE_S = 0.8, 0.6, 0.8
ANSWERS_S, ENDS_S, STORE_ENDS_S, OUT_S = 0.5, 0.3, 0.3, 2.6
# discord.py runs each command, button and form as a task of its own, named so, and what follows a command.
_COMMAND_TASKS = (
    "CommandTree-invoker",
    "discord-ui-view-dispatch",
    "discord-ui-modal-dispatch",
    "discord-ui-dynamic-item",
    "discord.py: on_app_command_completion",
    "discord.py: on_interaction",
)
_TOKEN_REFUSED = 4004  # Discord's close code "Authentication failed"


class DiscordRole:
    """The Discord connection with what it says unasked."""

    def __init__(self, config: Config, desk: Desk, may_tell: Callable[[], Awaitable[bool]]) -> None:
        self._config, self._desk = config, desk
        self._client: Bot | None = None
        self._connected: asyncio.Task[None] | None = None
        self._up = asyncio.Event()
        self._welcomed = False
        self._calls: set[asyncio.Task[Told]] = set()
        self._hushed = False
        self.teller = Teller(desk.store, self._tell, desk.is_answering, desk.now)
        self._may_tell = may_tell  # of several Discord processes on one store only one tells
        desk.notices_wake = self.teller.wake

    async def _tell(self, telling: Telling) -> Told:
        if self._client is None or self._hushed or not self._up.is_set():
            return Told.LATER
        call = asyncio.create_task(self._client.voice.tell(telling), name="call to Discord")
        self._calls.add(call)
        try:
            await asyncio.wait({call})
        finally:
            self._calls.discard(call)
            call.cancel()
        return Told.LATER if call.cancelled() else call.result()

    async def run(self, stop: asyncio.Event, ready: asyncio.Event) -> int:
        """Run until `stop`; returns the exit code. A refused token ends the bot, a lost connection never."""
        telling = asyncio.create_task(self._tell_when_up(stop), name="teller")
        try:
            return await self._stay_connected(stop, ready)
        finally:
            stop.set()
            self._desk.closing = True
            out_by = asyncio.get_running_loop().time() + OUT_S
            await _answers_given()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._desk.close(), STORE_ENDS_S)
            await self._end_telling(telling, TELLER_ENDS_S, out_by)
            if self._up.is_set() and telling.done():
                self._hushed = False
                await self._end_telling(asyncio.create_task(self._tell_if_ours()), LAST_WORDS_S, out_by)
            await self._close()

    async def _end_telling(self, telling: asyncio.Task[Any], seconds: float, out_by: float) -> None:
        """Give what is being told some time, then hang up on Discord; what was told is still written down.

        The task itself is cancelled last of all: that would cut a transaction in two.
        """
        await asyncio.wait({telling}, timeout=seconds)
        self._hushed = True
        for call in self._calls:
            call.cancel()
        left = out_by - asyncio.get_running_loop().time()
        await asyncio.wait({telling}, timeout=max(left, STORE_ENDS_S))
        if not telling.done():
            telling.cancel()
            await asyncio.wait({telling}, timeout=STORE_ENDS_S)
        elif not telling.cancelled() and (failed := telling.exception()) is not None:
            _log.warning("teller: its last pass failed (%s)", type(failed).__name__)

    async def _tell_when_up(self, stop: asyncio.Event) -> None:
        await wait_for_any((self._up, stop), float("inf"))
        await repeat("teller", self._tell_if_ours, self.teller.wake, stop)

    async def _tell_if_ours(self) -> float:
        return await self.teller.one_pass() if await self._may_tell() else OTHERS_TELL_S

    async def _stay_connected(self, stop: asyncio.Event, ready: asyncio.Event) -> int:
        clock = asyncio.get_running_loop().time
        failures, was_up = 0, False
        while not stop.is_set():
            started = clock()
            code = await self._one_connection(stop, ready)
            if code is not None or stop.is_set():
                return code or exits.OK
            was_up = was_up or ready.is_set()
            failures = 0 if clock() - started > STABLE_S else failures + 1
            if not was_up and failures >= FIRST_TRIES:
                _log.critical("discord: it cannot be reached; check the network and DISCORD_API_URL")
                return exits.UNAVAILABLE
            await wait_for_any((stop,), min(2.0**failures, LONGEST_WAIT_S))
        return exits.OK

    async def _one_connection(self, stop: asyncio.Event, ready: asyncio.Event) -> int | None:
        """Connect and stay until the connection ends for good or `stop`; None means try again."""
        config = self._config

        def on_up(application_id: int) -> None:
            if self._client is not client:
                return  # a connection that is just ending was late to be ready
            self._up.set()
            if not self._welcomed:
                print_welcome(application_id)
                self._welcomed = True
            ready.set()

        client = self._client = Bot(self._desk, config.discord_api_url, config.discord_dev_guild_id, on_up)
        connected = asyncio.create_task(client.start(config.discord_token), name="discord connection")
        self._connected = connected
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({connected, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not connected.done():
            return exits.OK  # close() follows, once the last words are said
        self._up.clear()
        code = _judge(connected.exception())
        await self._close()
        return code

    async def _close(self) -> None:
        if self._client is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._client.close(), CLOSE_S)
            self._client = None
        if self._connected is not None:
            # It may still be logging in; how that ends is of no interest any more.
            self._connected.cancel()
            await asyncio.wait({self._connected}, timeout=ENDS_S)
            if self._connected.done() and not self._connected.cancelled():
                self._connected.exception()
            self._connected = None


async def _answers_given() -> None:
    """Let the commands that run give their answers, for as long as a stop may take."""
    clock = asyncio.get_running_loop().time
    ends = clock() + ANSWERS_S
    while running := [task for task in asyncio.all_tasks() if task.get_name().startswith(_COMMAND_TASKS)]:
        if clock() >= ends:
            return
        await asyncio.wait(running, timeout=ends - clock())


def _judge(error: BaseException | None) -> int | None:
    """Turn what ended a connection into an exit code, or None to connect again."""
    if isinstance(error, discord.LoginFailure) or (
        isinstance(error, discord.ConnectionClosed) and error.code == _TOKEN_REFUSED
    ):
        _log.critical("DISCORD_TOKEN: Discord refuses it; copy a new one from the developer portal")
        return exits.WRONG_SETTINGS
    if isinstance(error, ForbiddenAddress):
        _log.critical(
            "DISCORD_API_URL: its websocket is neither wss:// nor on this machine; use a server that encrypts"
        )
        return exits.WRONG_SETTINGS
    if isinstance(error, NotDiscord):
        _log.warning("discord: what answers at DISCORD_API_URL does not speak as Discord does")
    elif isinstance(error, discord.HTTPException | aiohttp.ClientError | OSError | discord.GatewayNotFound):
        _log.warning("discord: it cannot be reached (%s); check the network", type(error).__name__)
    elif error is not None:
        # A bug in an event parser ends discord.py's loop: connect again rather than go silent.
        _log.error("discord: the connection broke", exc_info=error)
    return None
