"""Answer a phone itself, by a mail of our own: at most once a day, and never a machine."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import enqueue, people
from bot.db import limits as uses
from bot.domain import stopping
from bot.domain.inbound import Arrived
from bot.services.drafts import MAIL_ID_BYTES
from bot.services.shelf import Shelf

ONE_A_DAY = ((1, timedelta(days=1)),)
# Later than that nobody remembers having asked.
LIFE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the handling of arrivals needs to know: the catalogue, and whom phones may turn to."""

    shelf: Shelf
    contact: str | None


async def help_phone(session: AsyncSession, arrived: Arrived, rules: Rules, now: datetime) -> bool:
    """Answer HELP; False where nothing proves who asks, or the phone was answered today."""
    phone = await people.phone_of(session, arrived.belonging.person_id)
    if phone is None or not arrived.belonging.of_this_phone:
        return False
    return await answer_phone(session, arrived, phone, stopping.help_words(rules.contact), rules, now)


async def answer_phone(
    session: AsyncSession, arrived: Arrived, phone: people.Phone, words: str, rules: Rules, now: datetime
) -> bool:
    """Send a phone some words of ours, to its registered address alone; False where it may have none now."""
    envelope = arrived.envelope
    by_machine = envelope.null_sender or envelope.machine_made or bool(envelope.auto_submitted)
    if by_machine or phone.domain not in rules.shelf.domains:
        return False
    key = f"answer:{people.index_of(session, phone).hex()}"
    if await uses.use_exact(session, key, ONE_A_DAY, now) is not None:
        return False
    item = enqueue.NewItem(
        queue=-phone.person_id,
        priority=enqueue.CODE_PRIORITY,
        registration_id=phone.id,
        registration_version=phone.version,
        sender_id=phone.person_id,
        guild_id=None,
        domain=phone.domain,
        part=1,
        words=words,
        mail_id=secrets.token_hex(MAIL_ID_BYTES),
        due_at=now,
        expires_at=now + LIFE,
    )
    await enqueue.add(session, [item])
    return True
