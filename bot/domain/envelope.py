"""Hold what a mail's own headers say of where it comes from and what it belongs to."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a mail's headers say; anybody can write any of it. Addresses are in lower case.

    Nothing of it shows in a repr but what kind of mail it is.
    """

    mail_id: str = field(default="", repr=False)  # its own Message-ID, without < and >
    author: str = field(default="", repr=False)  # the From address; empty where it is not surely one
    addressed_to: tuple[str, ...] = field(default=(), repr=False)  # To, Cc and what servers noted
    answers: tuple[str, ...] = field(default=(), repr=False)  # In-Reply-To, then References from the newest
    null_sender: bool = False  # Return-Path: <>, which a bounce has
    auto_submitted: str = ""  # the first word of RFC 3834's field, as auto-replied; empty where there is none
    machine_made: bool = False  # it says in one way or another that no person wrote it: never answer
    vouched: tuple[str, ...] = field(
        default=(), repr=False
    )  # Authentication-Results as they stand, topmost first
