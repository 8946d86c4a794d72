"""Ask once more, as mails are claimed, whether they may still go, and build their addresses."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import carrier_tests, held, leases, notices, outbox, people, reach, verifications
from bot.db.carrier_tests import Way
from bot.db.crypto import WrongKey
from bot.db.leases import Leased
from bot.db.store import vault_of
from bot.db.tables import Verification
from bot.domain.address import recipient
from bot.domain.catalogue import Form, Gateway
from bot.domain.permission import Kind, Sender, Verdict, judge
from bot.domain.phone import Number
from bot.domain.states import Item, held_reason
from bot.domain.words import CODE_UNBUILT, CODE_UNSURE, STOPPED_HERE, UNBUILT, UNSURE
from bot.services.door import door_of
from bot.services.recording import CODE_NOTICE
from bot.services.shelf import Shelf

_log = logging.getLogger(__name__)


class Sendable(NamedTuple):
    """One mail that may go. Neither address nor words show in a repr."""

    address: str
    words: str
    mail_id: str
    about: int  # the text; minus the code's id; for our own words to a phone minus the person

    def __repr__(self) -> str:
        """Leave address and words out."""
        return "Sendable()"


@dataclass(slots=True)
class Permitted:
    """What became of a batch: mails that may go, by item id; texts that ended, or wait, by text id."""

    ready: dict[int, Sendable] = field(default_factory=dict)
    ended: dict[int, str] = field(default_factory=dict)
    held: dict[int, datetime] = field(default_factory=dict)

    @property
    def reasons(self) -> dict[int, str]:
        """Return what is kept with texts that do not go now."""
        return self.ended | {text_id: held_reason(until) for text_id, until in self.held.items()}


async def permit(
    session: AsyncSession, items: Sequence[Leased], shelf: Shelf, owner: int, now: datetime
) -> Permitted:
    """Sort out which mails may go, and end the others (blocked, paused, evicted since).

    A mail that cannot be made ends alone: it never holds up the others.
    """
    known = await _look_up(session, items, shelf, now)
    done = Permitted()
    for item in items:
        if item.text_id in done.held:
            continue
        if item.text_id in done.ended:
            # What went wrong with a part is the end of those behind it.
            await _end(session, item, owner, now, Item.CANCELLED, "")
            continue
        verdict, state = known.verdict(item), Item.CANCELLED
        if verdict.until is not None and item.text_id is not None:
            done.held[item.text_id] = verdict.until
            continue
        try:
            address = known.address(item) if verdict.kind is Kind.YES else None
            if address is not None:
                words, about = outbox.words_of(session, item), _about(item)
                done.ready[item.id] = Sendable(address, words, item.mail_id, about)
                continue
        except (ValueError, WrongKey) as failed:
            # The kind only: the row is private.
            _log.error("outbox %d: no mail can be made of it (%s)", item.id, type(failed).__name__)
            state = Item.REFUSED
        why = UNBUILT if state is Item.REFUSED else STOPPED_HERE if verdict.kind is Kind.HERE else ""
        reason = await _end(session, item, owner, now, state, why)
        if item.text_id is not None:
            done.ended[item.text_id] = reason
    await _hold(session, owner, done.held, now)
    return done


def _about(item: Leased) -> int:
    """Say what an answer to a mail would be about."""
    return item.text_id or -(item.verification_id or abs(item.queue))


async def _hold(session: AsyncSession, owner: int, texts: Mapping[int, datetime], now: datetime) -> None:
    """Hold texts until quiet hours end, all that end alike in one statement."""
    for until in set(texts.values()):
        alike = [text_id for text_id, ends in texts.items() if ends == until]
        await held.hold(session, owner, alike, until, now)


_YES = Verdict(Kind.YES)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the store knows about a batch."""

    session: AsyncSession
    reaches: dict[tuple[int, int, int], reach.Reach]
    codes: dict[int, Verification]
    tests: dict[int, Way]
    answered: dict[int, people.Phone]
    shelf: Shelf
    now: datetime

    def _reach(self, item: Leased) -> reach.Reach | None:
        return self.reaches.get((item.queue, item.guild_id or 0, item.sender_id))

    def verdict(self, item: Leased) -> Verdict:
        """Say whether its sender may text its recipient now; codes and the bot's own words ask for less."""
        there = self._reach(item)
        if item.text_id is None or item.text_id in self.tests or there is None:
            return _YES
        door = door_of(there, self.shelf, self.now)
        policy = self.shelf.policies.of(item.guild_id or 0)
        return judge(policy, Sender(item.sender_id), door, item.let_in_by, self.now)

    def address(self, item: Leased) -> str | None:
        """Build the address, or None where the mail may not go."""
        if item.verification_id is not None:
            return self._code_address(self.codes.get(item.verification_id), self.shelf)
        if item.text_id is None:
            return self._own_address(item, self.shelf)
        there = self._reach(item)
        phone = there.phone if there else None
        if item.text_id in self.tests:
            return self._test_address(item, phone, self.tests[item.text_id], self.shelf)
        if phone is None or (phone.id, phone.version) != (item.registration_id, item.registration_version):
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

    def _own_address(self, item: Leased, shelf: Shelf) -> str | None:
        """Build the address for what the bot answers a phone itself, which may just have said STOP."""
        phone = self.answered.get(item.registration_id or 0)
        if phone is None or phone.version != item.registration_version or phone.domain not in shelf.domains:
            return None
        number = Number(people.number_of(self.session, phone), phone.country)
        return recipient(number, Gateway(phone.domain, Form(phone.form), phone.prefix))

    def _code_address(self, waiting: Verification | None, shelf: Shelf) -> str | None:
        if waiting is None or waiting.domain not in shelf.domains:
            return None
        number = Number(vault_of(self.session).open(waiting.number_sealed), waiting.country)
        return recipient(number, Gateway(waiting.domain, Form(waiting.form), waiting.prefix))


async def _look_up(session: AsyncSession, items: Sequence[Leased], shelf: Shelf, now: datetime) -> _Known:
    code_ids = {item.verification_id for item in items if item.verification_id}
    codes = await verifications.live_by_id(session, code_ids, now) if code_ids else {}
    asked = {(item.queue, item.guild_id or 0, item.sender_id) for item in items if item.text_id is not None}
    # Only a test goes from somebody to themselves.
    own = {item.text_id for item in items if item.text_id is not None and item.queue == item.sender_id}
    tests = await carrier_tests.ways(session, own) if own else {}
    ours = {
        item.registration_id
        for item in items
        if item.text_id is None and item.verification_id is None and item.registration_id is not None
    }
    answered = await people.phones(session, ours) if ours else {}
    reaches = await reach.reaches(session, asked) if asked else {}
    return _Known(session, reaches, codes, tests, answered, shelf, now)


async def _end(
    session: AsyncSession, item: Leased, owner: int, now: datetime, state: Item, reason: str
) -> str:
    """End a mail that may not go, and what waits behind it; returns the reason to show the sender."""
    unbuilt = state is Item.REFUSED
    if item.unsure:
        state, reason = Item.UNSURE, UNSURE
    await leases.finish(session, owner, [item.id], state)
    if item.text_id is not None:
        await outbox.end_waiting(session, Item.CANCELLED, text_id=item.text_id)
    elif unbuilt and item.verification_id is not None:
        words = CODE_UNSURE if item.unsure else CODE_UNBUILT
        await notices.add(session, item.sender_id, CODE_NOTICE, now, words=words)
    return reason
