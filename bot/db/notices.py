"""Query what the bot has to say unasked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import table_of
from bot.db.bulk import insert_rows
from bot.db.crypto import is_pseudonym
from bot.db.tables import Notice
from bot.db.types import microseconds

OPERATOR = 0
# What is told to the admins of a guild stands under minus its id.
REPORT = "report"
# So many rows a statement: others get the processor between two of them.
AT_ONCE = 500
# Kinds that a person is told as an admin or an editor.
DOMAIN, DOUBT = "domain", "doubt"
AS_ADMIN = (DOMAIN, DOUBT)
# What a phone answered: told to the sender of the text, or held for the phone's owner.
REPLY, HELD = "reply", "held"
# Under this stands a button that sends a new code to the phone.
PROVE_AGAIN = "prove again"


@dataclass(frozen=True, slots=True)
class Untold:
    """A notice that nobody read yet; words are empty where the text's state says it all."""

    id: int
    person_id: int
    kind: str
    text_id: int | None
    words: str
    tries: int
    request_id: int | None
    reply_id: int | None
    created_at: datetime


async def add(
    session: AsyncSession,
    person_id: int,
    kind: str,
    now: datetime,
    *,
    text_id: int | None = None,
    words: str = "",
    request_id: int | None = None,
    reply_id: int | None = None,
) -> None:
    """Keep something to say; words hold no number, body or address. Nobody is told under a pseudonym."""
    if is_pseudonym(person_id):
        return
    about = {"text_id": text_id, "request_id": request_id, "reply_id": reply_id}
    times = {"created_at": now, "due_at": now}
    session.add(Notice(person_id=person_id, kind=kind, words=words, **about, **times))
    await session.flush()


async def add_for(session: AsyncSession, people: Sequence[int], kind: str, words: str, now: datetime) -> None:
    """Keep the same words for many people, all at once; nobody is told under a pseudonym."""
    at, people = microseconds(now), [person for person in people if not is_pseudonym(person)]
    same = {"kind": kind, "words": words, "created_at": at, "due_at": at, "tries": 0, "parked": False}
    for start in range(0, len(people), AT_ONCE):
        some = people[start : start + AT_ONCE]
        await insert_rows(session, table_of(Notice), [{"person_id": person, **same} for person in some])


async def operator_knows(session: AsyncSession, words: str, since: datetime, now: datetime) -> bool:
    """Tell whether the operator has been told, or will be, what was to be said in that time."""
    made = Notice.created_at.between(since, now)
    same = select(Notice.id).where(Notice.person_id == OPERATOR, made, Notice.words == words).limit(1)
    return await session.scalar(same) is not None


async def add_for_texts(
    session: AsyncSession, kind: str, senders: Sequence[tuple[int, int]], now: datetime
) -> None:
    """Keep word of texts for their senders, given as (sender, text)."""
    at = microseconds(now)
    rows = [
        {
            "person_id": sender_id,
            "kind": kind,
            "text_id": text_id,
            "words": "",
            "created_at": at,
            "due_at": at,
            "tries": 0,
            "parked": False,
        }
        for sender_id, text_id in senders
    ]
    await insert_rows(session, table_of(Notice), rows)


async def due(session: AsyncSession, now: datetime, most: int) -> list[Untold]:
    """List what should be said now, oldest first."""
    where = (Notice.told_at.is_(None), Notice.parked.is_(False), Notice.due_at <= now)
    rows = await session.scalars(select(Notice).where(*where).order_by(Notice.id).limit(most))
    return [_untold(row) for row in rows]


async def next_due(session: AsyncSession) -> datetime | None:
    """Tell when the next notice is due."""
    where = (Notice.told_at.is_(None), Notice.parked.is_(False))
    return await session.scalar(select(Notice.due_at).where(*where).order_by(Notice.due_at).limit(1))


async def parked_for(session: AsyncSession, person_id: int, most: int) -> list[Untold]:
    """List what could not be told by DM."""
    where = (Notice.told_at.is_(None), Notice.parked.is_(True), Notice.person_id == person_id)
    return [
        _untold(row)
        for row in await session.scalars(select(Notice).where(*where).order_by(Notice.id).limit(most))
    ]


def _untold(row: Notice) -> Untold:
    about = (row.request_id, row.reply_id, row.created_at)
    return Untold(row.id, row.person_id, row.kind, row.text_id, row.words, row.tries, *about)


async def told(session: AsyncSession, ids: Collection[int], now: datetime) -> None:
    """Mark notices as told."""
    await session.execute(update(Notice).where(Notice.id.in_(ids)).values(told_at=now, parked=False))


async def park(session: AsyncSession, ids: Collection[int]) -> None:
    """Keep notices until the person's next command."""
    await session.execute(update(Notice).where(Notice.id.in_(ids)).values(parked=True))


async def later(session: AsyncSession, ids: Collection[int], due_at: datetime) -> None:
    """Try notices again at a later time."""
    await session.execute(
        update(Notice).where(Notice.id.in_(ids)).values(due_at=due_at, tries=Notice.tries + 1)
    )


async def pull_back(session: AsyncSession, now: datetime, longest: timedelta) -> None:
    """Make due what waits for longer than anything is put off."""
    far = (Notice.told_at.is_(None), Notice.due_at > now + longest)
    await session.execute(update(Notice).where(*far).values(due_at=now))


async def forget_told(session: AsyncSession, before: datetime) -> None:
    """Delete notices told long ago."""
    await session.execute(delete(Notice).where(Notice.told_at < before))


async def forget_parked(session: AsyncSession, before: datetime) -> None:
    """Delete parked notices that nobody came for."""
    await session.execute(delete(Notice).where(Notice.parked.is_(True), Notice.created_at < before))


async def forget_person(session: AsyncSession, person_id: int) -> None:
    """Delete what waits to be said to a person about their phone; news of the texts they sent stays.

    So do answers to those texts, and what an admin or editor is told as such.
    """
    about_phone = (Notice.text_id.is_(None), Notice.kind.not_in((*AS_ADMIN, REPLY)))
    await session.execute(delete(Notice).where(Notice.person_id == person_id, *about_phone))
