"""Say what a gateway takes in one mail: how long a text, and whether a Subject, links, attachments."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.domain.segments import ONE_SMS, Room, room_for

SHORTEST_LENGTH: Final = 110
"""A verification code with the longest handle, and our first line with some words, still fit."""
LONGEST_LENGTH: Final = 1530
# What filters look for, too: an address with its scheme, www., or a domain with a path.
# Each alternative starts at a fixed character and is bounded, so a hostile text costs one pass.
_LINK: Final = re.compile(
    r"\bhttps?://\S|\bwww\.[^\s.]|[a-z0-9]\.[a-z]{2,24}/[^\s/]", re.ASCII | re.IGNORECASE
)


class Subject(StrEnum):
    """Tell what a gateway does with a Subject; ours is always empty."""

    UNKNOWN = "unknown"
    IGNORED = "ignored"
    SHOWN = "shown"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class Allowance:
    """Hold what is known of one gateway; None means that nothing is."""

    length: int | None = None
    """Characters of the default alphabet in one mail; more than 160 where the gateway splits by itself."""
    subject: Subject = Subject.UNKNOWN
    links: bool | None = None
    attachments: bool | None = None

    @property
    def room(self) -> Room:
        """Say how much one mail may carry; one SMS where nothing is known."""
        return ONE_SMS if self.length is None else room_for(self.length)

    def __str__(self) -> str:
        """Write what is known as one line, or nothing."""
        known = [f"up to {self.length} characters a mail"] if self.length else []
        known += [f"a Subject is {self.subject}"] if self.subject is not Subject.UNKNOWN else []
        known += [f"{'takes' if self.links else 'refuses'} links"] if self.links is not None else []
        takes = "takes" if self.attachments else "refuses"
        known += [f"{takes} attachments"] if self.attachments is not None else []
        return ", ".join(known)


NOTHING_KNOWN: Final = Allowance()


def has_link(words: str) -> bool:
    """Tell whether words hold what a carrier's filter takes for a link."""
    return _LINK.search(words) is not None
