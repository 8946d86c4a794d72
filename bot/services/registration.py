"""Register phones: send a code to the number a person typed, and believe only the code that comes back."""

import re
import secrets
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import bounces, code_numbers, enqueue, notices, outbox, people, suppressions, verifications
from bot.db import limits as uses
from bot.db.crypto import same
from bot.db.store import vault_of
from bot.db.tables import Verification
from bot.domain.address import recipient
from bot.domain.catalogue import Carrier, Form, Gateway, Kind, forms_to_try, refusal, warning
from bot.domain.consent import EVERYONE, LISTED, NOBODY, REGISTER, wording
from bot.domain.errors import UserError
from bot.domain.limits import Limits
from bot.domain.phone import Number, parse_number
from bot.domain.render import code_text
from bot.domain.signs import Sign, doubt_words
from bot.domain.states import Item
from bot.domain.stopping import CODE_AFTER
from bot.domain.words import CODE_SENT, EVICTED, NO_SUCH_CARRIER
from bot.services.drafts import MAIL_ID_BYTES
from bot.services.offers import way_out
from bot.services.shelf import SHARED, Shelf
from bot.services.signs import note

CODE_LIFE = timedelta(minutes=10)
MOST_TRIES = 5
_DAY = timedelta(days=1)
# These stand whatever LIMITS says: six digits and five tries are safe only while codes are few.
PER_NUMBER = ((3, _DAY), (10, timedelta(days=30)))
PER_PERSON = ((6, _DAY),)
_DEPLOYMENT_KEY = "codes"
_CODE = re.compile(r"[0-9]{6}")


@dataclass(frozen=True, slots=True)
class Ask:
    """A filled-in registration form. What was typed never shows in a repr."""

    person_id: int
    handle: str
    typed_number: str = field(repr=False)
    guild_id: int | None
    carrier_slug: str
    form: Form | None
    consented: bool


def carrier_to_register(
    shelf: Shelf, guild_id: int | None, slug: str, now: datetime
) -> tuple[Carrier, Gateway, str | None]:
    """Find a carrier that may be registered with, and the warning that goes with it; raises UserError."""
    listed = shelf.named(guild_id, slug)
    if listed is None:
        raise UserError(NO_SUCH_CARRIER)
    if listed.off:
        raise UserError(f"{listed.carrier.name} is switched off here. Pick another carrier, or ask an admin.")
    today = now.date()
    closed = refusal(listed.carrier, today, way_out(shelf, guild_id, listed.carrier, today))
    if closed is not None:
        raise UserError(closed)
    if listed.carrier.gateway is None or listed.carrier.gateway.domain not in shelf.domains:
        raise UserError(f"{listed.carrier.name}'s gateway is not on the owner's list. Pick another carrier.")
    since = shelf.doubts.get(listed.carrier.gateway.domain)
    warnings = [doubt_words(listed.carrier.name, since)] if since else []
    warnings += [told] if (told := warning(listed.carrier, today)) else []
    return listed.carrier, listed.carrier.gateway, " ".join(warnings) or None


async def begin(
    session: AsyncSession, ask: Ask, shelf: Shelf, limits: Limits | None, country: str, now: datetime
) -> str:
    """Send a code to a number; the sentence is the same whether one went or not. Raises UserError.

    Nothing is written before a UserError is raised.
    """
    await shelf.refresh(session)
    carrier, gateway, _ = carrier_to_register(shelf, ask.guild_id, ask.carrier_slug, now)
    if not ask.consented:
        raise UserError("Without your agreement no code is sent. Use /phone register again and tick the box.")
    anywhere = carrier.country is None
    number = parse_number(ask.typed_number, carrier.country or country, anywhere=anywhere)
    try:
        recipient(number, gateway, _form(ask, carrier))
    except ValueError:
        raise UserError(
            f"That number doesn't fit {carrier.name}'s gateway. Check its digits, or pick another carrier."
        ) from None
    claim = _claim(ask, carrier, gateway, number)
    return await ask_code(session, claim, limits, now, REGISTER)


async def ask_code(
    session: AsyncSession, claim: verifications.Claim, limits: Limits | None, now: datetime, kind: str
) -> str:
    """Send a code where every cap allows it; the sentence is the same either way. Raises UserError."""
    may_send = await _may_send_code(session, claim.person_id, claim.number, limits, now)
    # An earlier code that still waits is dead: the phone shows only the newest.
    await outbox.end_waiting(session, Item.CANCELLED, queue=-claim.person_id)
    # Whether a code went or not: the person asked, and what is kept of them tells nobody which it was.
    await people.add_consent(session, claim.person_id, kind, claim.wording, claim.guild_id, now)
    if may_send:
        await _send_code(session, claim, now)
    else:
        # So that no command tells a capped number from a free one.
        await verifications.start_decoy(session, claim, now + CODE_LIFE)
    return CODE_SENT


def _form(ask: Ask, carrier: Carrier) -> Form:
    forms = forms_to_try(carrier)
    return ask.form if ask.form in forms else forms[0]


