"""Delete what has served, so that nothing grows without bound."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import (
    answer_channels,
    bounces,
    carrier_tests,
    domain_requests,
    inbound,
    limits,
    notices,
    outbox,
    replies,
    signs,
    texts,
    verifications,
)
from bot.services.gateway_domains import KEEP_REQUESTS
from bot.services.standing import update_standings

KEEP_NOTICES = timedelta(days=7)
KEEP_PARKED = timedelta(days=30)
KEEP_TEXTS = timedelta(days=90)
LONGEST_LIMIT = timedelta(days=31)
# Nothing is put off for longer: what waits for a later time was put off by a clock that ran ahead.
LONGEST_PUT_OFF = timedelta(hours=1)
AT_ONCE = 500


async def clean(session: AsyncSession, now: datetime) -> None:
    """Delete what has served; end texts that nothing will move any more, and waits of a wrong clock."""
    await update_standings(session, await texts.stranded(session, AT_ONCE), now)
    await outbox.pull_back(session, now, LONGEST_PUT_OFF)
    await notices.pull_back(session, now, LONGEST_PUT_OFF)
    await texts.forget_answers(session, now)
    await notices.forget_told(session, now - KEEP_NOTICES)
    await notices.forget_parked(session, now - KEEP_PARKED)
    await verifications.forget_old(session, now)
    await limits.forget_old(session, now, LONGEST_LIMIT)
    await signs.forget_old(session, now)
    await domain_requests.forget_old(session, now - KEEP_REQUESTS)
    await replies.forget_old(session, held=now - KEEP_PARKED, rest=now - KEEP_TEXTS)
    await answer_channels.forget_old(session, now - KEEP_TEXTS)
    await bounces.forget_old(session, now)
    await carrier_tests.forget_old(session, now - KEEP_TEXTS)
    await inbound.forget_old(session, now - KEEP_TEXTS, AT_ONCE)
    await outbox.forget_old(session, now - KEEP_TEXTS, AT_ONCE)
    await texts.forget_old(session, now - KEEP_TEXTS, AT_ONCE)
