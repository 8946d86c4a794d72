"""Obey STOP and START from a phone: surely the phone's, they count for good; else they pause it and ask."""

from contextlib import suppress
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import notices, outbox, people, suppressions, verifications
from bot.db.people import ACTIVE, HALTED, STOPPED
from bot.db.store import vault_of
from bot.domain import stopping
from bot.domain.consent import WORDING_VERSION
from bot.domain.errors import UserError
from bot.domain.inbound import Arrived, Trust
from bot.domain.phone import parse_number
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
    index = await _who_said_it(session, arrived, own, rules)
    halted = phone is not None and arrived.belonging.earlier and await _halt(session, phone, now)
    if index is None:
        return halted
    await suppressions.add(session, index, now)
    waiting = await verifications.end_number(session, index)
    if waiting is not None:
        await outbox.end_waiting(session, Item.CANCELLED, queue=-waiting)
    if phone is None or index != own:
        return True
    if await people.move(session, phone.person_id, [ACTIVE, HALTED], STOPPED):
        await cancel_waiting(session, phone.person_id, now)
        await people.add_consent(session, phone.person_id, "stop", WORDING_VERSION, None, now)
        words = stopping.stopped_words(now + stopping.CODE_AFTER)
        await notices.add(session, phone.person_id, STOP_NOTICE, now, words=words)
    await answer_phone(session, arrived, phone, stopping.STOP_WORDS, rules, now)
    return True


async def _halt(session: AsyncSession, phone: people.Phone, now: datetime) -> bool:
    """Pause a phone until its owner says that the STOP was not theirs."""
    if not await people.move(session, phone.person_id, [ACTIVE], HALTED):
        return False
    await cancel_waiting(session, phone.person_id, now)
    await notices.add(session, phone.person_id, STOP_NOTICE, now, words=stopping.HALTED)
    return True


async def _who_said_it(
    session: AsyncSession, arrived: Arrived, own: bytes | None, rules: Rules
) -> bytes | None:
    """Find the number that said STOP: a registered one, one that a code went to, or one that is neither."""
    belonging = arrived.belonging
    if belonging.text_id is not None and own is not None and not belonging.earlier:
        return own
    # It may answer a code, which need not have gone to the registered number: what the mail shows counts, so
    # that whoever never registered can end the codes.
    shown = _index_shown(session, arrived, rules)
    if belonging.earlier:
        return shown
    return shown or await verifications.number_asked(session, belonging.person_id) or own


def _index_shown(session: AsyncSession, arrived: Arrived, rules: Rules) -> bytes | None:
    """Index the number that the mail shows, as its gateway's country writes it, else with a country code."""
    shown, domain = arrived.reading.number, arrived.envelope.author.rpartition("@")[2]
    there = [carrier.country for carrier in rules.shelf.at_domain(domain) if carrier.country]
    for written in (shown, f"+{shown}"):
        for country in dict.fromkeys([*there, rules.shelf.home]):
            with suppress(UserError):
                return vault_of(session).number_index(parse_number(written, country, anywhere=True).e164)
    return None


async def start(session: AsyncSession, arrived: Arrived, rules: Rules, now: datetime) -> bool:
    """Take a STOP back that a phone said; False where nothing proves that it did, or there was none."""
    phone = await people.phone_of(session, arrived.belonging.person_id)
    if phone is None or not arrived.belonging.of_this_phone:
        return False
    own = people.index_of(session, phone)
    # An answer to a code comes from wherever that code went.
    if arrived.belonging.text_id is None and await _who_said_it(session, arrived, own, rules) != own:
        return False
    lifted = await suppressions.lift(session, own)
    moved = await people.move(session, phone.person_id, [STOPPED, HALTED], ACTIVE)
    if not (lifted or moved):
        return False
    await people.add_consent(session, phone.person_id, "start", WORDING_VERSION, None, now)
    await notices.add(session, phone.person_id, STOP_NOTICE, now, words=stopping.STARTED)
    return True
