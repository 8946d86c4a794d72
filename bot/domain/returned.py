"""Judge a text that its carrier sent back: what counts against the phone, what against the gateway."""

from dataclasses import dataclass
from typing import Final

from bot.domain.inbound import Bounce
from bot.domain.signs import Sign

SCORE_DAYS: Final = 14
# In halves of a point: a phone whose texts come back for good on two days of these takes no more.
HARD_HALVES, SOFT_HALVES, MOST_HALVES = 2, 1, 4
_ABOUT: Final = {
    **dict.fromkeys(("unknown", "moved", "suspended", "full", "filtered"), Sign.BOUNCED_PERSON),
    **dict.fromkeys(("content", "size"), Sign.BOUNCED_CONTENT),
    **dict.fromkeys(("quota", "spam", "policy", "sender"), Sign.BOUNCED_SENDER),
    "gone": Sign.BOUNCED_GONE,
}
_WHY: Final = {
    "unknown": "number unknown there",
    "moved": "that number is no longer there",
    "suspended": "that phone is switched off there for now",
    "full": "the phone's mailbox is full",
    "filtered": "the phone's own filter turned it away",
    "content": "it refused what the text says",
    "size": "the text was too long for it",
    "quota": "too many texts came from this bot",
    "spam": "it took the text for spam",
    "policy": "its rules turn such texts away",
    "sender": "it takes no texts from this bot",
    "gone": "its gateway is closed",
    "expired": "the phone could not be reached in time",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a bounce counts as: halves of a point against the phone, and what the gateway showed."""

    halves: int
    sign: Sign | None


def judge(bounce: Bounce, status: str, reason: str) -> Verdict:
    """Judge a bounce by its kind, its enhanced status code and its reason (one word of bounce_reasons).

    What a server says of policy, quota or for the time being is never held against a phone: 5.7.x (RFC 3463,
    3.8), 5.4.5 (Gmail's daily limit) and 4.x.
    """
    sign = _ABOUT.get(reason)
    about_us = status.startswith("5.7.") or status == "5.4.5"
    if sign is Sign.BOUNCED_PERSON and about_us:
        return Verdict(0, Sign.BOUNCED_SENDER)
    if sign is not Sign.BOUNCED_PERSON or status.startswith("4."):
        return Verdict(0, sign)
    return Verdict(HARD_HALVES if bounce is Bounce.HARD else SOFT_HALVES, sign)


def returned_words(who: str, reason: str) -> str:
    """Tell a sender that a text came back, and what helps."""
    why, who = _WHY.get(reason), who[:1].upper() + who[1:]
    if why is None:
        return f"{who}'s carrier returned it and didn't say why. You can try again later."
    if _ABOUT.get(reason) is Sign.BOUNCED_PERSON or reason == "expired":
        return f"{who}'s carrier returned it: {why}. Ask them to check /phone show."
    if _ABOUT[reason] is Sign.BOUNCED_CONTENT:
        return f"{who}'s carrier returned it: {why}. Try again with other words, without links or emoji."
    if reason == "gone":
        return f"{who}'s carrier returned it: {why}. They can use /phone register with another carrier."
    return f"{who}'s carrier returned it: {why}. The bot's owner has to sort that out."


SENT_BACK = (
    "A text to your phone came back: your carrier says that number can't be reached there. If that is wrong, "
    "press **Prove it again**; if it happens again, your phone takes no more texts until you do."
)
RETURNED = (
    "Texts to your phone kept coming back from your carrier, so nobody can text it now. Press **Prove it "
    "again** to get a new code, or use /phone register with another number or carrier."
)
