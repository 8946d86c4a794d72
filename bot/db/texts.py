"""Query texts: what was accepted, what became of it, and the Discord answer that still can be edited."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, cast, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.store import vault_of
from bot.db.tables import OutboxItem, TextRow
from bot.domain.standing import OpenAnswer, Standing
from bot.domain.states import Item, State


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
    )


async def standings(session: AsyncSession, ids: Collection[int]) -> dict[int, Standing]:
    """Find texts by id."""
    rows = await session.scalars(select(TextRow).where(TextRow.id.in_(ids)))
    return {row.id: _standing(row) for row in rows}


async def lock_standings(session: AsyncSession, ids: Collection[int]) -> dict[int, Standing]:
    """Find texts by id as they stand now, and let nobody else judge them before this transaction's end."""
    statement = select(TextRow).where(TextRow.id.in_(ids)).order_by(TextRow.id).with_for_update()
    rows = await session.scalars(statement.execution_options(populate_existing=True))
    return {row.id: _standing(row) for row in rows}


async def stranded(session: AsyncSession, most: int) -> Sequence[int]:
    """List queued texts all of whose mails came to an end."""
    mails = select(OutboxItem.id).where(OutboxItem.text_id == TextRow.id)
    still_open = mails.where(OutboxItem.state.in_((Item.WAITING, Item.LEASED)))
    where = (TextRow.state == State.QUEUED, mails.exists(), ~still_open.exists())
    return (await session.scalars(select(TextRow.id).where(*where).order_by(TextRow.id).limit(most))).all()


async def take_turns(session: AsyncSession, ids: Collection[int]) -> None:
    """Let one transaction at a time decide on an interaction; SQLite's writer is alone anyway."""
    if session.get_bind().dialect.name == "postgresql":
        wanted = func.unnest(cast(sorted(ids), ARRAY(BigInteger))).column_valued("wanted")
        await session.execute(select(func.pg_advisory_xact_lock(wanted)))


async def sent_by(session: AsyncSession, sender_id: int, most: int) -> list[Standing]:
    """List a sender's last texts, newest first."""
    statement = select(TextRow).where(TextRow.sender_id == sender_id).order_by(TextRow.id.desc()).limit(most)
    return [_standing(row) for row in await session.scalars(statement)]


async def add(session: AsyncSession, new: Standing, answer: OpenAnswer | None) -> None:
    """Keep a new text."""
    session.add(
        TextRow(
            id=new.id,
            sender_id=new.sender_id,
            recipient_id=new.recipient_id,
            guild_id=new.guild_id,
            state=new.state,
            reason=new.reason,
            parts=new.parts,
            parts_sent=new.parts_sent,
            created_at=new.created_at,
            changed_at=new.created_at,
            answer_sealed=vault_of(session).seal(answer.token) if answer else None,
            answer_until=answer.until if answer else None,
        )
    )
    await session.flush()


async def open_answers(session: AsyncSession, ids: Collection[int], now: datetime) -> dict[int, OpenAnswer]:
    """Find the answers of texts that can still be edited."""
    where = (TextRow.id.in_(ids), TextRow.answer_until > now)
    rows = await session.execute(
        select(TextRow.id, TextRow.answer_sealed, TextRow.answer_until).where(*where)
    )
    vault = vault_of(session)
    return {
        row_id: OpenAnswer(vault.open(sealed), until) for row_id, sealed, until in rows if sealed and until
    }


async def forget_answers(session: AsyncSession, now: datetime) -> None:
    """Delete the tokens of answers that can no longer be edited."""
    statement = update(TextRow).where(TextRow.answer_until <= now)
    await session.execute(statement.values(answer_sealed=None, answer_until=None))


async def part_states(session: AsyncSession, ids: Collection[int]) -> dict[int, list[str]]:
    """List the states of the mails of each text, in order of the parts."""
    where = OutboxItem.text_id.in_(ids)
    statement = (
        select(OutboxItem.text_id, OutboxItem.state)
        .where(where)
        .order_by(OutboxItem.text_id, OutboxItem.part)
    )
    states: dict[int, list[str]] = {text_id: [] for text_id in ids}
    for text_id, state in await session.execute(statement):
        if text_id is not None:
            states[text_id].append(state)
    return states


async def set_state(
    session: AsyncSession, text_id: int, state: str, reason: str, parts_sent: int, now: datetime
) -> bool:
    """Move a text; False where it stands there already."""
    statement = (
        update(TextRow)
        .where(TextRow.id == text_id)
        .where((TextRow.state != state) | (TextRow.reason != reason) | (TextRow.parts_sent != parts_sent))
        .values(state=state, reason=reason, parts_sent=parts_sent, changed_at=now)
        .returning(TextRow.id)
    )
    return (await session.execute(statement)).first() is not None


async def waiting_unexplained(session: AsyncSession, reason: str, most: int) -> Sequence[int]:
    """List queued texts whose sender was not told yet that they wait for this reason."""
    where = (TextRow.state == "queued", TextRow.reason != reason)
    return (await session.scalars(select(TextRow.id).where(*where).order_by(TextRow.id).limit(most))).all()


async def count_by_state(session: AsyncSession) -> dict[str, int]:
    """Count texts in each state."""
    rows = await session.execute(select(TextRow.state, func.count()).group_by(TextRow.state))
    return dict(rows.tuples().all())


async def forget_old(session: AsyncSession, before: datetime, most: int) -> None:
    """Delete texts that came to an end long ago."""
    old = select(TextRow.id).where(TextRow.changed_at < before, TextRow.state != "queued").limit(most)
    await session.execute(delete(TextRow).where(TextRow.id.in_(old)))
