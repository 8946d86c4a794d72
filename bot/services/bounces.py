"""Take a text that its carrier sent back for what it is, and suspend phones whose texts keep coming back."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import bounces, code_numbers, notices, people
from bot.db import limits as uses
from bot.db.bounces import Way
from bot.domain.inbound import Arrived, Bounce, Trust
from bot.domain.returned import HARD_HALVES, MOST_HALVES, RETURNED, SENT_BACK, judge
from bot.domain.words import CODE_FAILED
from bot.services.recording import CODE_NOTICE
from bot.services.signs import note
from bot.services.standing import cancel_waiting, note_returned

# A code lives for less.
ONE_A_CODE = ((1, timedelta(days=1)),)
# Anybody can write what looks like a bounce; only what went through a server of the phone's knows these.
_KNOWS_US = (Trust.ADDRESSED, Trust.MAIL_ID)


async def take(session: AsyncSession, arrived: Arrived, now: datetime) -> bool:
    """Move the text that came back and count why; False where nothing proves the bounce, or it is old news.

    Each text counts once, so the same bounce again and again does no harm.
    """
    belonging, reading = arrived.belonging, arrived.reading
    # Of what is still being tried nobody need hear: it arrives, or comes back for good.
    if belonging.trust not in _KNOWS_US or reading.bounce is Bounce.NONE or reading.delayed:
        return False
    if belonging.text_id is None:
        return await _code_came_back(session, belonging.code_index, now)
    if not await note_returned(session, belonging.text_id, reading.reason, now):
        return False
    way = await bounces.way_of(session, belonging.text_id)
    if way is None:
        return True
    verdict = judge(reading.bounce, reading.status, reading.reason)
    if verdict.sign is not None:
        await note(session, {way.domain: {verdict.sign: 1}}, now)
    if verdict.halves:
        await _hold_against(session, belonging.person_id, way, verdict.halves, now)
    return True


async def _code_came_back(session: AsyncSession, number_index: bytes | None, now: datetime) -> bool:
    """Tell whoever waits for a code that it will not come: once, however often that is said."""
    waiting = await code_numbers.asker(session, number_index, now) if number_index else None
    if waiting is None:
        return False
    person_id, code = waiting
    if await uses.use_exact(session, f"returned:{code}", ONE_A_CODE, now) is not None:
        return False
    await notices.add(session, person_id, CODE_NOTICE, now, words=CODE_FAILED)
    return True


async def _hold_against(session: AsyncSession, person_id: int, way: Way, halves: int, now: datetime) -> None:
    phone = await people.phone_of(session, person_id)
    # What came back may have gone to an earlier number, or through a gateway that an admin was testing.
    if phone is None or (phone.id, phone.version, phone.domain) != way or phone.state != people.ACTIVE:
        return
    worse, total = await bounces.score(session, phone.id, halves, now)
    if total >= MOST_HALVES:
        await people.move(session, person_id, [people.ACTIVE], people.RETURNED)
        await cancel_waiting(session, person_id, now)
        await notices.add(session, person_id, notices.PROVE_AGAIN, now, words=RETURNED)
    elif worse and halves == HARD_HALVES:
        await notices.add(session, person_id, notices.PROVE_AGAIN, now, words=SENT_BACK)
