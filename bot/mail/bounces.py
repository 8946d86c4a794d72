"""Tell whether a mail says that another could not be delivered, to whom, and why."""

import re

from bot.domain.bounce_reasons import Evidence, Verdict, judge
from bot.domain.inbound import Kind, Reading
from bot.mail import reports
from bot.mail.bounce_text import Told, is_told, may_be_one, told
from bot.mail.envelope import ids
from bot.mail.headers import addresses
from bot.mail.parts import Letter
from bot.mail.reports import Fate
from bot.mail.visible import visible_text

_REPORTS = ("message/delivery-status", "message/global-delivery-status")
_ORIGINALS = ("message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers")
_REACHED = frozenset({"delivered", "relayed", "expanded", "deliverable"})
_LOOSE_REPORT = re.compile(
    r"^\s{0,8}(?:final-recipient|diagnostic-code)[ \t]*:", re.IGNORECASE | re.MULTILINE
)
_MAIL_ID = re.compile(
    r"^[>|\s]{0,8}(?:x-)?(?:original-)?message-id:[ \t]{0,80}<?([^\s<>]{3,400})", re.IGNORECASE | re.MULTILINE
)
_TO = re.compile(r"^[>|\s]{0,8}to:(.{1,1000})", re.IGNORECASE | re.MULTILINE)
_CODES = re.compile(r"^[\s\d.#-]+")
_NEAR_CHARS = 64 * 1024


def read_bounce(letter: Letter) -> Reading | None:
    """Read a bounce; return None where it is none."""
    if not may_be_one(letter) and not any(part.kind in _REPORTS for part in letter.parts):
        return None  # most mails: their words need not be looked at
    text = visible_text(letter)
    fates = _fates(letter, text)
    failed = [fate for fate in fates if fate.action not in _REACHED]
    if fates and not failed:
        return Reading(Kind.AUTO, status=fates[0].status, mail_id=_original_id(letter, text))
    if not failed and not is_told(letter, text):
        return None
    heard = told(letter, text)
    first = failed[0] if failed else None
    delayed = heard.delayed if first is None or not first.action else first.action == "delayed"
    verdict, status = _judged(first, heard, delayed=delayed)
    named = tuple(dict.fromkeys(fate.recipient for fate in failed if fate.recipient))
    return Reading(
        Kind.BOUNCE,
        bounce=verdict.bounce,
        status=status,
        reason=verdict.reason,
        delayed=delayed,
        recipients=named or heard.recipients or _original_recipients(letter, text),
        mail_id=_original_id(letter, text),
    )


def _fates(letter: Letter, text: str) -> tuple[Fate, ...]:
    if text.lstrip().startswith("{") and "bouncedRecipients" in text:
        return reports.notified(text[:_NEAR_CHARS])
    for part in letter.parts:
        if part.kind in _REPORTS:
            return reports.fates(part.text[:_NEAR_CHARS])
    loose = _LOOSE_REPORT.search(text[:_NEAR_CHARS])
    return tuple(fate for fate in reports.fates(text[:_NEAR_CHARS]) if fate.action) if loose else ()


def _judged(fate: Fate | None, heard: Told, *, delayed: bool) -> tuple[Verdict, str]:
    if fate is None:
        fate = Fate(status=reports.status_of(heard.answer), code=reports.code_of(heard.answer))
        first = heard.answer
    else:
        first = fate.diagnostic
    status = fate.status
    if not status or status.endswith(".0.0"):
        status = reports.status_of(first) or reports.status_of(heard.answer) or status
    evidence = Evidence(
        first or heard.answer,
        heard.rest.replace(_bare(first), ""),  # what only repeats the answer is no second sign
        status,
        fate.code or reports.code_of(heard.answer),
        delayed=delayed,
        at_sender=heard.at_sender,
        at_recipient=heard.at_recipient,
        at_body=heard.at_body,
        by_program=fate.by_program,
    )
    return judge(evidence), status


def _bare(answer: str) -> str:
    """Leave out the codes before a server's answer."""
    return _CODES.sub("", answer, count=1).strip() or "\0"


def _original_recipients(letter: Letter, text: str) -> tuple[str, ...]:
    """Find whom the mail that came back was for, where the bounce names nobody."""
    own = addresses(letter.headers.first("to"))
    for where in (*(part.text for part in letter.parts if part.kind in _ORIGINALS), text):
        for found in _TO.finditer(where[:_NEAR_CHARS]):
            named = tuple(one for one in addresses(found[1]) if one not in own)
            if named:
                return named
    return ()


def _original_id(letter: Letter, text: str) -> str:
    """Find the Message-ID of the mail that came back: in what is returned of it, else in the headers."""
    returned = [part.text[:_NEAR_CHARS] for part in letter.parts if part.kind in _ORIGINALS]
    for where in (*returned, *(part.text for part in letter.parts if part.kind in _REPORTS), text):
        found = _MAIL_ID.search(where[:_NEAR_CHARS])
        if found:
            return found[1]
    for name in ("in-reply-to", "references"):
        named = ids(letter.headers.first(name))
        if named:
            return named[-1]
    return ""
