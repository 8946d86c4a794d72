"""Remember small facts about the deployment by name."""

from sqlalchemy import BigInteger, bindparam, cast, delete, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import String

from bot.db.base import table_of
from bot.db.prepared import Prepared
from bot.db.tables import Mark
from bot.db.upsert import insert_for, insert_or_replace

# Marks that count changes, so that every process takes them over.
CATALOGUE, POLICIES = "catalogue", "policies"
_MARKS = table_of(Mark)
_MARK = Prepared(lambda _: select(_MARKS.c.value).where(_MARKS.c.name == bindparam("name")))

_COUNTED = Prepared(
    lambda _: select(_MARKS.c.name, _MARKS.c.value).where(
        _MARKS.c.name.in_([literal_column("'catalogue'"), literal_column("'policies'")])
    )
)


async def counted(session: AsyncSession) -> dict[str, str]:
    """Read the marks that count changes; those of what never changed are missing."""
    return {str(name): str(value) for name, value in await _COUNTED.run(session)}


async def mark(session: AsyncSession, name: str) -> str | None:
    """Read a mark."""
    found = await _MARK.run(session, name=name)
    return str(found[0][0]) if found else None


async def set_mark(session: AsyncSession, name: str, value: str) -> None:
    """Write a mark."""
    await session.execute(insert_or_replace(session, Mark, {"name": name, "value": value}, ("name",)))


async def lock(session: AsyncSession, name: str, value: str) -> None:
    """Hold a mark until the transaction ends, made with this value where it is missing."""
    insert = insert_for(session, Mark).values(name=name, value=value)
    await session.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"name": name}))


async def names(session: AsyncSession, prefix: str) -> list[str]:
    """List the marks whose name begins so."""
    named = Mark.name.startswith(prefix, autoescape=True)
    return list(await session.scalars(select(Mark.name).where(named).order_by(Mark.name)))


async def drop_mark(session: AsyncSession, name: str) -> None:
    """Forget a mark."""
    await session.execute(delete(Mark).where(Mark.name == name))


async def count_up(session: AsyncSession, name: str) -> None:
    """Add one to a mark that counts, in one statement."""
    insert = insert_for(session, Mark).values(name=name, value="1")
    more = cast(cast(Mark.value, BigInteger) + 1, String)
    await session.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"value": more}))
