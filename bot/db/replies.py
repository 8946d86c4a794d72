"""Query what phones answered, who wants no more of it, and whose unproven answers go on."""

import base64
import json
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import answer_channels
from bot.db.store import vault_of
from bot.db.tables import Notice, ReplyChoice, ReplyMute
from bot.db.tables import Reply as Row
from bot.db.types import never_used_id
from bot.db.upsert import insert_or_ignore, insert_or_replace
from bot.domain.inbound import Picture
from bot.domain.reply import Reply

_WORDLESS = {"words_sealed": None, "pictures_sealed": None}


async def add(
    session: AsyncSession,
    *,
    text: tuple[int, int, int, int],
    words: str,
    pictures: Sequence[Picture],
    proven: bool,
    held: bool,
    at: datetime,
) -> int:
    """Keep an answer, sealed; `text` is (text, whose phone, its sender, guild). Returns the answer's id."""
    vault, reply_id = vault_of(session), never_used_id()
    text_id, person_id, to_id, guild_id = text
    row = Row(
        id=reply_id,
        text_id=text_id,
        person_id=person_id,
        to_id=to_id,
        guild_id=guild_id,
        words_sealed=vault.seal(words),
        pictures_sealed=vault.seal(_written(pictures)) if pictures else None,
        proven=proven,
        held=held,
        at=at,
    )
    session.add(row)
    await session.flush()
    return reply_id


def _written(pictures: Sequence[Picture]) -> str:
    return json.dumps([[one.kind, base64.b64encode(one.content).decode()] for one in pictures])


def _pictures(written: str) -> tuple[Picture, ...]:
    return tuple(Picture("", kind, base64.b64decode(content)) for kind, content in json.loads(written))


async def find(session: AsyncSession, reply_id: int) -> Reply | None:
    """Find an answer, with its words where they are still kept."""
    row = await session.get(Row, reply_id)
    if row is None:
        return None
    vault = vault_of(session)
    return Reply(
        row.id,
        row.text_id,
        row.person_id,
        row.to_id,
        row.guild_id,
        row.proven,
        row.held,
        vault.open(row.words_sealed) if row.words_sealed is not None else "",
        _pictures(vault.open(row.pictures_sealed)) if row.pictures_sealed is not None else (),
        await answer_channels.of(session, row.text_id),
    )


async def told(session: AsyncSession, ids: Collection[int]) -> None:
    """Drop the words of answers that were told; one that is held keeps them."""
    await session.execute(update(Row).where(Row.id.in_(ids), Row.held.is_(False)).values(_WORDLESS))


async def release(session: AsyncSession, reply_id: int, person_id: int, *, proven: bool) -> bool:
    """Hold an answer no longer; False where that person has no such answer, or let go of it before."""
    held = update(Row).where(Row.id == reply_id, Row.person_id == person_id, Row.held.is_(True))
    return (
        await session.execute(held.values(held=False, proven=proven).returning(Row.id))
    ).first() is not None


async def drop_words(session: AsyncSession, reply_id: int) -> None:
    """Drop the words of an answer that nobody is to read."""
    await session.execute(update(Row).where(Row.id == reply_id).values(_WORDLESS))


async def count_held(session: AsyncSession, person_id: int) -> int:
    """Count the answers that wait for a person's word."""
    waiting = select(func.count()).where(Row.person_id == person_id, Row.held.is_(True))
    return await session.scalar(waiting) or 0


async def unread(session: AsyncSession, person_id: int) -> tuple[int, int]:
    """Count the answers of a phone that nobody has read yet, and those of them with pictures."""
    counted = select(func.count(), func.count(Row.pictures_sealed))
    found = await session.execute(counted.where(Row.person_id == person_id, Row.words_sealed.is_not(None)))
    answers, pictured = found.one()
    return answers, pictured


async def mute(session: AsyncSession, listener_id: int, person_id: int, at: datetime) -> None:
    """Show somebody no more answers of a phone to what they had texted by then."""
    values = {"listener_id": listener_id, "person_id": person_id, "at": at}
    await session.execute(insert_or_replace(session, ReplyMute, values, ("listener_id", "person_id")))


async def muted(session: AsyncSession, listener_id: int, person_id: int, text_at: datetime) -> bool:
    """Tell whether somebody wants no answers of a phone to a text of that time."""
    where = (ReplyMute.listener_id == listener_id, ReplyMute.person_id == person_id, ReplyMute.at >= text_at)
    return (await session.scalar(select(ReplyMute.at).where(*where))) is not None


async def goes_on(session: AsyncSession, person_id: int) -> bool:
    """Tell whether a person's unproven answers go on, marked, instead of being held."""
    where = ReplyChoice.person_id == person_id
    return (await session.scalar(select(ReplyChoice.person_id).where(where))) is not None


async def let_go_on(session: AsyncSession, person_id: int, at: datetime) -> None:
    """From now on let a person's unproven answers go on, marked."""
    await session.execute(insert_or_ignore(session, ReplyChoice, [{"person_id": person_id, "at": at}]))


async def hold_again(session: AsyncSession, person_id: int) -> None:
    """From now on hold a person's unproven answers."""
    await session.execute(delete(ReplyChoice).where(ReplyChoice.person_id == person_id))


async def forget_person(session: AsyncSession, person_id: int) -> None:
    """Delete what a person's phone answered and nobody has read, with what it said of such answers."""
    await hold_again(session, person_id)
    await session.execute(delete(Row).where(Row.person_id == person_id, Row.held.is_(True)))


async def forget_old(session: AsyncSession, *, held: datetime, rest: datetime) -> None:
    """Delete answers that were held, and others, from before these times; and mutes as old as the others."""
    await session.execute(delete(Row).where(or_(Row.at < rest, (Row.at < held) & Row.held.is_(True))))
    await session.execute(delete(ReplyMute).where(ReplyMute.at < rest))
    # Its notice was forgotten unread: nobody will be told.
    waits = select(Notice.id).where(Notice.reply_id == Row.id, Notice.told_at.is_(None)).exists()
    lost = update(Row).where(Row.at < held, Row.words_sealed.is_not(None), ~waits)
    await session.execute(lost.values(_WORDLESS))
