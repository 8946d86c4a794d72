"""Decide what one attempt to hand over a mail came to, and when to try again."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(minutes=10)
MOST_AMBIGUOUS = 3
# Words of a quota on a whole account; a bare "daily" may be part of a quoted address.
_DAILY_LIMIT = re.compile(r"(?<![\w.@-])daily\s(?:user sending|(?:[\w-]{1,20}\s){0,4}(?:quota|limits?)\b)")
_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")


class Step(StrEnum):
    """Where in the SMTP dialogue (RFC 5321) an attempt ended."""

    CONNECT = "connect"
    LOGIN = "login"
    CHECK = "check"  # we refused the recipient ourselves
    STOPPED = "stopped"  # we broke off before the final dot, since the bot is stopping
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"  # the words and the final dot were sent
    LOST = "lost"  # the relay that held the mail died: nobody knows how far it came


class Outcome(StrEnum):
    """What an attempt came to."""

    SENT = "sent"
    RETRY = "retry"
    STOPPED = "stopped"  # we broke off ourselves: nobody is to blame, and nothing is to be said
    RELAY_AWAY = "relay_away"  # our own mail server cannot be reached or refuses our login
    ACCOUNT_LIMIT = "account_limit"  # our account may send no more for now; nobody's number is to blame
    REFUSED_PERSON = "refused_person"
    REFUSED_CONTENT = "refused_content"
    REFUSED_SENDER = "refused_sender"
    GATEWAY_GONE = "gateway_gone"
    AMBIGUOUS = "ambiguous"  # perhaps taken: the line broke between the final dot and its reply


REFUSED = frozenset(
    {Outcome.REFUSED_PERSON, Outcome.REFUSED_CONTENT, Outcome.REFUSED_SENDER, Outcome.GATEWAY_GONE}
)


@dataclass(frozen=True, slots=True)
class Reply:
    """The last word of the server in an attempt: `code` is None where there was none.

    The text may quote an address, so it is for the decision only: it is never logged or shown.
    """

    step: Step
    code: int | None
    text: str = ""

    @property
    def enhanced(self) -> str:
        """Return the enhanced status code (RFC 3463), or nothing."""
        found = _ENHANCED.search(self.text[:200])
        return found[1] if found else ""

    def __repr__(self) -> str:
        """Leave the text out."""
        return f"{self.step} {self.code if self.code is not None else 'no reply'} {self.enhanced}".rstrip()


_CONTENT_WORDS = ("aup#pol", "banned content", "spam content", "message content", "content rejected")
_SENDER_WORDS = (
    "aup#sndr",
    "permanent failure for one or more recipients",
    "sender blocked",
    "blacklist",
    "blocklist",
)
_GONE_WORDS = (
    "relaying denied",
    "relay access denied",
    "relay not permitted",
    "host not found",
    "no mx",
    "domain not found",
)


_WHATEVER_THE_CODE = {
    Step.CONNECT: Outcome.RELAY_AWAY,
    Step.LOGIN: Outcome.RELAY_AWAY,
    Step.CHECK: Outcome.GATEWAY_GONE,
    Step.STOPPED: Outcome.STOPPED,
    Step.LOST: Outcome.AMBIGUOUS,
}


def decide(reply: Reply) -> Outcome:
    """Say what the server's last word means for this mail."""
    code = reply.code
    if reply.step in _WHATEVER_THE_CODE:
        return _WHATEVER_THE_CODE[reply.step]
    if reply.step is Step.BODY and code is not None and 200 <= code < 300:
        return Outcome.SENT
    if code is None or not 400 <= code < 600:
        # No word that can be understood: surely not taken before the final dot, perhaps after it.
        return Outcome.AMBIGUOUS if reply.step is Step.BODY else Outcome.RETRY
    if reply.enhanced == "5.4.5" or (code in (450, 452, 550) and _DAILY_LIMIT.search(reply.text.lower())):
        return Outcome.ACCOUNT_LIMIT
    # A lasting refusal may wear a 4xx: `421 4.2.0 … AUP#SNDR` never clears by waiting.
    named = _named_reason(reply.text.lower())
    if named is not None:
        return named
    if code < 500:
        return Outcome.RETRY
    return _permanent(reply)


def _named_reason(text: str) -> Outcome | None:
    for words, outcome in (
        (_CONTENT_WORDS, Outcome.REFUSED_CONTENT),
        (_SENDER_WORDS, Outcome.REFUSED_SENDER),
        (_GONE_WORDS, Outcome.GATEWAY_GONE),
    ):
        if any(word in text for word in words):
            return outcome
    return None


def _permanent(reply: Reply) -> Outcome:
    enhanced = reply.enhanced
    if reply.code in (530, 535, 538):
        return Outcome.RELAY_AWAY
    if enhanced in ("5.1.2", "5.1.10", "5.4.4", "5.4.1"):
        return Outcome.GATEWAY_GONE
    if enhanced.startswith(("5.1.7", "5.1.8")) or reply.step is Step.MAIL:
        return Outcome.REFUSED_SENDER
    if enhanced.startswith(("5.1.", "5.2.1", "5.2.2")):
        return Outcome.REFUSED_PERSON
    if enhanced.startswith("5.7."):
        return Outcome.REFUSED_CONTENT if reply.step is Step.BODY else Outcome.REFUSED_SENDER
    if reply.step is Step.RCPT:
        return Outcome.REFUSED_PERSON
    return Outcome.REFUSED_CONTENT


def again_at(attempts: int, now: datetime, jitter: float) -> datetime:
    """Say when to try again after `attempts` tries: 5 s doubling to 10 min, spread by jitter in [0, 1)."""
    wait: timedelta = min(FIRST_WAIT * float(2 ** min(attempts, 16)), LONGEST_WAIT)
    return now + wait * (0.75 + jitter / 2)
