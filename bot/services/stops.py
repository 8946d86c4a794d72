"""Obey STOP and START from a phone: surely the phone's, they count for good; else they pause it and ask."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import notices, outbox, people, suppressions, verifications
from bot.db.people import ACTIVE, HALTED, STOPPED
from bot.domain import stopping
from bot.domain.consent import WORDING_VERSION
from bot.domain.inbound import Arrived, Trust
from bot.domain.states import Item
from bot.services.phone_mail import Rules, answer_phone
from bot.services.standing import cancel_waiting

STOP_NOTICE = "stop"


async def stop(session: AsyncSession, arrived: Arrived, rules: Rules, now: datetime) -> bool:
    """Let no more texts go to a phone that said STOP; False where nothing was to be done."""
    phone = await people.phone_of(session, arrived.belonging.person_id)
    if arrived.belonging.trust is Trust.UNPROVEN:
        return phone is not None and await _halt(session, phone, now)
    own = people.index_of(session, phone) if phone else None
    # What answers a code comes from the phone which that code went to, whoever asked for it.
    index = arrived.belonging.code_index or (None if arrived.belonging.earlier else own)
    if index is None:
        return phone is not None and await _halt(session, phone, now)
    is_new = await suppressions.since(session, index) is None
    await suppressions.add(session, index, now)
    waiting = await verifications.end_number(session, index)
    if waiting is not None:
        await outbox.end_waiting(session, Item.CANCELLED, queue=-waiting)
    if phone is None or index != own:
        return True
    # Whoever waits to be proved again stays so; the STOP counts all the same.
    if await people.move(session, phone.person_id, [ACTIVE, HALTED], STOPPED) or is_new:
        await _note_stopped(session, phone.person_id, now)
    await answer_phone(session, arrived, phone, stopping.STOP_WORDS, rules, now)
    return True


async def _note_stopped(session: AsyncSession, person_id: int, now: datetime) -> None:
    await cancel_waiting(session, person_id, now)
    await people.add_consent(session, person_id, "stop", WORDING_VERSION, None, now)
    words = stopping.stopped_words(now + stopping.CODE_AFTER)
    await notices.add(session, person_id, STOP_NOTICE, now, words=words)


async def _halt(session: AsyncSession, phone: people.Phone, now: datetime) -> bool:
    """Pause a phone until its owner says that the STOP was not theirs."""
    if not await people.move(session, phone.person_id, [ACTIVE], HALTED):
        return False
    await cancel_waiting(session, phone.person_id, now)
    await notices.add(session, phone.person_id, STOP_NOTICE, now, words=stopping.HALTED)
    return True


async def start(session: AsyncSession, arrived: Arrived, now: datetime) -> bool:
    """Take a STOP back that a phone said; False where nothing proves that it did, or there was none."""
    phone = await people.phone_of(session, arrived.belonging.person_id)
    if phone is None or not arrived.belonging.of_this_phone:
        return False
    own = people.index_of(session, phone)
    if (arrived.belonging.code_index or own) != own:
        return False
    lifted = await suppressions.lift(session, own)
    moved = await people.move(session, phone.person_id, [STOPPED, HALTED], ACTIVE)
    if not (lifted or moved):
        return False
    await people.add_consent(session, phone.person_id, "start", WORDING_VERSION, None, now)
    await notices.add(session, phone.person_id, STOP_NOTICE, now, words=stopping.STARTED)
    return True
