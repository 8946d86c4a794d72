"""Count what gateways show, in the transaction that learned of it."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import carriers as entries
from bot.db import signs
from bot.db.leases import Leased
from bot.domain.outcome import Outcome, Reply
from bot.domain.signs import POSITIVE, Sign, sign_of


async def note(session: AsyncSession, seen: Mapping[str, Mapping[Sign, int]], now: datetime) -> None:
    """Count signs by the gateway's domain; a positive one ends a doubt.

    It is one statement whatever the number of signs, and one more where something positive was seen.
    """
    await signs.count(session, seen, now)
    alive = [domain for domain, counts in seen.items() if POSITIVE & counts.keys()]
    if alive and await signs.lift_doubts(session, alive):
        await entries.count_change(session)


async def note_results(
    session: AsyncSession, results: Iterable[tuple[Leased, Reply, Outcome]], now: datetime
) -> None:
    """Count codes that were handed over, and refusals, of attempts that just ended."""
    seen: dict[str, dict[Sign, int]] = {}
    for item, _, outcome in results:
        sign = sign_of(outcome, is_code=item.verification_id is not None)
        if sign is not None:
            counts = seen.setdefault(item.domain, {})
            counts[sign] = counts.get(sign, 0) + 1
    await note(session, seen, now)
