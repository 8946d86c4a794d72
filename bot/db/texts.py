"""Query texts: what was accepted, what became of it, and the Discord answer that still can be edited."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Executable,
    bindparam,
    cast,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from bot.db.base import table_of
from bot.db.bulk import insert_rows
from bot.db.crypto import WrongKey
from bot.db.given import given, given_ids, rows
from bot.db.prepared import Prepared, dialect_of
from bot.db.store import vault_of
from bot.db.tables import OutboxItem, TextRow
from bot.db.types import Instant, microseconds
from bot.domain.standing import OpenAnswer, Standing
from bot.domain.states import FINAL, Item, State

_TEXTS = table_of(TextRow)
_STANDING: tuple[InstrumentedAttribute[Any], ...] = (
    *(TextRow.id, TextRow.sender_id, TextRow.recipient_id, TextRow.guild_id, TextRow.state, TextRow.reason),
    *(TextRow.parts, TextRow.parts_sent, TextRow.created_at, TextRow.answer_until),
)


def _standing(row: TextRow) -> Standing:
    return Standing(
        row.id,
        row.sender_id,
        row.recipient_id,
        row.guild_id,
        row.state,
        row.reason,
        row.parts,
        row.parts_sent,
        row.created_at,
        row.answer_until,
    )


async def standings(session: AsyncSession, ids: Collection[int]) -> dict[int, Standing]:
    """Find texts by id."""
    found = await _STANDINGS.run(session, **await rows(session, ((one,) for one in ids), "id"))
    return {row[0]: Standing(*row) for row in found}


def _standings(dialect: str) -> Executable:
    columns = [_TEXTS.c[one.name] for one in fields(Standing)]
    return select(*columns).where(_TEXTS.c.id.in_(select(given(dialect, id=int).c.id)))


_STANDINGS = Prepared(_standings)


async def lock_standings(session: AsyncSession, ids: Collection[int]) -> dict[int, Standing]:
    """Find texts by id as they stand now, and let nobody else judge them before this transaction's end."""
    wanted, bound = await given_ids(session, ids)
    statement = select(*_STANDING).where(TextRow.id.in_(wanted)).order_by(TextRow.id).with_for_update()
    return {row[0]: Standing(*row) for row in await session.execute(statement, bound)}


async def stranded(session: AsyncSession, most: int) -> Sequence[int]:
    """List queued texts all of whose mails came to an end."""
    mails = select(OutboxItem.id).where(OutboxItem.text_id == TextRow.id)
    still_open = mails.where(OutboxItem.state.in_((Item.WAITING, Item.LEASED, Item.HELD)))
    where = (TextRow.state.in_((State.QUEUED, State.HELD)), mails.exists(), ~still_open.exists())
    return (await session.scalars(select(TextRow.id).where(*where).order_by(TextRow.id).limit(most))).all()


async def take_turns(session: AsyncSession, ids: Collection[int]) -> None:
    """Let one transaction at a time decide on an interaction; SQLite's writer is alone anyway."""
    if dialect_of(session).name == "postgresql":
        wanted = func.unnest(cast(sorted(ids), ARRAY(BigInteger))).column_valued("wanted")
        await session.execute(select(func.pg_advisory_xact_lock(wanted)))


async def sent_by(session: AsyncSession, sender_id: int, most: int) -> list[Standing]:
    """List a sender's last texts, newest first."""
    statement = select(TextRow).where(TextRow.sender_id == sender_id).order_by(TextRow.id.desc()).limit(most)
    return [_standing(row) for row in await session.scalars(statement)]


async def sent_to(session: AsyncSession, recipient_id: int, most: int) -> list[Standing]:
    """List the last texts that reached somebody at least in part, or still may, newest first."""
    ended = (State.CANCELLED, State.FAILED, State.EXPIRED)
    arrived = or_(TextRow.state.not_in(ended), TextRow.parts_sent > 0)
    theirs = (TextRow.recipient_id == recipient_id, TextRow.sender_id != recipient_id)
    statement = select(TextRow).where(*theirs, arrived).order_by(TextRow.id.desc()).limit(most)
    return [_standing(row) for row in await session.scalars(statement)]


async def add(session: AsyncSession, new: Sequence[tuple[Standing, OpenAnswer | None]]) -> None:
    """Keep new texts, each with the answer that can be edited."""
    vault = vault_of(session)
    values = [
        {
            "id": text.id,
            "sender_id": text.sender_id,
            "recipient_id": text.recipient_id,
            "guild_id": text.guild_id,
            "state": str(text.state),
            "reason": text.reason,
            "parts": text.parts,
            "parts_sent": text.parts_sent,
            "created_at": microseconds(text.created_at),
            "changed_at": microseconds(text.created_at),
            "answer_sealed": vault.seal(answer.token) if answer else None,
            "answer_until": microseconds(answer.until) if answer else None,
        }
        for text, answer in new
    ]
    await insert_rows(session, _TEXTS, values)


