"""Hold what every command needs, and run one service call in one transaction."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.bell import Bell, ring
from bot.db.group_commit import GroupCommit, NotKept
from bot.db.scrub import scrub
from bot.db.store import Store
from bot.domain.errors import NotSaved
from bot.services.notices import Say, say_parked
from bot.services.shelf import Shelf
from bot.services.texting import Accepted, Refused, Request, Rules, accept

_log = logging.getLogger(__name__)
# PostgreSQL undid one of two transactions that waited for each other: the other one is through by now.
_CAME_IN_EACH_OTHERS_WAY = ("40P01", "40001")
_NOT_SAVED = "The bot couldn't save that just now. Please try again in a minute."
GLANCE_S = 1.5
P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def _said_plainly() -> Iterator[None]:
    """Turn a store that cannot be used (locked, full, away) into a sentence for whoever asked."""
    try:
        yield
    except (DBAPIError, PoolTimeout) as broken:
        _log.error("store: a command could not be carried out (%s)", type(broken).__name__)
        raise NotSaved(_NOT_SAVED) from broken
    except NotKept as unkept:
        # Said once already for all that waited.
        raise NotSaved(_NOT_SAVED) from unkept


@dataclass(slots=True)
class Desk:
    """Where commands come to have something done."""

    store: Store
    rules: Rules
    default_country: str
    abuse_contact: str | None
    now: Callable[[], datetime]
    outbox_wake: asyncio.Event
    notices_wake: asyncio.Event
    editors: set[int] = field(default_factory=set)
    owners: list[int] = field(default_factory=list)
    owner_handle: str = ""
    # Set where the relay runs in this process: mails that have not gone out yet are asked about again.
    recall: Callable[[], None] = lambda: None
    closing: bool = False
    guild_ids: frozenset[int] | None = None  # where the bot is, once Discord has said so
    guilds_moved: asyncio.Event = field(default_factory=asyncio.Event)
    _answering: set[int] = field(default_factory=set)
    _hearing: set[int] = field(default_factory=set)
    _texts: GroupCommit[Request, Accepted | Refused] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Let texts that come at once be kept in one transaction."""
        self._texts = GroupCommit(self.store, self._accept, self._wake)

    @property
    def shelf(self) -> Shelf:
        """Return the catalogue as it is now."""
        return self.rules.shelf

    @property
    def contact(self) -> str:
        """Name whom people write to: the operator's contact, else the owner's handle, where it is known."""
        return self.abuse_contact or (f"@{self.owner_handle}" if self.owner_handle else "")

    def editors_beside_owners(self) -> set[int]:
        """Name the editors who do not hear already what the operator is told."""
        return self.editors - set(self.owners)

    async def write(
        self, act: Callable[Concatenate[AsyncSession, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a service call in one transaction; what it returns is true only once that is committed."""
        with _said_plainly():
            try:
                result = await self._write_once(act, *args, **kwargs)
            except DBAPIError as failed:
                if getattr(failed.orig, "sqlstate", None) not in _CAME_IN_EACH_OTHERS_WAY:
                    raise
                result = await self._write_once(act, *args, **kwargs)
        self.recall()
        self._wake()
        return result

    async def erase(
        self, act: Callable[Concatenate[AsyncSession, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a service call that deletes what must not be found in any file of the store either."""
        result = await self.write(act, *args, **kwargs)
        with _said_plainly():
            await scrub(self.store)
        return result

    def _wake(self) -> None:
        self.outbox_wake.set()
        self.notices_wake.set()

    async def _write_once(
        self, act: Callable[Concatenate[AsyncSession, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        async with self.store.write() as session:
            result = await act(session, *args, **kwargs)
            await ring(session, Bell.OUTBOX, Bell.NOTICES)
            return result

    async def accept(self, request: Request) -> Accepted | Refused:
        """Decide on a text together with those that come at the same time; true once it is committed."""
        with _said_plainly():
            return await self._texts.submit(request)

    async def _accept(self, session: AsyncSession, requests: Sequence[Request]) -> list[Accepted | Refused]:
        answers = await accept(session, requests, self.rules, self.now())
        await ring(session, Bell.OUTBOX)
        return answers

    async def close(self) -> None:
        """Wait until every text that came is kept or refused."""
        await self._texts.close()

    async def read(
        self, act: Callable[Concatenate[AsyncSession, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a service call that only reads."""
        with _said_plainly():
            async with self.store.read() as session:
                return await act(session, *args, **kwargs)

    async def change(
        self, act: Callable[Concatenate[AsyncSession, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a service call that may change the catalogue, and take the change over."""
        result = await self.write(act, *args, **kwargs)
        await self.refresh()
        return result

    async def refresh(self) -> None:
        """Take over what another process, or we, changed of the catalogue."""
        await self.read(self.shelf.refresh)
        await self.shelf.fold()

    async def glance(self) -> None:
        """Do so if it is quick: for a form, which must open within 3 s and is checked when it is sent."""
        with suppress(TimeoutError):
            async with asyncio.timeout(GLANCE_S):
                await self.refresh()

    async def say_parked(self, person_id: int, say: Say) -> None:
        """Say what a person could not be told by DM; of two commands at once only one says it."""
        if person_id in self._hearing:
            return
        self._hearing.add(person_id)
        try:
            await say_parked(self.store, person_id, say, self.now())
        finally:
            self._hearing.discard(person_id)

    @asynccontextmanager
    async def answering(self, interaction_id: int) -> AsyncIterator[None]:
        """Keep the relay's news of a text back until its command has given the first answer."""
        self._answering.add(interaction_id)
        try:
            yield
        finally:
            self._answering.discard(interaction_id)
            self.notices_wake.set()

    def is_answering(self, interaction_id: int) -> bool:
        """Tell whether a command has not given its first answer yet."""
        return interaction_id in self._answering
