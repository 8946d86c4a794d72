"""Look up, in one statement for a whole batch, all that says whether people may text others."""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import Executable, String, and_, case, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import table_of
from bot.db.given import given, rows
from bot.db.people import Phone
from bot.db.prepared import Prepared, dialect_of
from bot.db.tables import Block, GuildBlock, Introduction, ListedSender, OptIn, Registration, UrgentSender
from bot.domain.consent import LISTED


class Reach(NamedTuple):
    """What says whether one person may text another in a guild."""

    phone: Phone | None
    audience: str | None
    blocked: bool
    barred: bool  # from sending anything in this guild
    introduced: bool  # a text of this sender has said how to stop
    urgent: bool  # reaches the recipient in quiet hours too
    listed: frozenset[int]


async def reaches(
    session: AsyncSession, asked: Collection[tuple[int, int, int]]
) -> dict[tuple[int, int, int], Reach]:
    """Look up all that counts for (recipient, guild, sender), whatever is found first."""
    found = await _REACHES.run(session, **await rows(session, asked, "recipient", "guild", "sender"))
    return {
        (recipient, guild, sender): Reach(
            Phone(*phone) if phone[0] is not None else None,
            audience,
            blocked is not None,
            barred is not None,
            known is not None,
            urgent is not None,
            frozenset(map(int, listed.split(","))) if listed else frozenset(),
        )
        for recipient, guild, sender, audience, blocked, barred, known, urgent, listed, *phone in found
    }


async def hold(session: AsyncSession, phones: Collection[int]) -> Collection[int]:
    """Let nobody remove these registrations (ids) before this transaction ends; name those still there."""
    if not phones or dialect_of(session).name == "sqlite":
        return phones  # whoever writes is alone there
    mine = select(Registration.id).where(Registration.id.in_(phones)).order_by(Registration.id)
    return set(await session.scalars(mine.with_for_update(read=True, key_share=True)))


def _reaches(dialect: str) -> Executable:
    asked = given(dialect, recipient=int, guild=int, sender=int)
    phone, opted, block = table_of(Registration), table_of(OptIn), table_of(Block)
    barred, known = table_of(GuildBlock), table_of(Introduction)
    here = and_(opted.c.person_id == asked.c.recipient, opted.c.guild_id == asked.c.guild)
    blocked = and_(block.c.person_id == asked.c.recipient, block.c.blocked_id == asked.c.sender)
    bars = and_(barred.c.guild_id == asked.c.guild, barred.c.person_id == asked.c.sender)
    knows = and_(known.c.person_id == asked.c.recipient, known.c.sender_id == asked.c.sender)
    joined = asked.outerjoin(phone, phone.c.person_id == asked.c.recipient).outerjoin(opted, here)
    joined = joined.outerjoin(block, blocked).outerjoin(barred, bars).outerjoin(known, knows)
    # Looked up only for those who have such a thing.
    urgent, listed = table_of(UrgentSender), table_of(ListedSender)
    granted = select(urgent.c.granted_id).where(
        urgent.c.person_id == asked.c.recipient, urgent.c.granted_id == asked.c.sender
    )
    subject = cast(listed.c.subject_id, String)
    joint = func.group_concat(subject) if dialect == "sqlite" else func.string_agg(subject, ",")
    theirs = select(joint).where(listed.c.person_id == asked.c.recipient, listed.c.guild_id == asked.c.guild)
    columns = [phone.c["number_sealed" if name == "sealed" else name] for name in Phone._fields]
    return select(
        *(asked.c.recipient, asked.c.guild, asked.c.sender, opted.c.audience),
        *(block.c.person_id, barred.c.person_id, known.c.text_id),
        case((phone.c.quiet_zone.is_not(None), granted.correlate(asked).scalar_subquery())),
        case((opted.c.audience == LISTED, theirs.correlate(asked).scalar_subquery())),
        *columns,
    ).select_from(joined)


_REACHES = Prepared(_reaches)