async def open_answers(session: AsyncSession, ids: Collection[int], now: datetime) -> dict[int, OpenAnswer]:
    """Find the answers of texts that can still be edited."""
    where = (TextRow.id.in_(ids), TextRow.answer_until > now)
    found = await session.execute(
        select(TextRow.id, TextRow.answer_sealed, TextRow.answer_until).where(*where)
    )
    vault, answers = vault_of(session), dict[int, OpenAnswer]()
    for row_id, sealed, until in found:
        # A damaged one is one that cannot be edited any more: it must not keep what others are told.
        with suppress(WrongKey):
            if sealed and until:
                answers[row_id] = OpenAnswer(vault.open(sealed), until)
    return answers


async def forget_answers(session: AsyncSession, now: datetime) -> None:
    """Delete the tokens of answers that can no longer be edited."""
    statement = update(TextRow).where(TextRow.answer_until <= now)
    await session.execute(statement.values(answer_sealed=None, answer_until=None))


async def part_states(session: AsyncSession, ids: Collection[int]) -> dict[int, list[str]]:
    """List the states of the mails of each text, in order of the parts."""
    wanted, bound = await given_ids(session, ids)
    statement = (
        select(OutboxItem.text_id, OutboxItem.state)
        .where(OutboxItem.text_id.in_(wanted))
        .order_by(OutboxItem.text_id, OutboxItem.part)
    )
    states: dict[int, list[str]] = {text_id: [] for text_id in ids}
    for text_id, state in await session.execute(statement, bound):
        if text_id is not None:
            states[text_id].append(state)
    return states


async def accept_whole(
    session: AsyncSession, ids: Collection[int], now: datetime
) -> dict[int, tuple[int, datetime | None]]:
    """Move waiting texts of one part whose mail was taken; returns (sender, end of the answer) of those."""
    listed = await rows(session, ((one,) for one in ids), "id")
    found = {text_id: (sender, until) for text_id, sender, until in await _WHOLE.run(session, **listed)}
    if found:
        await _ACCEPT_WHOLE.run(session, **listed, now=now)
    return found


def _of_one_part(dialect: str) -> tuple[ColumnElement[bool], ...]:
    wanted = select(given(dialect, id=int).c.id)
    # Not `state == queued`: SQLite would look through everything that is queued.
    not_ended = (_TEXTS.c.state != state for state in sorted(FINAL))
    return _TEXTS.c.id.in_(wanted), _TEXTS.c.parts == 1, *not_ended


def _whole(dialect: str) -> Executable:
    asked = select(_TEXTS.c.id, _TEXTS.c.sender_id, _TEXTS.c.answer_until).where(*_of_one_part(dialect))
    return asked.order_by(_TEXTS.c.id).with_for_update()


def _accept_whole(dialect: str) -> Executable:
    now = bindparam("now", type_=Instant())
    values = {"state": State.ACCEPTED, "reason": "", "parts_sent": 1, "changed_at": now}
    return update(_TEXTS).where(*_of_one_part(dialect)).values(values)


_WHOLE, _ACCEPT_WHOLE = Prepared(_whole), Prepared(_accept_whole)


@dataclass(frozen=True, slots=True)
class Move:
    """Where a text stands from now on."""

    text_id: int
    state: str
    reason: str
    parts_sent: int


async def move(session: AsyncSession, moves: Iterable[Move], now: datetime) -> None:
    """Move texts, all that come to stand alike in one statement."""
    alike: dict[tuple[str, str, int], list[int]] = {}
    for one in moves:
        alike.setdefault((one.state, one.reason, one.parts_sent), []).append(one.text_id)
    for (state, reason, sent), ids in alike.items():
        wanted, bound = await given_ids(session, ids)
        statement = update(table_of(TextRow)).where(TextRow.id.in_(wanted))
        values = {"state": state, "reason": reason, "parts_sent": sent, "changed_at": now}
        await session.execute(statement.values(values), bound)


async def waiting_unexplained(session: AsyncSession, reason: str, most: int) -> Sequence[int]:
    """List queued texts whose sender was not told yet that they wait for this reason."""
    where = (TextRow.state == "queued", TextRow.reason != reason)
    return (await session.scalars(select(TextRow.id).where(*where).order_by(TextRow.id).limit(most))).all()


async def forget_old(session: AsyncSession, before: datetime, most: int) -> None:
    """Delete texts that came to an end long ago."""
    old = (
        select(TextRow.id)
        .where(TextRow.changed_at < before, TextRow.state.not_in(("queued", "held")))
        .limit(most)
    )
    await session.execute(delete(TextRow).where(TextRow.id.in_(old)))
