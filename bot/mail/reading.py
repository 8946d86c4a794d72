"""Read a mail that came in: what it is, what was typed, from which number, about which mail of ours."""

import re

from bot.domain.envelope import Envelope
from bot.domain.gateway_habits import habit_of, is_gateway
from bot.domain.inbound import Kind, Reading
from bot.domain.keywords import keyword
from bot.mail.bounces import read_bounce
from bot.mail.envelope import envelope_of
from bot.mail.headers import words
from bot.mail.parts import Letter, take_apart
from bot.mail.phone_number import number_of, sender_domain
from bot.mail.pictures import pictures_of
from bot.mail.reply import reply_words

_NOTICES = ("message/feedback-report", "message/disposition-notification")
_AWAY = re.compile(
    r"(?:auto(?:matic(?:ally)?|matische|m[aá]tica)?[ :_-]{0,3}(?:generated |re|reply|response|respon|"
    r"antwort)|out of (?:the )?office|"
    r"(?:i am |i'm )?(?:on vacation|away from)|vacation\b|abwesen|r.ponse automatique|respuesta autom|"
    r"automatische antwort|"
    r"自動(?:返信|応答)|不在)",
    re.IGNORECASE,
)
_AUTO_HEADERS = ("x-autoreply", "x-autorespond", "x-autoreply-from", "x-mail-autoreply")


def read(raw: bytes) -> Reading:
    """Read a mail, at most its first mebibyte; never raises, whatever the mail is."""
    letter = take_apart(raw)
    bounce = read_bounce(letter)
    if bounce is not None:
        return bounce
    envelope = envelope_of(letter.headers)
    domain = sender_domain(letter.headers)
    number = number_of(letter)
    by_phone = bool(number) or is_gateway(domain)
    said = reply_words(letter, habit_of(domain), by_phone=by_phone)
    pictures = pictures_of(letter)
    return Reading(
        _kind(letter, envelope, said, by_phone=by_phone, shows=bool(pictures)),
        words=said,
        number=number,
        mail_id=envelope.answers[0] if envelope.answers else "",
        pictures=pictures,
    )


def _kind(letter: Letter, envelope: Envelope, said: str, *, by_phone: bool, shows: bool) -> Kind:
    asked = keyword(said) or (keyword(words(letter.headers.first("subject"))) if not said else None)
    if asked is Kind.STOP:
        return asked  # obeyed even where a machine wrote it: it costs nobody anything
    if _is_automatic(letter, envelope, by_phone=by_phone):
        return Kind.AUTO
    if asked is not None:
        return asked
    return Kind.REPLY if said or shows or by_phone else Kind.UNKNOWN


def _is_automatic(letter: Letter, envelope: Envelope, *, by_phone: bool) -> bool:
    headers = letter.headers
    if envelope.auto_submitted not in ("", "no") or any(part.kind in _NOTICES for part in letter.parts):
        return True
    if any(name in headers for name in _AUTO_HEADERS) or _AWAY.match(words(headers.first("subject")).strip()):
        return True
    return envelope.machine_made and not by_phone  # gateways mark what people typed in many ways
