"""Describe how a recipient stands to a sender, as the decision whether a text may go needs it."""

from datetime import datetime

from bot.db.reach import Reach
from bot.domain.permission import Door
from bot.services.shelf import Shelf


def door_of(there: Reach, shelf: Shelf, now: datetime, *, is_member: bool = True) -> Door:
    """Describe what was looked up as the decision needs it."""
    phone = there.phone
    ready = is_member and phone is not None and shelf.takes(phone, now)
    paused_until, quiet = (phone.paused_until, phone.quiet) if phone is not None else (None, None)
    return Door(
        ready,
        there.audience,
        there.listed,
        there.blocked,
        there.barred,
        paused_until,
        quiet,
        there.urgent,
    )
