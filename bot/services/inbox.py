"""Take in the mails of ours that come to the mailbox: each is on disk, and acted on, before it is marked."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import inbound
from bot.db.bell import Bell, ring
from bot.db.inbound import Taken
from bot.db.store import Store
from bot.domain.inbound import Arrived, Belonging, Kind, Reading, Trust
from bot.domain.mailbox import Folder, Head, Heads, Place
from bot.services.belonging import Finder, anew

_log = logging.getLogger(__name__)
MOST_OCTETS = 1024 * 1024
MOST_A_MINUTE = 10  # of one phone; more is not typed by hand
SHORT_OCTETS = 16 * 1024  # a STOP takes less, with all its headers: such mails are always read
# A mail at which the server breaks off each time holds up the others for most of an hour, with the waits:
# a server that is out of order for less is no reason to give a mail up. A bug of ours is, soon.
MOST_FETCHES, MOST_ACTS = 100, 5
_STORE_AWAY = (OperationalError, InterfaceError, PoolTimeout, OSError)
# Our clock and the mail server's may differ by so much.
CLOCKS_DIFFER = timedelta(minutes=5)
# How far back a folder is read whose UIDs were all given anew: what came in before then has been read.
LOOK_BACK = timedelta(days=30)
# Says in a word what it did.
Act = Callable[[AsyncSession, Arrived, datetime], Awaitable[str]]


class Ending(StrEnum):
    """What became of a mail of ours."""

    DONE = "done"
    BIG = "big"
    UNREADABLE = "unreadable"
    TOO_MANY = "too_many"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Box:
    """The mailbox, step by step; each may raise MailboxTrouble. `name` tells it from other mailboxes."""

    name: str
    open: Callable[[], Awaitable[Folder]]
    heads: Callable[[int, date | None], Awaitable[Heads]]
    whole: Callable[[int], Awaitable[bytes | None]]
    glance: Callable[[int], Awaitable[bytes]]
    mark: Callable[[Sequence[int]], Awaitable[None]]
    read: Callable[[bytes], Awaitable[Reading | None]]


class Inbox:
    """One look after another into one folder."""

    def __init__(self, store: Store, box: Box, finder: Finder, act: Act, now: Callable[[], datetime]) -> None:
        self._store, self._box, self._finder, self._act, self._now = store, box, finder, act, now
        self._fetches: Counter[int] = Counter()
        self._acts: Counter[int] = Counter()
        self._looks: Counter[int] = Counter()
        self.moved = asyncio.Event()  # something happened to a text: somebody may want to tell its sender
        # Set where the relay runs in this process: what has not gone yet is asked about again.
        self.recall: Callable[[], None] = lambda: None

    async def look(self) -> bool:
        """Take in some mails; False where there are no more for now."""
        folder = await self._box.open()
        place = await self._place(folder)
        anew = place.next_uid < place.anew_below
        # Servers compare dates alone, each in a zone of its own.
        since = (place.since - timedelta(days=1)).date() if anew else None
        heads = await self._box.heads(place.next_uid, since)
        new = [head for head in heads.found if _may_be_new(head, place)]
        if new:
            await self._take_in(folder, new)
        if heads.next_uid != place.next_uid:
            async with self._store.write() as session:
                await inbound.go_on_from(session, self._box.name, replace(place, next_uid=heads.next_uid))
        self._fetches.clear()
        self._acts.clear()
        self._looks.clear()
        return heads.more

    async def _place(self, folder: Folder) -> Place:
        """Say from where to read: at the very first look, what comes from now on."""
        now = self._now()
        async with self._store.read() as session:
            place = await inbound.place(session, self._box.name)
        if place is not None and place.validity == folder.validity and place.next_uid <= folder.next_uid:
            return place
        if place is None:
            place = Place(folder.validity, folder.next_uid, now - CLOCKS_DIFFER, folder.next_uid)
        else:
            _log.warning("inbox: the folder's mails were numbered anew; looking through the last days")
            place = Place(folder.validity, 1, max(place.since, now - LOOK_BACK), folder.next_uid)
        async with self._store.write() as session:
            await inbound.go_on_from(session, self._box.name, place)
        return place

    async def _take_in(self, folder: Folder, heads: Sequence[Head]) -> None:
        """Act on what is ours and new, then mark it; leave the others as they are."""
        now = self._now()
        async with self._store.read() as session:
            known = await inbound.taken_before(session, [head.identity for head in heads])
            owners = {head.uid: await self._whose(session, head, now) for head in heads}
        done: list[int] = []
        for head in heads:
            ending = known.get(head.identity)
            if ending is None:
                belonging = owners[head.uid] or await self._returned(head)
                ending = await self._take(folder, head, belonging) if belonging else None
            if ending == Ending.DONE:
                done.append(head.uid)
        if done:
            await self._box.mark(done)

    async def _whose(self, session: AsyncSession, head: Head, now: datetime) -> Belonging | None:
        """Say what a mail belongs to. Where a bug of ours meets its headers again and again, to nobody."""
        if self._looks[head.uid] >= MOST_ACTS:
            return None
        try:
            return await self._finder.whose(session, head.envelope, now)
        except _STORE_AWAY:
            raise
        except Exception:
            self._looks[head.uid] += 1
            raise

    async def _returned(self, head: Head) -> Belonging | None:
        """Look into what may be a bounce, but no further than needed to see whether it is one of ours."""
        if not self._finder.may_return(head.envelope):
            return None
        beginning = await self._box.glance(head.uid)
        async with self._store.read() as session:
            return await self._finder.returned(session, beginning)

    async def _take(self, folder: Folder, head: Head, belonging: Belonging) -> Ending | None:
        """Remember a mail of ours, and act on it in the same transaction; None where it is gone."""
        ending, reading = await self._read(head, belonging)
        if ending is None:
            return None
        self._acts[head.uid] += 1
        try:
            ending, acted = await self._act_on(folder, head, belonging, reading, ending)
        except _STORE_AWAY:
            # Nobody's fault but the store's: it is tried for as long as that takes.
            self._acts[head.uid] -= 1
            raise
        kind = reading.kind if reading else "mail"
        level = logging.INFO if ending is Ending.DONE else logging.WARNING
        _log.log(level, "inbox: %s %d, %s: %s", kind, head.uid, belonging.trust, acted or ending)
        self.recall()
        self.moved.set()
        return ending

    async def _is_flood(self, head: Head, belonging: Belonging) -> bool:
        """Tell a long mail that anybody may have written, of too many: reading it would keep the others."""
        if belonging.trust is not Trust.UNPROVEN or head.octets <= SHORT_OCTETS:
            return False
        async with self._store.read() as session:
            return await self._many_lately(session, belonging, self._now())

    async def _read(self, head: Head, belonging: Belonging) -> tuple[Ending | None, Reading | None]:
        """Fetch a mail and read it; the ending is None where it is gone."""
        if self._acts[head.uid] >= MOST_ACTS or self._fetches[head.uid] >= MOST_FETCHES:
            return Ending.GIVEN_UP, None
        if head.octets > MOST_OCTETS:
            return Ending.BIG, None
        if await self._is_flood(head, belonging):
            return Ending.TOO_MANY, None
        self._fetches[head.uid] += 1
        raw = await self._box.whole(head.uid)
        if raw is None:
            return None, None
        if len(raw) > MOST_OCTETS:
            return Ending.BIG, None
        reading = await self._box.read(raw)
        return (Ending.DONE if reading else Ending.UNREADABLE), reading

    async def _act_on(
        self, folder: Folder, head: Head, belonging: Belonging, reading: Reading | None, ending: Ending
    ) -> tuple[Ending, str]:
        now, acted = self._now(), ""
        async with self._store.write() as session:
            belonging = await anew(session, belonging)
            if reading is not None and await self._too_many(session, reading, belonging, now):
                ending = Ending.TOO_MANY
            new = await inbound.take(session, self._taken(folder, head, belonging, reading, ending), now)
            if new and reading is not None and ending is Ending.DONE:
                said = replace(reading, words=self._finder.returns.without(reading.words))
                acted = await self._act(session, Arrived(head.envelope, said, belonging), now)
                await ring(session, Bell.NOTICES, Bell.OUTBOX)
        return ending, acted

    async def _too_many(
        self, session: AsyncSession, reading: Reading, belonging: Belonging, now: datetime
    ) -> bool:
        """Tell whether a phone sends more than anybody types; a STOP and a bounce are always taken.

        What is less sure to come from it uses up nothing of what is surer.
        """
        if reading.kind in (Kind.STOP, Kind.START, Kind.BOUNCE):
            return False
        return await self._many_lately(session, belonging, now)

    async def _many_lately(self, session: AsyncSession, belonging: Belonging, now: datetime) -> bool:
        since = now - timedelta(minutes=1)
        return (
            await inbound.count_since(session, belonging.person_id, belonging.trust, since) >= MOST_A_MINUTE
        )

    def _taken(
        self, folder: Folder, head: Head, belonging: Belonging, reading: Reading | None, ending: Ending
    ) -> Taken:
        kind = reading.kind if reading else Kind.UNKNOWN
        return Taken(
            self._box.name,
            folder.validity,
            head.uid,
            head.identity,
            ending,
            kind,
            belonging.trust,
            belonging.person_id,
            belonging.text_id,
        )


def _may_be_new(head: Head, place: Place) -> bool:
    return head.uid >= place.anew_below or head.at is None or head.at >= place.since
