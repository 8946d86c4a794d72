"""Find out what of ours a mail belongs to, from its headers alone; what is forged belongs to nobody."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import bounces, code_numbers, inbound, people, texts, verifications
from bot.db.person_tables import NOBODY
from bot.domain.envelope import Envelope
from bot.domain.inbound import Belonging, Trust
from bot.domain.numbering import had_another, same_number
from bot.domain.replies_from import may_answer, numbers_meant
from bot.domain.returns import Returns, mail_ids_in
from bot.domain.vouching import vouched
from bot.services.shelf import Shelf

_NOTHING = Envelope()
# Who sends bounces: only into the beginnings of such mails do we look for a Message-ID of ours.
_POSTMASTERS = frozenset({"mailer-daemon", "mail-daemon", "postmaster", "post_master", "sysadmin"})


@dataclass(frozen=True, slots=True)
class Finder:
    """Knows our proofs, the carriers' domains, and which server's word counts."""

    returns: Returns
    shelf: Shelf
    trusted: str | None

    async def whose(self, session: AsyncSession, envelope: Envelope, now: datetime) -> Belonging | None:
        """Say what a mail belongs to, or None where it is not ours."""
        phones = await self._phones(session, envelope.author)
        about, sure = self.returns.first_address(envelope.addressed_to, now), Trust.ADDRESSED
        if about is None:
            about, sure = self.returns.first_mail_id(envelope.answers), Trust.MAIL_ID
        if about is not None:
            found = await self._about(session, about, sure, envelope, phones)
            if found is not None or not phones:
                return found
        if len(phones) != 1:
            return None
        (person,) = phones
        trust = Trust.PROVEN if self._vouched(envelope) else Trust.UNPROVEN
        # What answers another's text is no conversation, but it may be a STOP.
        return Belonging(trust, person) if about is not None else await _latest(session, person, trust)

    async def _about(
        self, session: AsyncSession, about: int, trust: Trust, envelope: Envelope, phones: Collection[int]
    ) -> Belonging | None:
        if about < 0:
            return await self._answered_us(session, -about, trust, envelope, phones)
        found = await _about(session, about, trust, phones)
        if found is None or (phones and self._vouched(envelope)):
            return found
        # Whoever has the phone that a text went to need not have the one that is registered now.
        return replace(found, earlier=await _went_elsewhere(session, about, found.person_id))

    async def _answered_us(
        self, session: AsyncSession, about: int, trust: Trust, envelope: Envelope, phones: Collection[int]
    ) -> Belonging | None:
        """Name whose phone answers a code, or our own words to it, unless somebody else's sent it."""
        number = await code_numbers.of(session, about)
        person = about if number is None else await code_numbers.holder(session, number) or NOBODY
        if phones and person not in phones:
            return None
        if number is not None:
            return Belonging(trust, person, code_index=number)
        shown = numbers_meant(envelope.author, self._countries(envelope.author.rpartition("@")[2]))
        if shown:
            owners = {owner for owner, _ in await inbound.people_at(session, shown)}
            return Belonging(trust, person, earlier=person not in owners)
        # Nothing says whether our words went to the number that is registered now, or to one before it.
        phone = await people.phone_of(session, person)
        return Belonging(trust, person, earlier=phone is not None and had_another(phone.version))

    def _vouched(self, envelope: Envelope) -> bool:
        return vouched(envelope.vouched, self.trusted, envelope.author.rpartition("@")[2])

    async def returned(self, session: AsyncSession, beginning: bytes) -> Belonging | None:
        """Say which mail of ours a bounce returns, by the beginning of its body."""
        about = self.returns.first_mail_id(mail_ids_in(beginning))
        return None if about is None else await self._about(session, about, Trust.MAIL_ID, _NOTHING, ())

    def may_return(self, envelope: Envelope) -> bool:
        """Tell whether a mail may be a bounce that names our mail only within."""
        return envelope.null_sender or envelope.author.partition("@")[0] in _POSTMASTERS

    async def _phones(self, session: AsyncSession, author: str) -> Collection[int]:
        """List whose registered phone an address is; most mails cost no query."""
        domain = author.rpartition("@")[2]
        numbers = numbers_meant(author, self._countries(domain))
        if not numbers:
            return ()
        found = await inbound.people_at(session, numbers)
        return {person for person, gateway in found if may_answer(gateway, domain, self._pictures(gateway))}

    def _countries(self, domain: str) -> set[str]:
        countries = {carrier.country for carrier in self.shelf.at_domain(domain) if carrier.country}
        return countries | {self.shelf.home}

    def _pictures(self, gateway: str) -> set[str]:
        return {carrier.mms_domain for carrier in self.shelf.at_domain(gateway) if carrier.mms_domain}


async def anew(session: AsyncSession, belonging: Belonging) -> Belonging:
    """Name nobody where nothing is kept of that person any more: an erased one leaves no new trace.

    Whoever is still named stays registered as they are until this transaction ends. Every mail holds its
    phone first, so that no two of them wait for each other.
    """
    person = belonging.person_id
    known = await people.hold_phone(session, person) or await verifications.number_asked(session, person)
    return belonging if known else replace(belonging, person_id=NOBODY)


async def _about(
    session: AsyncSession, about: int, trust: Trust, phones: Collection[int]
) -> Belonging | None:
    """Name the text that a proof of ours names, unless somebody else's phone sent it."""
    text = (await texts.standings(session, [about])).get(about)
    if text is None or (phones and text.recipient_id not in phones):
        return None
    return Belonging(trust, text.recipient_id, text.id, text.sender_id, text.guild_id)


async def _went_elsewhere(session: AsyncSession, text_id: int, person_id: int) -> bool:
    """Tell whether a text went to another phone than the one that is its recipient's now."""
    phone = await people.phone_of(session, person_id)
    way = await bounces.way_of(session, text_id)
    if phone is None:
        return False
    return way is None or way.registration_id != phone.id or not same_number(way.version, phone.version)


async def _latest(session: AsyncSession, person_id: int, trust: Trust) -> Belonging:
    """Name the last text that went to a person's phone."""
    text_id = await inbound.latest_text_to(session, person_id)
    text = (await texts.standings(session, [text_id])).get(text_id) if text_id is not None else None
    if text is None:
        return Belonging(trust, person_id)
    return Belonging(trust, person_id, text.id, text.sender_id, text.guild_id)
