"""Word what STOP, START and HELP from a phone do: to its owner in Discord, and to the phone."""

from datetime import datetime, timedelta
from typing import Final

from bot.domain.plain import clean
from bot.domain.segments import ONE_SMS, fits

# After this long a number that said STOP can be sent a code again, if somebody asks for one.
CODE_AFTER: Final = timedelta(hours=24)
STOP_WORDS: Final = "You'll get no more texts from Textbridge. Reply START to get them again."
_HELP: Final = (
    "Textbridge carries texts from members of your Discord servers. "
    "Reply STOP to get none, or use /phone there."
)
HALTED: Final = (
    "A STOP came that seems to be from your phone, though nothing proves it, so texts to it are paused. "
    "If it wasn't you, or to take texts again: /phone resume."
)
STARTED: Final = "START came from your phone, so it takes texts again. Text STOP from it to end that."


def stopped_words(code_from: datetime) -> str:
    """Tell somebody that their phone said STOP, and the way back."""
    return (
        "STOP came from your phone, so nobody can text it any more. Text START from it to take texts "
        f"again, or from <t:{int(code_from.timestamp())}:f> on use /phone register."
    )


def help_words(contact: str | None) -> str:
    """Word what a phone is answered to HELP; the operator's contact where it still fits one text."""
    longer = f"{_HELP} Contact: {clean(contact)}" if contact else _HELP
    return longer if fits(longer, ONE_SMS) else _HELP
