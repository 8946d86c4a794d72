"""Say what a gateway's signs of life come to: how many codes come back, and when that is in doubt."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.outcome import Outcome

WINDOW_DAYS: Final = 30
# One wrong number is no doubt, and neither is one bad evening.
FEWEST_CODES, FEWEST_DAYS = 5, 2
# With fewer codes an admin could tell from the counts what one person did.
FEWEST_CODES_TO_SHOW: Final = 10


class Sign(StrEnum):
    """Name what is counted of a gateway; the value is the name of its column."""

    CODE_SENT = "codes_sent"
    CODE_TYPED = "codes_typed"
    REPLY = "replies"
    REFUSED_PERSON = "refused_person"
    REFUSED_CONTENT = "refused_content"
    REFUSED_SENDER = "refused_sender"
    REFUSED_GONE = "refused_gone"
    BOUNCED_PERSON = "bounced_person"
    BOUNCED_CONTENT = "bounced_content"
    BOUNCED_SENDER = "bounced_sender"
    BOUNCED_GONE = "bounced_gone"


# Only what a phone sent back proves that texts arrive.
POSITIVE: Final = frozenset({Sign.CODE_TYPED, Sign.REPLY})
_OF_OUTCOME: Final = {
    Outcome.REFUSED_PERSON: Sign.REFUSED_PERSON,
    Outcome.REFUSED_CONTENT: Sign.REFUSED_CONTENT,
    Outcome.REFUSED_SENDER: Sign.REFUSED_SENDER,
    Outcome.GATEWAY_GONE: Sign.REFUSED_GONE,
}
_REASONS: Final = {
    "the number": (Sign.REFUSED_PERSON, Sign.BOUNCED_PERSON),
    "what it said": (Sign.REFUSED_CONTENT, Sign.BOUNCED_CONTENT),
    "who sent it": (Sign.REFUSED_SENDER, Sign.BOUNCED_SENDER),
    "a closed gateway": (Sign.REFUSED_GONE, Sign.BOUNCED_GONE),
}


def sign_of(outcome: Outcome, *, is_code: bool) -> Sign | None:
    """Say what an attempt's outcome counts as, or None."""
    if outcome is Outcome.SENT:
        return Sign.CODE_SENT if is_code else None
    return _OF_OUTCOME.get(outcome)


@dataclass(frozen=True, slots=True)
class Day:
    """What one gateway showed on one day, as far as doubts go."""

    day: date
    codes_sent: int
    positive: int


def doubtful(days: Iterable[Day], today: date) -> bool:
    """Tell whether a gateway's codes have stopped coming back.

    That is so where, in the last 30 days, at least 5 codes went on at least 2 different days after the day of
    the last positive sign (a code typed back, or a reply). Neither today's codes count, since they may still
    be typed, nor those of the very day of that sign, since it may have come after them.
    """
    known = list(days)
    last_sign = max((each.day for each in known if each.positive > 0), default=date.min)
    since = max(last_sign, today - timedelta(days=WINDOW_DAYS + 1))
    silent = [each.codes_sent for each in known if since < each.day < today and each.codes_sent > 0]
    return len(silent) >= FEWEST_DAYS and sum(silent) >= FEWEST_CODES


@dataclass(frozen=True, slots=True)
class Measured:
    """What one gateway showed in the last 30 days, and when its last positive sign came."""

    counts: Mapping[Sign, int] = field(default_factory=dict)
    last_sign_at: datetime | None = None

    def of(self, sign: Sign) -> int:
        """Say how often something was counted."""
        return self.counts.get(sign, 0)


def measured_words(measured: Measured, *, exact: bool) -> str:
    """Say in a few words how many codes came back; nothing where too few went to say so."""
    sent, typed = measured.of(Sign.CODE_SENT), measured.of(Sign.CODE_TYPED)
    if sent == 0 or (sent < FEWEST_CODES_TO_SHOW and not exact):
        return ""
    last = f", last <t:{int(measured.last_sign_at.timestamp())}:R>" if measured.last_sign_at else ""
    return f"{min(100 * typed // sent, 100)} % of codes came back in {WINDOW_DAYS} days{last}"


def trouble_words(measured: Measured, *, exact: bool) -> str:
    """Say how many texts were refused or sent back and why, and how many replies came; or nothing."""
    if measured.of(Sign.CODE_SENT) < FEWEST_CODES_TO_SHOW and not exact:
        return ""
    said = [
        f"{verb} for {reason}: {measured.of(sign)}"
        for reason, signs in _REASONS.items()
        for verb, sign in zip(("refused", "sent back"), signs, strict=True)
        if measured.of(sign)
    ]
    replies = measured.of(Sign.REPLY)
    said += [f"replies: {replies}"] if replies else []
    return f"In {WINDOW_DAYS} days {'; '.join(said)}." if said else ""


def doubt_words(name: str, since: datetime) -> str:
    """Warn of a gateway whose codes have stopped coming back."""
    noted = since.date().isoformat()
    return f"Codes sent to {name}'s gateway have not come back lately (noted {noted}); yours may not either."
