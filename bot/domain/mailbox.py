"""Name what a mailbox shows of itself and of its mails, and what may be wrong with it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.domain.envelope import Envelope


class Trouble(StrEnum):
    """What keeps a mailbox from being read."""

    AWAY = "away"
    LOGIN = "login"  # the server refuses name or password
    CLOSED = "closed"  # we broke off ourselves: nobody is to blame, and nothing is to be said
    FOLDER = "folder"  # there is no such folder, or it may not be opened


class MailboxTrouble(Exception):
    """The mailbox cannot be read for now. The words are ours: a server's may quote mails."""

    def __init__(self, trouble: Trouble, kind: str = "") -> None:
        """Keep what it is, and of an error its kind alone."""
        super().__init__(f"{trouble} ({kind})" if kind else str(trouble))
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as the server shows it: UIDs count only together with their validity (RFC 3501, 2.3.1.1)."""

    validity: int
    next_uid: int


@dataclass(frozen=True, slots=True)
class Place:
    """How far a folder was read.

    What has a UID below `anew_below` lay there when the folder was numbered anew: of that, only what came in
    from `since` on can be new to us. What came in later is new by its UID, whatever any clock says.
    """

    validity: int
    next_uid: int
    since: datetime
    anew_below: int


@dataclass(frozen=True, slots=True)
class Head:
    """A mail by its headers alone."""

    uid: int
    octets: int
    at: datetime | None  # when the server got it
    identity: str = field(repr=False)  # the same for each copy of a mail, wherever it lies
    envelope: Envelope = field(repr=False)


@dataclass(frozen=True, slots=True)
class Heads:
    """Some mails in the order of their UIDs, and from where to go on."""

    found: tuple[Head, ...]
    next_uid: int
    more: bool  # there may be others at once
