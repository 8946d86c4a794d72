"""Query whom people list, who reaches them in quiet hours too, and which texts introduced a sender."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Executable, delete, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import table_of
from bot.db.given import given, given_ids, rows
from bot.db.prepared import Prepared
from bot.db.tables import Introduction, ListedSender, UrgentSender
from bot.db.upsert import insert_in, insert_or_ignore


async def listed(session: AsyncSession, person_id: int, guild_id: int) -> list[tuple[int, bool]]:
    """List (id, whether it is a role) of those whom a person lists in a guild."""
    where = (ListedSender.person_id == person_id, ListedSender.guild_id == guild_id)
    found = await session.execute(select(ListedSender.subject_id, ListedSender.is_role).where(*where))
    return [(subject, is_role) for subject, is_role in found]


async def set_listed(
    session: AsyncSession, person_id: int, guild_id: int, subjects: Iterable[tuple[int, bool]]
) -> None:
    """Replace whom a person lists in a guild."""
    where = (ListedSender.person_id == person_id, ListedSender.guild_id == guild_id)
    await session.execute(delete(ListedSender).where(*where))
    whose = {"person_id": person_id, "guild_id": guild_id}
    values = [{**whose, "subject_id": subject, "is_role": is_role} for subject, is_role in subjects]
    if values:
        await session.execute(insert_or_ignore(session, ListedSender, values))


async def urgent(session: AsyncSession, person_id: int) -> set[int]:
    """Name those who reach a person in quiet hours too."""
    where = UrgentSender.person_id == person_id
    return set(await session.scalars(select(UrgentSender.granted_id).where(where)))


async def grant(session: AsyncSession, person_id: int, granted: Collection[int], at: datetime) -> None:
    """Let people reach a person in quiet hours too."""
    values = [{"person_id": person_id, "granted_id": each, "at": at} for each in granted]
    if values:
        await session.execute(insert_or_ignore(session, UrgentSender, values))


async def withdraw(session: AsyncSession, person_id: int, granted: Collection[int]) -> None:
    """Take that back."""
    theirs = (UrgentSender.person_id == person_id, UrgentSender.granted_id.in_(granted))
    await session.execute(delete(UrgentSender).where(*theirs))


async def introduce(session: AsyncSession, new: Collection[tuple[int, int, int]]) -> None:
    """Note, as (person, sender, text), with which text a sender first reached somebody."""
    if new:
        await _INTRODUCE.run(session, **await rows(session, new, "person", "sender", "text"))


def _introduce(dialect: str) -> Executable:
    new, table = given(dialect, person=int, sender=int, text=int), table_of(Introduction)
    insert = insert_in(dialect, table).from_select(list(table.c.keys()), select(new).where(true()))
    return insert.on_conflict_do_nothing()


_INTRODUCE = Prepared(_introduce)


async def forget_introductions(session: AsyncSession, text_ids: Collection[int]) -> None:
    """Forget introductions by texts that never went: the next text says how to stop."""
    wanted, bound = await given_ids(session, text_ids)
    table = table_of(Introduction)
    await session.execute(delete(table).where(table.c.text_id.in_(wanted)), bound)
