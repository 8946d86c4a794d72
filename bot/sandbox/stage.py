"""Run the real bot against the sandbox, with the story's people on the stage."""

import asyncio
import contextlib
import io
from pathlib import Path

from bot import app, exits
from bot.domain.returns import default_pattern
from bot.sandbox.answer import Answer
from bot.sandbox.cast import Cast
from bot.sandbox.sandbox import SENDER, Sandbox
from bot.sandbox.transcript import Transcript
from bot.sandbox.watch import SandboxError

# The gateway that the catalogue has for T-Mobile; the story enables that entry.
CARRIER, GATEWAY = "us-t-mobile", "tmomail.net"
START_S, STOP_S = 9.0, 9.0


class Stage:
    """The people, the server, the phone, and the bot, which can be started and stopped."""

    def __init__(self, sandbox: Sandbox, folder: Path, cast: Cast, show: Transcript) -> None:
        discord = sandbox.discord
        self.sandbox, self.cast, self.show = sandbox, cast, show
        # Whoever runs the bot owns the application, and so may edit the carrier list for everyone.
        discord.world.owner.username = cast.admin
        self.admin = discord.owner
        self.owner_of_phone = discord.person(cast.owner_of_phone)
        self.sender = discord.person(cast.sender)
        self.people = {person.username: person for person in (self.admin, self.owner_of_phone, self.sender)}
        self.guild = discord.guild(cast.server, *self.people.values())
        self.phone = sandbox.phones.phone(f"{cast.number}@{GATEWAY}")
        self.phone_name = f"@{cast.owner_of_phone}'s phone"
        self.registered: Answer | None = None  # the answer with the button for the code
        self.texted: Answer | None = None  # the answer to the first text
        everybody = [*self.people.values(), discord.bot]
        show.names = {person.id: person.username for person in everybody}
        self._config = sandbox.config(
            f"sqlite+aiosqlite:///{folder / 'demo.db'}",
            imap=sandbox.imap_config(),
            reply_address=default_pattern(SENDER),
        )
        self._bot: asyncio.Task[int] | None = None
        self._stop = asyncio.Event()
        self.fallen = asyncio.Event()  # set when the bot ends unasked

    async def start_bot(self) -> None:
        """Start the bot and wait until it takes commands and mail; raise SandboxError where it does not."""
        self._stop, ready = asyncio.Event(), asyncio.Event()
        # The bot prints its invite address, which means nothing here.
        with contextlib.redirect_stdout(io.StringIO()):
            self._bot = asyncio.create_task(app.run(self._config, stop=self._stop, ready=ready), name="bot")
            self._bot.add_done_callback(self._ended)
            waiting = asyncio.create_task(ready.wait())
            try:
                await asyncio.wait({self._bot, waiting}, timeout=START_S, return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiting.cancel()
        if not ready.is_set():
            raise SandboxError("the bot did not get ready")
        await self.sandbox.discord.command_registered("text")
        await self.sandbox.mailbox.watched(START_S)

    async def stop_bot(self) -> None:
        """Stop the bot as a supervisor would; raise SandboxError where it does not leave well."""
        if self._bot is None:
            return
        bot, self._bot = self._bot, None
        self._stop.set()
        _, late = await asyncio.wait({bot}, timeout=STOP_S)
        if late:
            bot.cancel()
            await asyncio.gather(bot, return_exceptions=True)
            raise SandboxError(f"the bot did not stop within {STOP_S:.0f} s")
        if (failure := bot.exception()) is not None:
            raise SandboxError(f"the bot broke ({type(failure).__name__})")
        if bot.result() != exits.OK:
            raise SandboxError(f"the bot left with exit code {bot.result()}")

    async def abandon(self) -> None:
        """Stop the bot, however it leaves."""
        with contextlib.suppress(SandboxError):
            await self.stop_bot()

    def _ended(self, bot: asyncio.Task[int]) -> None:
        if self._bot is bot:
            self.fallen.set()
