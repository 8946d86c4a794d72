"""Ask once more, as a mail is claimed, whether it may still go, and build its address."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import notices, outbox, people, verifications
from bot.db.crypto import WrongKey
from bot.db.outbox import Leased
from bot.db.store import vault_of
from bot.db.tables import Verification
from bot.domain.address import recipient
from bot.domain.catalogue import Form, Gateway
from bot.domain.consent import EVERYONE
from bot.domain.phone import Number
from bot.domain.states import Item
from bot.domain.words import CODE_UNBUILT, CODE_UNSURE, UNBUILT, UNSURE
from bot.services.recording import CODE_NOTICE
from bot.services.shelf import Shelf

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sendable:
    """One mail that may go. Neither address nor words show in a repr."""

    address: str
    words: str
    mail_id: str

    def __repr__(self) -> str:
        """Leave address and words out."""
        return "Sendable()"


async def permit(
    session: AsyncSession, items: Sequence[Leased], shelf: Shelf, owner: int, now: datetime
) -> tuple[dict[int, Sendable], dict[int, str]]:
    """Return what may go, by item id, and why texts end that may not (blocked, paused, evicted since), by id.

    An item that no mail can be made of ends alone: it never holds up the others.
    """
    phones = await people.phones_by_id(session, {i.registration_id for i in items if i.registration_id})
    codes = await verifications.live_by_id(
        session, {i.verification_id for i in items if i.verification_id}, now
    )
    ready: dict[int, Sendable] = {}
    ended: dict[int, str] = {}
    for item in items:
        unbuilt = False
        try:
            if item.verification_id is not None:
                address = _code_address(session, codes.get(item.verification_id), shelf)
            else:
                phone = phones.get(item.registration_id or 0)
                address = await _chat_address(session, item, phone, shelf, now)
            if address is not None:
                ready[item.id] = Sendable(address, outbox.words_of(session, item), item.mail_id)
                continue
        except (ValueError, WrongKey) as failed:
            # The kind only: the row is private.
            _log.error("outbox %d: no mail can be made of it (%s)", item.id, type(failed).__name__)
            unbuilt = True
        reason = await _end(session, item, owner, now, unbuilt=unbuilt)
        if item.text_id is not None:
            ended[item.text_id] = reason
    return ready, ended


async def _end(session: AsyncSession, item: Leased, owner: int, now: datetime, *, unbuilt: bool) -> str:
    """End an item that may not go, and what waits behind it; returns the reason to show the sender."""
    if item.ambiguous:
        state, reason = Item.UNSURE, UNSURE
    else:
        state, reason = (Item.REFUSED, UNBUILT) if unbuilt else (Item.CANCELLED, "")
    await outbox.finish(session, owner, item.id, state)
    if item.text_id is not None:
        await outbox.end_waiting(session, Item.CANCELLED, text_id=item.text_id)
    elif unbuilt:
        words = CODE_UNSURE if item.ambiguous else CODE_UNBUILT
        await notices.add(session, item.sender_id, CODE_NOTICE, now, words=words)
    return reason


async def _chat_address(
    session: AsyncSession, item: Leased, phone: people.Phone | None, shelf: Shelf, now: datetime
) -> str | None:
    if phone is None or phone.version != item.registration_version or phone.paused(now):
        return None
    if not shelf.takes(phone, now) or await people.is_blocked(session, phone.person_id, item.sender_id):
        return None
    if item.guild_id is None or await people.audience(session, phone.person_id, item.guild_id) != EVERYONE:
        return None
    number = Number(people.number_of(session, phone), phone.country)
    return recipient(number, Gateway(phone.domain, Form(phone.form), phone.prefix))


def _code_address(session: AsyncSession, waiting: Verification | None, shelf: Shelf) -> str | None:
    if waiting is None or waiting.domain not in shelf.domains:
        return None
    number = Number(vault_of(session).open(waiting.number_sealed), waiting.country)
    return recipient(number, Gateway(waiting.domain, Form(waiting.form), waiting.prefix))
