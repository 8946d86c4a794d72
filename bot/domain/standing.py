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
    answer_until: datetime | None = None

    def open(self, now: datetime) -> bool:
        """Tell whether its answer in Discord can still be edited."""
        return self.answer_until is not None and self.answer_until > now


@dataclass(frozen=True, slots=True)
class OpenAnswer:
    """A Discord answer that can be edited until then; its token is a secret and never shows in a repr."""

    token: str = field(repr=False)
    until: datetime
