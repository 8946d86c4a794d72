"""Ask once more, as mails are claimed, whether they may still go, and build their addresses."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import carrier_tests, leases, notices, outbox, people, verifications
from bot.db.carrier_tests import Way
from bot.db.crypto import WrongKey
from bot.db.leases import Leased
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


class Sendable(NamedTuple):
    """One mail that may go. Neither address nor words show in a repr."""

    address: str
    words: str
    mail_id: str
    about: int  # the text, or minus the person where it is about no text

    def __repr__(self) -> str:
        """Leave address and words out."""
        return "Sendable()"


@dataclass(slots=True)
class Permitted:
    """What became of a batch: mails that may go, by item id, and why texts ended that may not, by text id."""

    ready: dict[int, Sendable] = field(default_factory=dict)
    ended: dict[int, str] = field(default_factory=dict)


async def permit(
    session: AsyncSession, items: Sequence[Leased], shelf: Shelf, owner: int, now: datetime
) -> Permitted:
    """Sort out which mails may go, and end the others (blocked, paused, evicted since).

    A mail that cannot be made ends alone: it never holds up the others.
    """
    known = await _look_up(session, items, now)
    done = Permitted()
    for item in items:
        if item.text_id in done.ended:
            # What went wrong with a part is the end of those behind it.
            await _end(session, item, owner, now, unbuilt=False)
            continue
        unbuilt = False
        try:
            address = known.address(item, shelf)
            if address is not None:
                words, about = outbox.words_of(session, item), item.text_id or -abs(item.queue)
                done.ready[item.id] = Sendable(address, words, item.mail_id, about)
                continue
        except (ValueError, WrongKey) as failed:
            # The kind only: the row is private.
            _log.error("outbox %d: no mail can be made of it (%s)", item.id, type(failed).__name__)
            unbuilt = True
        reason = await _end(session, item, owner, now, unbuilt=unbuilt)
        if item.text_id is not None:
            done.ended[item.text_id] = reason
    return done


@dataclass(frozen=True, slots=True)
class _Known:
    """What the store knows about a batch."""

    session: AsyncSession
    reaches: dict[tuple[int, int, int], people.Reach]
    codes: dict[int, Verification]
    tests: dict[int, Way]
    now: datetime

    def address(self, item: Leased, shelf: Shelf) -> str | None:
        """Build the address, or None where the mail may not go."""
        if item.verification_id is not None:
            return self._code_address(self.codes.get(item.verification_id), shelf)
        reach = self.reaches.get((item.queue, item.guild_id or 0, item.sender_id))
        phone = reach.phone if reach else None
        if item.text_id in self.tests:
            return self._test_address(item, phone, self.tests[item.text_id], shelf)
        if reach is None or phone is None or reach.blocked or reach.audience != EVERYONE:
            return None
        if (phone.id, phone.version) != (item.registration_id, item.registration_version):
            return None
        if phone.paused(self.now) or not shelf.takes(phone, self.now):
            return None
        number = Number(people.number_of(self.session, phone), phone.country)
        return recipient(number, Gateway(phone.domain, Form(phone.form), phone.prefix))

    def _test_address(self, item: Leased, phone: people.Phone | None, way: Way, shelf: Shelf) -> str | None:
        """Build the address of an admin's test of a gateway: to their own proven phone, and no other."""
        if phone is None or phone.person_id != item.sender_id or phone.state != people.ACTIVE:
            return None
        if (phone.id, phone.version) != (item.registration_id, item.registration_version):
            return None
        if phone.paused(self.now) or way.domain not in shelf.domains:
            return None
        number = Number(people.number_of(self.session, phone), phone.country)
        return recipient(number, Gateway(way.domain, Form(way.form), way.prefix))

    def _code_address(self, waiting: Verification | None, shelf: Shelf) -> str | None:
        if waiting is None or waiting.domain not in shelf.domains:
            return None
        number = Number(vault_of(self.session).open(waiting.number_sealed), waiting.country)
        return recipient(number, Gateway(waiting.domain, Form(waiting.form), waiting.prefix))


async def _look_up(session: AsyncSession, items: Sequence[Leased], now: datetime) -> _Known:
    code_ids = {item.verification_id for item in items if item.verification_id}
    codes = await verifications.live_by_id(session, code_ids, now) if code_ids else {}
    asked = {(item.queue, item.guild_id or 0, item.sender_id) for item in items if item.text_id is not None}
    # Only a test goes from somebody to themselves.
    own = {item.text_id for item in items if item.text_id is not None and item.queue == item.sender_id}
    tests = await carrier_tests.ways(session, own) if own else {}
    return _Known(session, await people.reaches(session, asked) if asked else {}, codes, tests, now)


async def _end(session: AsyncSession, item: Leased, owner: int, now: datetime, *, unbuilt: bool) -> str:
    """End a mail that may not go, and what waits behind it; returns the reason to show the sender."""
    if item.unsure:
        state, reason = Item.UNSURE, UNSURE
    else:
        state, reason = (Item.REFUSED, UNBUILT) if unbuilt else (Item.CANCELLED, "")
    await leases.finish(session, owner, [item.id], state)
    if item.text_id is not None:
        await outbox.end_waiting(session, Item.CANCELLED, text_id=item.text_id)
    elif unbuilt:
        words = CODE_UNSURE if item.unsure else CODE_UNBUILT
        await notices.add(session, item.sender_id, CODE_NOTICE, now, words=words)
    return reason
