"""An inbox at work on a test's store and mailbox, with waits that a test can afford."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Config
from bot.db import inbound
from bot.db.store import Store
from bot.db.tables import Inbound
from bot.domain.account import ImapConfig, SmtpConfig
from bot.domain.inbound import Arrived
from bot.domain.mailbox import Place
from bot.domain.returns import Returns
from bot.inbox_role import InboxRole
from bot.mail.imap import Waits
from bot.sandbox.watch import Watch
from bot.services.arrivals import Rules, act
from bot.services.inbox_watch import Patience
from tests.peers.imap_script import ImapScript
from tests.services.world import ANN, BOB, Road, World, work

SENDER, AUTHSERV = "bot@example.org", "mx.example.org"
PATTERN = "bot+{token}@example.org"
PHONE = "2065550102@one.example.net"
WAITS = Waits(connect=1, command=0.4, idle=0.3, reselect=0.2, poll=0.05, slice=0.05, operation=1.5)
PATIENCE = Patience(others=0.02, first=0.02, longest=0.05, login_first=0.02, login_longest=0.05)
PERSONAL = (
    b"From: Mum <mum@family.example>\r\nTo: bot@example.org\r\nMessage-ID: <%d@family.example>\r\n"
    b"Subject: Sunday\r\n\r\nSee you!\r\n"
)


class Postroom:
    """The inbox's surroundings: a world, a mailbox, and what was acted on."""

    def __init__(self, world: World, server: Any, **settings: Any) -> None:
        self.world, self.server = world, server
        self.returns = Returns(PATTERN, world.store.vault.token_mac)
        self.acted: list[Arrived] = []
        self.watch, self.failing = Watch(), list[Exception]()
        values = {
            "host": server.host, "port": server.port, "security": "none",
            "username": "bridge", "password": "right",
        }  # fmt: skip
        self.imap = ImapConfig(**(values | settings))
        self.trusted: str | None = AUTHSERV

    async def act(self, session: AsyncSession, arrived: Arrived, now: datetime) -> str:
        """Act as the bot does, and keep what it was about; fail first, where told to."""
        if self.failing:
            raise self.failing.pop()
        done = await act(session, arrived, now, Rules(self.world.shelf, None))
        self.acted.append(arrived)
        self.watch.changed()
        return done

    def role(
        self, store: Store | None = None, waits: Waits = WAITS, patience: Patience = PATIENCE
    ) -> InboxRole:
        """Build the inbox."""
        store = store or self.world.store
        config = Config(
            discord_token="token",
            database_url="",
            secret_keys=(),
            smtp=SmtpConfig(host="127.0.0.1", security="none", sender=SENDER),
            trusted_authserv=self.trusted,
        )
        return InboxRole(
            config,
            self.imap,
            store,
            self.world.shelf,
            self.returns,
            self.act,
            self.world.clock,
            waits,
            patience,
        )

    @asynccontextmanager
    async def at_work(
        self, store: Store | None = None, waits: Waits = WAITS, patience: Patience = PATIENCE
    ) -> AsyncIterator[InboxRole]:
        """Run an inbox until the block ends; it must end in time and without an error."""
        role, stop = self.role(store, waits, patience), asyncio.Event()
        running = asyncio.create_task(role.run(stop))
        try:
            yield role
        finally:
            stop.set()
            await asyncio.wait_for(running, 4)

    async def read_from(self, uid: int, validity: int = 1) -> None:
        """Have the folder read up to here already."""
        name = f"{self.imap.host}\0{self.imap.username}\0{self.imap.folder}"
        at = Place(validity, uid, self.world.clock() - timedelta(days=1), 1)
        await self.world.write(inbound.go_on_from, name, at)

    async def acted_on(self, times: int, timeout_s: float = 10) -> None:
        """Wait until so many mails were acted on."""
        await self.watch.until(
            lambda: True if len(self.acted) >= times else None, timeout_s, f"{times} mails acted on"
        )

    async def endings(self) -> list[str]:
        """List what became of each mail of ours."""
        return [row.state for row in await self.world.rows(Inbound)]

    async def text(self, words: str = "dinner at 7") -> int:
        """Have a text of Ann's to Bob sent."""
        text_id = await self.world.text(ANN, BOB, words)
        await work(self.world.relay(Road()), passes=2)
        return text_id

    def address(self, about: int) -> str:
        """Write where answers to a text go."""
        return self.returns.address(about, self.world.clock())

    def reply(
        self, to: str, words: str = "ok", *, number: int = 1, author: str = PHONE, more: str = ""
    ) -> bytes:
        """Write a phone's answer."""
        return (
            f"{more}From: {author}\r\nTo: {to}\r\nMessage-ID: <{number}@one.example.net>\r\nSubject: \r\n"
            f"Content-Type: text/plain\r\n\r\n{words}\r\n"
        ).encode()


@asynccontextmanager
async def opened(world: World, **settings: Any) -> AsyncIterator[tuple[ImapScript, Postroom]]:
    """Register Bob, and give a scripted mailbox that was read already as far as it goes."""
    await world.register(BOB)
    async with ImapScript(**settings) as server:
        room = Postroom(world, server)
        await room.read_from(1)
        yield server, room
