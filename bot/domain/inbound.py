"""Name what a mail that came in says, and what of ours it belongs to."""

from dataclasses import dataclass, field
from enum import StrEnum

from bot.domain.envelope import Envelope


class Kind(StrEnum):
    """What a mail is."""

    REPLY = "reply"
    BOUNCE = "bounce"
    AUTO = "auto"  # written by a machine: never answered
    STOP = "stop"
    HELP = "help"
    START = "start"
    UNKNOWN = "unknown"


class Bounce(StrEnum):
    """Whether a bounce is for good."""

    HARD = "hard"
    SOFT = "soft"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that came with a reply."""

    name: str = field(repr=False)
    kind: str  # image/jpeg and the like
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one mail says; its words, number and addresses never show in a repr."""

    kind: Kind
    words: str = field(default="", repr=False)  # what was typed on the phone
    number: str = field(default="", repr=False)  # the phone's digits, as the mail shows them
    bounce: Bounce = Bounce.NONE
    status: str = ""  # the enhanced status code (RFC 3463), as 5.1.1
    reason: str = ""  # one word of domain/bounce_reasons
    recipients: tuple[str, ...] = field(default=(), repr=False)  # who was not reached
    mail_id: str = field(default="", repr=False)  # the Message-ID of the mail that is answered or returned
    pictures: tuple[Picture, ...] = field(default=(), repr=False)
    delayed: bool = False  # what could not be delivered is still being tried


class Trust(StrEnum):
    """How surely a mail comes from the phone, or the server, that it seems to come from."""

    ADDRESSED = "addressed"  # it was sent to an address whose token is ours
    MAIL_ID = "mail_id"  # it names a Message-ID of ours, which nobody can guess
    PROVEN = "proven"  # the registered number at its carrier's domain, vouched for by the trusted server
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True)
class Belonging:
    """What of ours a mail belongs to: a text, or only a phone (then text_id is None)."""

    trust: Trust
    person_id: int  # whose phone it is
    text_id: int | None = None
    sender_id: int | None = None  # who sent that text
    guild_id: int | None = None
    earlier: bool = False  # what it answers went to a phone that is not the one registered now
    code_index: bytes | None = field(default=None, repr=False)  # of the number that the answered code went to

    @property
    def of_this_phone(self) -> bool:
        """Tell whether it surely comes from the phone that is registered now."""
        return self.trust is not Trust.UNPROVEN and not self.earlier


@dataclass(frozen=True, slots=True)
class Arrived:
    """A mail of ours that came in for the first time: what its headers say, what it says, whose it is."""

    envelope: Envelope
    reading: Reading
    belonging: Belonging
