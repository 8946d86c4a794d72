"""Where a text stands, and the Discord answer that still can be edited."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a text stands, without its words."""

    id: int
    sender_id: int
    recipient_id: int
    guild_id: int
    state: str
    reason: str
    parts: int
    parts_sent: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OpenAnswer:
    """A Discord answer that can be edited until then; its token is a secret and never shows in a repr."""

    token: str = field(repr=False)
    until: datetime
