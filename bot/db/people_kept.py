"""Count, read out and erase whatever the store holds of one person."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import delete, func, null, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import Base, table_of
from bot.db.crypto import WrongKey
from bot.db.paging import next_rows
from bot.db.person_tables import ABOUT_PEOPLE, NEVER_GIVEN, NOBODY, PERSON_COLUMNS, End, Held
from bot.db.store import vault_of
from bot.db.tables import Audit, CodeUse, Consent, Lane, Notice, Usage

_SOMEBODY = "somebody"
AT_ONCE = 2_000
# Else the session first reads the key of every row that a statement will change.
_QUICK = {"synchronize_session": False}
_SEALED, _LARGEST_EXACT = "_sealed", 2**53  # what reads a larger number from JSON may round it


class Kept(NamedTuple):
    """What there is of one kind."""

    called: str
    how_many: int
    since: datetime | None


def _names(session: AsyncSession, held: Held, person_id: int) -> tuple[int, ...]:
    if held.end is End.PSEUDONYM:
        return person_id, vault_of(session).pseudonym(person_id)
    return (person_id,)


async def kept_of(session: AsyncSession, person_id: int) -> list[Kept]:
    """Count what there is of a person, kind by kind."""
    found = []
    for held in PERSON_COLUMNS:
        if held.given:
            oldest = func.min(held.at) if held.at is not None else null()
            counted = select(func.count(), oldest).select_from(held.table)
            which = held.of(*_names(session, held, person_id))
            found.append(Kept(held.called, *(await session.execute(counted.where(which))).one()))
    counters = sum([len(rows) for _, rows in await _counters(session, person_id)])
    return [*found, Kept("counters that hold limits", counters, None)]


async def rows_of(session: AsyncSession, person_id: int) -> dict[str, list[dict[str, Any]]]:
    """Read everything a person may have, opened, by kind: what they are called to the rows themselves."""
    found: dict[str, list[dict[str, Any]]] = {}
    for held in PERSON_COLUMNS:
        if held.given:
            found[held.called] = await _all_rows(session, held, person_id)
    for table_class, counters in await _counters(session, person_id):
        named = f"counters that hold limits ({table_class.__tablename__})"
        found[named] = [_readable(session, table_class, row) for row in counters]
    return found


async def _all_rows(session: AsyncSession, held: Held, person_id: int) -> list[dict[str, Any]]:
    """Read rows some at a time: others get the loop between two of them."""
    table, which = table_of(held.table), held.of(*_names(session, held, person_id))
    columns, after, found, more = list(table.columns), None, [], True
    while more:
        rows, after = await next_rows(session, table, columns, after, AT_ONCE, which)
        names = [column.name for column in columns]
        found += [
            _readable(session, held.table, dict(zip(names, row[-len(names) :], strict=True))) for row in rows
        ]
        more = after is not None
    return found


async def ledger_of(session: AsyncSession, person_id: int) -> list[dict[str, Any]]:
    """Read what a person agreed to and took back, oldest first; also what stayed when they were erased."""
    (held,) = [held for held in PERSON_COLUMNS if held.column is Consent.person_id]
    return await _all_rows(session, held, person_id)


async def _counters(session: AsyncSession, person_id: int) -> list[tuple[type[Base], list[Any]]]:
    """Read the counters of what a person does, and of what comes to them; not of who tried to text them."""
    own = or_(
        Usage.key.in_([f"sender:{person_id}", f"recipient:{person_id}", f"reports:{person_id}"]),
        Usage.key.like(f"pair:{person_id}:%"),
        Usage.key.like(f"report:{person_id}:%"),
    )
    uses = await session.execute(select(table_of(Usage)).where(own).order_by(Usage.key))
    codes = await session.execute(select(table_of(CodeUse)).where(CodeUse.key == f"person:{person_id}"))
    return [(Usage, list(uses.mappings())), (CodeUse, list(codes.mappings()))]


def _readable(session: AsyncSession, table: type[Base], row: Any) -> dict[str, Any]:
    return dict(_cells(session, table, row))


def _cells(session: AsyncSession, table: type[Base], row: Any) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if (table.__tablename__, name) in NEVER_GIVEN:
            continue
        if isinstance(value, bytes):
            yield name.removesuffix(_SEALED), _opened(session, value)
        elif isinstance(value, datetime):
            yield name, value.isoformat()
        else:
            is_long = isinstance(value, int) and abs(value) > _LARGEST_EXACT
            yield name, str(value) if is_long else value


def _opened(session: AsyncSession, sealed: bytes) -> str:
    try:
        return vault_of(session).open(sealed)
    except WrongKey:
        return "(sealed under a key that is gone)"


async def erase(session: AsyncSession, person_id: int) -> None:
    """Delete a person's rows, and take their name from those that stay."""
    pseudonym = vault_of(session).pseudonym(person_id)
    for held in PERSON_COLUMNS:
        which = held.of(person_id)
        if held.end is End.GO:
            await session.execute(delete(held.table).where(which), execution_options=_QUICK)
        elif held.end is not End.STAY:
            name = NOBODY if held.end is End.NOBODY else pseudonym
            changed = update(held.table).where(which).values({held.column: name})
            await session.execute(changed, execution_options=_QUICK)
    await _unmention(session, person_id)
    # What admins did about them stays proof, like what they did themselves.
    about = update(Audit).where(Audit.subject == str(person_id), Audit.action.in_(ABOUT_PEOPLE))
    await session.execute(about.values(subject=str(pseudonym)), execution_options=_QUICK)


async def _unmention(session: AsyncSession, person_id: int) -> None:
    """Take a person's name out of what is written to others, and of what gateways refused."""
    mention = f"<@{person_id}>"
    words = func.replace(Notice.words, mention, _SOMEBODY)
    await session.execute(update(Notice).where(Notice.words.contains(mention)).values(words=words))
    queues = [str(person_id), f"-{person_id}"]
    named = select(Lane.domain, Lane.refused).where(or_(*(Lane.refused.contains(queue) for queue in queues)))
    for domain, refused in (await session.execute(named.with_for_update())).all():
        kept = " ".join(queue for queue in refused.split() if queue not in queues)
        await session.execute(update(Lane).where(Lane.domain == domain).values(refused=kept))
