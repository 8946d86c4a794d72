"""Say what is due: edit the sender's answer while Discord lets us, else write the person, else park it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import notices, replies, texts
from bot.db.notices import HELD as HELD
from bot.db.notices import OPERATOR as OPERATOR
from bot.db.notices import PROVE_AGAIN as PROVE_AGAIN
from bot.db.notices import Untold
from bot.db.scrub import scrub
from bot.db.store import Store
from bot.db.types import microseconds
from bot.domain.reply import Reply
from bot.domain.standing import OpenAnswer, Standing
from bot.domain.states import MUST_KNOW, State
from bot.domain.words import mention, standing
from bot.services.cleaning import clean

_log = logging.getLogger(__name__)
AT_ONCE = 50
# More than are told at once: texts whose command still answers must not hold up the others.
LOOK_AT = 10 * AT_ONCE
TELLING_AT_ONCE = 8
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=2), timedelta(minutes=10)
IDLE_S = 1.0
CLEAN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Telling:
    """One thing to say to one person (0: the operator; below 0: the admins of that guild)."""

    person_id: int
    words: str = field(repr=False)
    answer: OpenAnswer | None  # edit this, where given
    by_dm: bool  # worth a DM where there is no answer to edit
    request_id: int | None = None  # the request that buttons under it answer
    kind: str = ""  # of the notice, where buttons go with it
    reply: Reply | None = None  # a phone's answer, which is shown instead of words
    once: str = ""  # the same for each try to tell it, so that Discord shows one of them


class Told(StrEnum):
    """What became of it."""

    TOLD = "told"
    CLOSED = "closed"  # the person takes no DMs from us
    LATER = "later"  # Discord was away


Tell = Callable[[Telling], Awaitable[Told]]


class Teller:
    """The Discord role's loop over what is due; `busy` names texts whose command is still answering."""

    def __init__(
        self, store: Store, tell: Tell, busy: Callable[[int], bool], now: Callable[[], datetime]
    ) -> None:
        self._store, self._tell, self._busy, self._now = store, tell, busy, now
        self._cleaned_at: datetime | None = None
        self._unrecorded: list[tuple[list[Untold], Told]] = []
        self.wake = asyncio.Event()

    async def one_pass(self) -> float:
        """Tell a batch; returns how long to wait, in seconds."""
        now = self._now()
        # While a store takes no writes nothing new is told: it would be told again and again.
        await self._record()
        await self._clean(now)
        async with self._store.read() as session:
            due = [
                n
                for n in await notices.due(session, now, LOOK_AT)
                if n.text_id is None or not self._busy(n.text_id)
            ][:AT_ONCE]
            ids = {n.text_id for n in due if n.text_id is not None}
            standings = await texts.standings(session, ids)
            answers = await texts.open_answers(session, ids, now)
        if not due:
            return IDLE_S
        await self._tell_all(_by_text(due), standings, answers)
        await self._record()
        return 0.0 if len(due) == AT_ONCE else IDLE_S

    async def _tell_all(
        self, groups: Sequence[list[Untold]], standings: dict[int, Standing], answers: dict[int, OpenAnswer]
    ) -> None:
        gate = asyncio.Semaphore(TELLING_AT_ONCE)

        async def tell(group: list[Untold]) -> None:
            async with gate:
                outcome = await self._tell_group(group[-1], standings, answers)
            self._unrecorded.append((group, outcome))

        ends = await asyncio.gather(*(tell(group) for group in groups), return_exceptions=True)
        for group, end in zip(groups, ends, strict=True):
            if end is not None:
                _log.error("notice %d: telling it failed", group[-1].id, exc_info=end)
                self._unrecorded.append((group, Told.LATER))

    async def _tell_group(
        self, notice: Untold, standings: dict[int, Standing], answers: dict[int, OpenAnswer]
    ) -> Told:
        if notice.text_id is None:
            telling = await _to_say(self._store, notice)
            return Told.TOLD if telling is None else await self._tell(telling)
        text = standings.get(notice.text_id)
        if text is None:
            return Told.TOLD
        words, once = words_for(text), _once(notice)
        must_know = State(text.state) in MUST_KNOW
        return await self._tell(
            Telling(notice.person_id, words, answers.get(text.id), by_dm=must_know, once=once)
        )

    async def _record(self) -> None:
        """Write down what became of what was told; it is remembered until that has worked."""
        now, done = self._now(), list(self._unrecorded)
        if not done:
            return
        async with self._store.write() as session:
            for group, outcome in done:
                ids = [notice.id for notice in group]
                match outcome:
                    case Told.TOLD:
                        await _note_told(session, group, now)
                    case Told.CLOSED:
                        await notices.park(session, ids)
                    case Told.LATER:
                        wait = min(FIRST_WAIT * 2 ** min(group[-1].tries, 12), LONGEST_WAIT)
                        await notices.later(session, ids, now + wait)
        del self._unrecorded[: len(done)]

    async def _clean(self, now: datetime) -> None:
        """Delete what has served: tokens of closed answers, told notices, counters that refuse nothing."""
        if self._cleaned_at is not None and abs(now - self._cleaned_at) < CLEAN_EVERY:
            return
        async with self._store.write() as session:
            await clean(session, now)
        await scrub(self._store)
        self._cleaned_at = now


