"""Remember which way the text of a /carrier test takes."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.tables import CarrierTest


@dataclass(frozen=True, slots=True)
class Way:
    """A gateway and how it wants the number."""

    domain: str
    form: str
    prefix: str


async def add(session: AsyncSession, text_id: int, way: Way, at: datetime) -> None:
    """Keep the way of a text."""
    row = CarrierTest(text_id=text_id, domain=way.domain, form=way.form, prefix=way.prefix, at=at)
    session.add(row)
    await session.flush()


async def ways(session: AsyncSession, text_ids: Collection[int]) -> dict[int, Way]:
    """Find the ways of texts."""
    columns = (CarrierTest.text_id, CarrierTest.domain, CarrierTest.form, CarrierTest.prefix)
    found = await session.execute(select(*columns).where(CarrierTest.text_id.in_(text_ids)))
    return {text_id: Way(*way) for text_id, *way in found}


async def forget_old(session: AsyncSession, before: datetime) -> None:
    """Delete the ways of texts of long ago."""
    await session.execute(delete(CarrierTest).where(CarrierTest.at < before))
