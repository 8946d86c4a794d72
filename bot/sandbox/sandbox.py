"""Start and stop the whole pretend world, and write the settings that point the bot at it."""

import base64
import random
from collections.abc import Callable
from datetime import datetime
from typing import Any, Self

from bot.config import Config, SmtpConfig
from bot.domain.account import ImapConfig
from bot.sandbox.discord_server import Discord
from bot.sandbox.mailbox import Mailbox
from bot.sandbox.phones import Phones
from bot.sandbox.smtp import LOOPBACK, Sink
from bot.sandbox.world import utc_now

SENDER = "textbridge@sandbox.invalid"


class Sandbox:
    """A pretend Discord, carriers, phones and a mailbox; use it as `async with Sandbox() as sandbox`."""

    discord_class: type[Discord] = Discord
    sink_class: type[Sink] = Sink

    def __init__(
        self, rng: random.Random | None = None, now: Callable[[], datetime] = utc_now, shards: int = 1
    ) -> None:
        self.rng = rng or random.Random()
        self.discord = self.discord_class(self.rng, now, shards)
        self.carriers = self.sink_class(now)
        self.mailbox = Mailbox(self.discord.world.secret(24), now)
        self.phones = Phones(self.carriers, self.mailbox)
        self.secret_key = base64.urlsafe_b64encode(self.rng.randbytes(32)).decode()

    async def __aenter__(self) -> Self:
        """Start everything."""
        await self.start()
        return self

    async def __aexit__(self, *failure: object) -> None:
        """Stop everything."""
        await self.stop()

    async def start(self, discord_port: int = 0) -> None:
        """Listen on loopback: Discord on this port, or like the others on a free one."""
        await self.discord.start(discord_port)
        await self.carriers.start()
        await self.mailbox.start()

    async def stop(self) -> None:
        """Close everything; stop the bot first, so that it does not try to reconnect."""
        await self.discord.stop()
        await self.carriers.stop()
        await self.mailbox.stop()

    def config(self, store_url: str, **changes: Any) -> Config:
        """Write the bot's settings for this sandbox; `changes` replace or add fields of Config."""
        settings: dict[str, Any] = {
            "discord_token": self.discord.token,
            "discord_api_url": self.discord.api_url,
            "database_url": store_url,
            "secret_keys": (self.secret_key,),
            "smtp": self.smtp_config(),
        }
        return Config(**(settings | changes))

    def smtp_config(self, **changes: Any) -> SmtpConfig:
        """Write the mail account's settings for this sandbox."""
        settings: dict[str, Any] = {
            "host": LOOPBACK,
            "port": self.carriers.port,
            "security": "none",
            "sender": SENDER,
        }
        return SmtpConfig(**(settings | changes))

    def imap_config(self) -> ImapConfig:
        """Write the settings of the mailbox, for a bot that also reads what comes back."""
        box = self.mailbox
        return ImapConfig(
            host=box.host,
            port=box.port,
            security="none",
            username=box.username,
            password=box.password,
            folder=box.folder,
        )

    def environment(self, store_url: str) -> dict[str, str]:
        """Write the same as environment variables, for a bot in its own process."""
        return {
            "DISCORD_TOKEN": self.discord.token,
            "DISCORD_API_URL": self.discord.api_url,
            "DATABASE_URL": store_url,
            "SECRET_KEY": self.secret_key,
            "SMTP_HOST": LOOPBACK,
            "SMTP_PORT": str(self.carriers.port),
            "SMTP_SECURITY": "none",
            "SMTP_FROM": SENDER,
        }