async def _may_send_code(
    session: AsyncSession, person_id: int, e164: str, limits: Limits | None, now: datetime
) -> bool:
    """Count a code under every cap; a number that may get none is answered like a free one: False."""
    index = vault_of(session).number_index(e164)
    # The number's row is locked first: two people who ask for one number take turns from here on.
    number_wait = await uses.use_exact(session, f"number:{index.hex()}", PER_NUMBER, now)
    person_wait = await uses.use_exact(session, f"person:{person_id}", PER_PERSON, now)
    if person_wait is not None:
        raise UserError(
            f"You've asked for many codes. The next one can go <t:{int(person_wait.timestamp()) + 1}:R>."
        )
    # Counted for a capped number too, so that a full deployment does not tell it from a free one.
    if limits is not None:
        deployment_wait = await uses.use(session, _DEPLOYMENT_KEY, limits.codes.count, limits.codes.per, now)
        if deployment_wait is not None:
            soon = int(deployment_wait.timestamp()) + 1
            raise UserError(f"Many people are registering right now. Please try again <t:{soon}:R>.")
    # A number that said STOP gets one code a day, if that: typed back, it is the way back.
    return number_wait is None and await suppressions.take_code(session, index, now - CODE_AFTER, now)


def _claim(ask: Ask, carrier: Carrier, gateway: Gateway, number: Number) -> verifications.Claim:
    return verifications.Claim(
        ask.person_id,
        ask.handle,
        number.e164,
        number.country,
        carrier.slug,
        carrier.guild_id or SHARED,
        gateway.domain,
        _form(ask, carrier),
        gateway.prefix,
        ask.guild_id,
        wording(carrier.slug if carrier.kind is Kind.SERVICE else ""),
    )


def draw_code() -> str:
    """Draw six random digits."""
    return f"{secrets.randbelow(1_000_000):06d}"


async def _send_code(session: AsyncSession, claim: verifications.Claim, now: datetime) -> None:
    code = draw_code()
    ends = now + CODE_LIFE
    verification_id = await verifications.start(session, claim, code, ends)
    await code_numbers.note(session, verification_id, vault_of(session).number_index(claim.number), now)
    item = enqueue.NewItem(
        queue=-claim.person_id,
        priority=enqueue.CODE_PRIORITY,
        verification_id=verification_id,
        sender_id=claim.person_id,
        guild_id=claim.guild_id,
        domain=claim.domain,
        part=1,
        words=code_text(code, claim.handle),
        mail_id=secrets.token_hex(MAIL_ID_BYTES),
        due_at=now,
        expires_at=ends,
    )
    await enqueue.add(session, [item])


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a typed code."""

    proven: bool
    sentence: str
    evicted: int | None = None


async def check_code(
    session: AsyncSession, person_id: int, typed: str, shelf: Shelf, now: datetime
) -> Checked:
    """Compare a typed code in constant time and, where it is right, make the registration."""
    digits = "".join(unicodedata.normalize("NFKC", typed).split())
    if not _CODE.fullmatch(digits):
        return Checked(False, "A code is six digits. Look again at the newest text on your phone.")
    waiting = await verifications.take_try(session, person_id, MOST_TRIES, now)
    if waiting is None:
        return Checked(
            False, "No code is waiting for you, or it has run out. Use /phone register to get one."
        )
    mac = vault_of(session).code_mac(person_id, waiting.number_index, digits)
    if not same(mac, waiting.code_mac):
        left = MOST_TRIES - waiting.tries
        if left <= 0:
            await verifications.end(session, person_id)
            return Checked(
                False, "That code isn't right, and it was the last try. Use /phone register to get a new one."
            )
        tries = "1 try" if left == 1 else f"{left} tries"
        return Checked(
            False, f"That code isn't right; {tries} left. Look again at the newest text on your phone."
        )
    await shelf.refresh(session)
    if not shelf.carries(waiting.carrier_guild, waiting.carrier, waiting.domain, now):
        await verifications.end(session, person_id)
        return Checked(
            False, "That code is right, but its carrier was changed or closed meanwhile. "
            "Use /phone register again.",
        )  # fmt: skip
    await note(session, {waiting.domain: {Sign.CODE_TYPED: 1}}, now)
    return await _registered(session, waiting, now)


async def _registered(session: AsyncSession, waiting: Verification, now: datetime) -> Checked:
    person_id, guild_id = waiting.person_id, waiting.guild_id
    agreed = waiting.wording  # read before the row goes
    # The code was read on that phone: what it said, and what came back from it, is over.
    await suppressions.lift(session, waiting.number_index)
    evicted = await verifications.prove(session, waiting, now)
    if (phone := await people.phone_of(session, person_id)) is not None:
        await bounces.forget(session, [phone.id])
    await people.add_consent(session, person_id, "verified", agreed, guild_id, now)
    if evicted is not None:
        await notices.add(session, evicted, "evicted", now, words=EVICTED)
    if guild_id is None:
        how = "Use /phone allow in each server whose members may text you."
    elif (before := await people.audience(session, person_id, guild_id)) == NOBODY:
        how = "You let nobody in this server text you; /phone allow changes that."
    elif before == LISTED:
        how = "Only people and roles you listed can text you here; /phone allow changes that."
    else:
        await people.allow(session, person_id, guild_id, EVERYONE, now)
        how = "People in this server can now text you with /text."
    return Checked(True, f"Your phone is registered. {how}", evicted)