def words_for(text: Standing) -> str:
    """Word where a text stands, for its sender."""
    return standing(mention(text.recipient_id), text.state, text.reason, text.parts, text.parts_sent)


def _by_text(due: Sequence[Untold]) -> list[list[Untold]]:
    """Group the notices of one text: only the newest counts, since it says where the text stands."""
    groups: dict[tuple[str, int], list[Untold]] = {}
    for notice in due:
        key = ("text", notice.text_id) if notice.text_id is not None else ("notice", notice.id)
        groups.setdefault(key, []).append(notice)
    return list(groups.values())


async def _to_say(store: Store, notice: Untold) -> Telling | None:
    """Put together what a notice of its own says; None where what it was about is gone."""
    reply = None
    if notice.reply_id is not None:
        async with store.read() as session:
            reply = await replies.find(session, notice.reply_id)
        # What its owner has decided on is not asked again.
        if reply is None or reply.held != (notice.kind == HELD):
            return None
    about: dict[str, Any] = {"request_id": notice.request_id, "kind": notice.kind, "reply": reply}
    return Telling(notice.person_id, notice.words, None, by_dm=True, once=_once(notice), **about)


def _once(notice: Untold) -> str:
    # With the time: a store that is made anew begins its ids anew.
    return f"{microseconds(notice.created_at):x}-{notice.id:x}"[-25:]


async def _note_told(session: AsyncSession, group: Sequence[Untold], now: datetime) -> None:
    """Note that notices were told; the words of an answer have served then."""
    await notices.told(session, [notice.id for notice in group], now)
    read = [n.reply_id for n in group if n.reply_id is not None and n.kind != HELD]
    if read:
        await replies.told(session, read)


Say = Callable[[Telling], Awaitable[None]]


async def say_parked(store: Store, person_id: int, say: Say, now: datetime) -> None:
    """Say what could not be told by DM; each counts as told only once `say` has come back."""
    async with store.read() as session:
        parked = await notices.parked_for(session, person_id, AT_ONCE)
        standings = await texts.standings(session, {n.text_id for n in parked if n.text_id is not None})
    alike: dict[tuple[str, int | None, int | None], list[Untold]] = {}
    for notice in parked:
        key = (_parked_words(notice, standings), notice.request_id, notice.reply_id)
        alike.setdefault(key, []).append(notice)
    for (words, _, reply_id), group in alike.items():
        telling = await _to_say(store, replace(group[0], words=words)) if words or reply_id else None
        if telling is not None:
            await say(telling)
        async with store.write() as session:
            await _note_told(session, group, now)


def _parked_words(notice: Untold, standings: dict[int, Standing]) -> str:
    if notice.text_id is None:
        return notice.words
    text = standings.get(notice.text_id)
    return words_for(text) if text is not None else ""
