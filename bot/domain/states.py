"""Name the states of texts and mails, and say where a text stands from its mails."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """Where a text stands; never more than is known."""

    HELD = "held"
    QUEUED = "queued"
    SENDING = "sending"
    ACCEPTED = "accepted"  # the gateway's server took it (SMTP 250); delivery is not confirmed
    REPLIED = "replied"
    BOUNCED = "bounced"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Item(StrEnum):
    """Where a mail in the outbox stands."""

    WAITING = "waiting"
    LEASED = "leased"
    HELD = "held"  # until the recipient's quiet hours end; it has no turn, so it holds up nobody
    SENT = "sent"
    UNSURE = "unsure"  # given up after attempts that may or may not have arrived
    REFUSED = "refused"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


# Of these the sender must know, by DM where the answer can no longer be edited.
MUST_KNOW = frozenset({State.BOUNCED, State.FAILED, State.EXPIRED, State.CANCELLED})
FINAL = frozenset(
    {State.ACCEPTED, State.REPLIED, State.BOUNCED, State.FAILED, State.EXPIRED, State.CANCELLED}
)
_WORST_FIRST = (
    (Item.REFUSED, State.FAILED),
    (Item.UNSURE, State.FAILED),
    (Item.EXPIRED, State.EXPIRED),
    (Item.CANCELLED, State.CANCELLED),
)


def text_state(items: Sequence[str]) -> State:
    """Say where a text stands from the states of its mails."""
    if any(item in (Item.WAITING, Item.LEASED) for item in items):
        return State.QUEUED
    if Item.HELD in items:
        return State.HELD
    for item, state in _WORST_FIRST:
        if item in items:
            return state
    return State.ACCEPTED


def held_reason(until: datetime) -> str:
    """Write until when a text is held, as the reason that is kept with it."""
    return str(int(until.timestamp()))


def parts_sent(items: Sequence[str]) -> int:
    """Count the mails that were handed over."""
    return sum(item == Item.SENT for item in items)
