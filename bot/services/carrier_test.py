"""Send a text to an admin's own phone through one entry's gateway, to see whether it arrives."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import carrier_tests, enqueue, people, texts
from bot.db.carrier_tests import Way
from bot.domain.address import recipient
from bot.domain.catalogue import Carrier, Form, Kind, forms_to_try, refusal
from bot.domain.countries import country_name
from bot.domain.errors import UserError
from bot.domain.phone import Number, is_nanp
from bot.domain.render import chat_parts
from bot.domain.standing import OpenAnswer, Standing
from bot.domain.states import State
from bot.services.bounds import Bounds
from bot.services.carrier_change import Actor
from bot.services.carrier_list import find
from bot.services.drafts import MAIL_ID_BYTES
from bot.services.shelf import Listed, Shelf
from bot.services.texting import Rules


@dataclass(frozen=True, slots=True)
class Probe:
    """One /carrier test as it came in."""

    interaction_id: int
    actor: Actor
    handle: str
    slug: str
    answer: OpenAnswer | None


async def send(session: AsyncSession, probe: Probe, rules: Rules, now: datetime) -> Standing:
    """Keep a text to the admin's own proven phone; raises UserError. The same interaction is one text."""
    await rules.shelf.refresh(session)
    await texts.take_turns(session, [probe.interaction_id])
    known = await texts.standings(session, [probe.interaction_id])
    if known:
        return known[probe.interaction_id]
    actor = probe.actor
    carrier = _testable(rules.shelf, actor, find(rules.shelf, actor.guild_id, probe.slug), now)
    phone = await people.phone_of(session, actor.person_id)
    if phone is None or phone.state != people.ACTIVE or phone.paused(now):
        raise UserError("A test goes to your own phone. Use /phone register or /phone resume first.")
    way = _way(session, carrier, phone)
    await _count(session, actor, rules, now)
    words = f"This is a test of {carrier.name}'s gateway. It arrived."
    parts = chat_parts(probe.handle, actor.guild_name, words)
    who = (actor.person_id, actor.person_id, actor.guild_id)
    until = probe.answer.until if probe.answer else None
    text = Standing(probe.interaction_id, *who, State.QUEUED, "", len(parts), 0, now, until)
    await texts.add(session, [(text, probe.answer)])
    await carrier_tests.add(session, text.id, way, now)
    await enqueue.add(session, _items(text, phone, way, parts, now, rules))
    return text


def _testable(shelf: Shelf, actor: Actor, listed: Listed, now: datetime) -> Carrier:
    """Take an entry that texts may go to: for an editor also one that is closed or off."""
    carrier = listed.carrier
    never = carrier.kind in (Kind.PAGING, Kind.MAILBOX) or not carrier.supported or carrier.gateway is None
    closed = refusal(carrier, now.date())
    if closed is not None and (never or not actor.is_editor):
        raise UserError(closed)
    if listed.off and not actor.is_editor:
        raise UserError(f"{carrier.name} is switched off here. /carrier enable turns it on.")
    if carrier.gateway is None or carrier.gateway.domain not in shelf.domains:
        raise UserError(f"{carrier.name}'s gateway is not on the owner's list. Pick another carrier.")
    return carrier


def _way(session: AsyncSession, carrier: Carrier, phone: people.Phone) -> Way:
    """Build the way to a phone; the form that its code proved goes before what the entry says."""
    gateway = carrier.gateway
    same_country = carrier.country in (None, phone.country)
    if gateway is None or not (same_country or (is_nanp(carrier.country) and is_nanp(phone.country))):
        where = country_name(carrier.country)
        raise UserError(f"{carrier.name} takes numbers of {where} only. Test it with a phone from there.")
    is_own = (phone.carrier, phone.domain) == (carrier.slug, gateway.domain)
    form = Form(phone.form) if is_own else forms_to_try(carrier)[0]
    number = Number(people.number_of(session, phone), phone.country)
    try:
        recipient(number, gateway, form)
    except ValueError:
        raise UserError(f"Your number doesn't fit {carrier.name}'s gateway. Test another carrier.") from None
    return Way(gateway.domain, form, gateway.prefix)


async def _count(session: AsyncSession, actor: Actor, rules: Rules, now: datetime) -> None:
    bounds = Bounds(session, rules.limits, rules.shelf.policies, now)
    await bounds.hold_senders([(actor.person_id, actor.person_id, actor.guild_id)])
    bounds.count_sender(actor.person_id, actor.person_id, actor.guild_id)
    await bounds.hold_recipients([(actor.person_id, actor.guild_id)])
    bounds.count_recipient(actor.person_id, actor.guild_id)
    await bounds.save()


def _items(
    text: Standing, phone: people.Phone, way: Way, parts: tuple[str, ...], now: datetime, rules: Rules
) -> list[enqueue.NewItem]:
    return [
        enqueue.NewItem(
            queue=text.recipient_id,
            priority=enqueue.CHAT_PRIORITY,
            text_id=text.id,
            registration_id=phone.id,
            registration_version=phone.version,
            sender_id=text.sender_id,
            guild_id=text.guild_id,
            domain=way.domain,
            part=number,
            words=words,
            mail_id=secrets.token_hex(MAIL_ID_BYTES),
            due_at=now,
            expires_at=now + rules.expires,
        )
        for number, words in enumerate(parts, 1)
    ]
