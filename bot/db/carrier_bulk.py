"""Write many changes of the catalogue in one transaction, in a few statements."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Executable,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import table_of
from bot.db.given import given, rows
from bot.db.people import ACTIVE, UNPROVEN
from bot.db.prepared import dialect_of
from bot.db.tables import Audit, CarrierEntry, GatewayDomain, Registration, Verification
from bot.db.upsert import insert_for

# So many rows a statement: others get the processor between two of them.
_AT_ONCE = 500
# Empty in a change means: as it is.
_KEPT = ("name", "country", "domain", "form", "mms_domain", "status", "status_date")
_GIVEN = {"slug": str, "domain": str, "form": str, "gone": int}
_GUILD = bindparam("guild", type_=BigInteger())
R = TypeVar("R")


async def put_entries(
    session: AsyncSession, changes: Sequence[Mapping[str, Any]], actor_id: int, at: datetime
) -> None:
    """Write changes and own entries: each has its key, `enabled`, `removed`, and what else it sets."""
    insertion = insert_for(session, CarrierEntry)
    now, new = CarrierEntry, insertion.excluded
    kept: dict[str, Any] = {name: func.coalesce(new[name], getattr(now, name)) for name in _KEPT}
    # Whoever sets a status has taken note of what the look-ups found.
    demoted = case((new.status.is_(None), now.demoted), else_=new.demoted)
    plain = {name: new[name] for name in ("enabled", "removed", "changed_by", "changed_at")}
    statement = insertion.on_conflict_do_update(
        index_elements=["guild_id", "slug"], set_={**kept, **plain, "demoted": demoted}
    )
    empty = dict.fromkeys((*_KEPT, "demoted"))
    for some in _in_parts(changes):
        written = [{**empty, **change, "changed_by": actor_id, "changed_at": at} for change in some]
        await session.execute(statement, written)


async def drop_entries(session: AsyncSession, guild_id: int, slugs: Sequence[str]) -> None:
    """Delete own entries of a guild."""
    for some in _in_parts(slugs):
        where = (CarrierEntry.guild_id == guild_id, CarrierEntry.slug.in_(some))
        await session.execute(delete(CarrierEntry).where(*where))


async def add_domains(session: AsyncSession, domains: Sequence[str], editor_id: int, at: datetime) -> None:
    """Put domains on the operator's list."""
    statement = insert_for(session, GatewayDomain).on_conflict_do_nothing()
    for some in _in_parts(domains):
        await session.execute(
            statement, [{"domain": domain, "added_by": editor_id, "at": at} for domain in some]
        )


async def audit_all(
    session: AsyncSession,
    guild_id: int,
    actor_id: int,
    done: Iterable[tuple[str, str, str, str]],
    at: datetime,
) -> None:
    """Write down who changed what, given as (action, subject, before, after); the last two are JSON."""
    common = {"guild_id": guild_id, "actor_id": actor_id, "at": at}
    for some in _in_parts(list(done)):
        lines = [
            {**common, "action": action, "subject": subject, "before": before, "after": after}
            for action, subject, before, after in some
        ]
        await session.execute(insert(table_of(Audit)), lines)


async def unprove_all(
    session: AsyncSession, guild_id: int, changed: Sequence[tuple[str, str, str, int]]
) -> list[int]:
    """Take the proof from everybody on entries given as (slug, domain, form, gone).

    Where the entry is not gone it is those who proved another domain or form; empty means any. Codes that
    wait to be typed are dead too. Returns whom it hit.
    """
    dialect = dialect_of(session).name
    hit: set[int] = set()
    for some in _in_parts(changed):
        bound = {**await rows(session, some, *_GIVEN), "guild": guild_id}
        for statement in _unproving(dialect):
            hit.update((await session.execute(statement, bound)).scalars())
    return sorted(hit)


@cache
def _unproving(dialect: str) -> tuple[Executable, Executable]:
    def on_them(table: type[Registration] | type[Verification]) -> "Select[int]":
        asked = given(dialect, **_GIVEN)
        other = or_(
            asked.c.gone == 1,
            and_(asked.c.domain != "", asked.c.domain != table.domain),
            and_(asked.c.form != "", asked.c.form != table.form),
        )
        joined = and_(table.carrier == asked.c.slug, other)
        return select(table.id).join(asked, joined).where(table.carrier_guild == _GUILD)

    values = {"state": UNPROVEN, "version": Registration.version + 1}
    proven = update(Registration).where(
        Registration.id.in_(on_them(Registration)), Registration.state == ACTIVE
    )
    waiting = delete(Verification).where(Verification.id.in_(on_them(Verification)))
    quick = {"synchronize_session": False}
    return (
        proven.values(values).returning(Registration.person_id).execution_options(**quick),
        waiting.returning(Verification.person_id).execution_options(**quick),
    )


def _in_parts(whole: Sequence[R]) -> Iterator[Sequence[R]]:
    for start in range(0, len(whole), _AT_ONCE):
        yield whole[start : start + _AT_ONCE]
