"""Say why a mail came back, and whether for good, from what the servers' words and codes tell together."""

import re
from dataclasses import dataclass, field
from typing import Final

from bot.domain.bounce_words import PATTERNS, Reason
from bot.domain.inbound import Bounce

LONGEST_TEXT_CHARS: Final = 4_000
_FOR_GOOD: Final = frozenset({Reason.UNKNOWN, Reason.MOVED, Reason.GONE})
_WORDED: Final = re.compile(r"[^\W\d_]{3}")
# What enhanced status codes (RFC 3463) say; the first that begins a status counts.
_STATUSES: Final[tuple[tuple[str, Reason], ...]] = (
    ("1.6", Reason.MOVED),
    ("1.2", Reason.GONE),
    ("1.10", Reason.GONE),
    ("1.7", Reason.SENDER),
    ("1.8", Reason.SENDER),
    ("1.", Reason.UNKNOWN),
    ("2.1", Reason.SUSPENDED),
    ("2.2", Reason.FULL),
    ("2.3", Reason.SIZE),
    ("2.", Reason.FILTERED),
    ("3.4", Reason.SIZE),
    ("3.", Reason.SYSTEM),
    ("4.4", Reason.GONE),
    ("4.5", Reason.QUOTA),
    ("4.7", Reason.EXPIRED),
    ("4.", Reason.NETWORK),
    ("6.", Reason.CONTENT),
    ("7.", Reason.POLICY),
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one refusal; nothing of its text shows in a repr."""

    text: str = field(default="", repr=False)  # the server's own answer
    report: str = field(default="", repr=False)  # what the report tells people beside it
    status: str = ""  # enhanced status code (RFC 3463)
    code: int | None = None  # SMTP reply code
    delayed: bool = False  # it is still being tried
    at_sender: bool = False  # refused when the sender was named
    at_recipient: bool = False  # refused when the recipient was named
    at_body: bool = False  # refused only after the recipient had been accepted
    by_program: bool = False  # a program at the other end failed, not its mail server


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why, and whether for good."""

    reason: Reason
    bounce: Bounce


def judge(evidence: Evidence) -> Verdict:
    """Decide from text, status and reply code together; what they do not agree on is not for good."""
    reason = _reason(evidence)
    if reason not in _FOR_GOOD:
        return Verdict(reason, Bounce.SOFT)
    told = _named(evidence.report)
    if told in (Reason.SUSPENDED, Reason.FULL):
        return Verdict(told, Bounce.SOFT)  # people are told more than the server's answer says
    if evidence.at_sender:
        return Verdict(Reason.SENDER, Bounce.SOFT)
    if evidence.at_body:
        return Verdict(Reason.FILTERED, Bounce.SOFT)
    return Verdict(reason, Bounce.SOFT if _contradicted(reason, evidence) else Bounce.HARD)


def _reason(evidence: Evidence) -> Reason:
    said = _named(evidence.text)
    if said is not None:
        return said
    if evidence.by_program:
        return Reason.SYSTEM
    by_status = _by_status(evidence.status)
    if by_status in _FOR_GOOD and _is_guessed(evidence):
        return Reason.OTHER
    if by_status is not None and not (evidence.delayed and by_status in _FOR_GOOD):
        return by_status
    told = _named(evidence.report)
    if told is not None:
        return told
    return Reason.EXPIRED if evidence.delayed or evidence.status.startswith("4") else Reason.OTHER


def _is_guessed(evidence: Evidence) -> bool:
    """Tell whether our side's mail server made the status up: Sendmail calls every bare 550 a 5.1.1.

    The other server's words are there, without that status, and they name no such cause.
    """
    return evidence.status not in evidence.text and bool(_WORDED.search(evidence.text))


def _named(text: str) -> Reason | None:
    folded = " ".join(text[:LONGEST_TEXT_CHARS].lower().split())
    return next((reason for reason, words in PATTERNS if words.search(folded)), None) if folded else None


def _by_status(status: str) -> Reason | None:
    rest = status[2:]
    if rest in ("", "0.0", "5.0", "1.0", "2.0", "3.0", "4.0", "7.0") and rest not in ("7.0", "3.0", "2.0"):
        return None
    return next((reason for begin, reason in _STATUSES if rest.startswith(begin)), None)


def _contradicted(reason: Reason, evidence: Evidence) -> bool:
    """Tell whether something speaks against its being for good, or too little for it.

    A 4xx that outlived a queue comes back as a failure; 5.2.x says that there is such a mailbox and 5.7.x
    that somebody was not allowed, unless the recipient alone was refused in so many words. A bare 550 is
    what filters answer too: it needs a second sign.
    """
    if evidence.delayed or evidence.by_program or evidence.status.startswith(("4.", "2.")):
        return True
    if evidence.code is not None and evidence.code < 500:
        return True
    subject = evidence.status[2:].partition(".")[0]
    if subject in ("2", "7"):
        return not evidence.at_recipient or _named(evidence.text) not in _FOR_GOOD
    bare = reason is not Reason.GONE and evidence.code is not None and subject in ("", "0")
    unsure = bare and not evidence.at_recipient and _named(evidence.report) not in _FOR_GOOD
    return unsure or subject == "6"
