"""Decide whether one person may text another in a guild now: when a text comes, and before it goes."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from bot.domain.consent import EVERYONE, LISTED
from bot.domain.quiet import Quiet
from bot.domain.words import REFUSAL

FOREVER: Final = timedelta(days=365 * 100)
_DISCORD_BEGAN: Final = datetime(2015, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a guild's admins set: who may send there; limits are texts an hour, None where the bot's hold."""

    texting: bool = True
    paused_until: datetime | None = None
    roles: frozenset[int] = frozenset()
    """Of these a sender needs one; none means that every member may send."""
    account_age: timedelta = timedelta(days=3)
    time_here: timedelta = timedelta(minutes=10)
    log_channel: int | None = None
    sender_limit: int | None = None
    pair_limit: int | None = None
    recipient_limit: int | None = None
    guild_limit: int | None = None
    answers_here: bool = False
    """Senders may have what phones answer shown in the channel of their text."""


DEFAULT: Final = Policy()


class Sender(NamedTuple):
    """Who sends; roles are None before a text goes: Discord tells them only as somebody types."""

    id: int
    roles: Collection[int] | None = None
    joined_at: datetime | None = None
    is_admin: bool = False


class Door(NamedTuple):
    """How one recipient stands to one sender in one guild, as the store has it."""

    ready: bool  # proven, in this guild, on a carrier that takes texts today
    audience: str | None
    listed: Collection[int]
    blocked: bool
    barred: bool  # the guild's admins let this sender send nothing there
    paused_until: datetime | None
    quiet: Quiet | None
    urgent: bool


class Kind(StrEnum):
    """What the decision is."""

    YES = "yes"
    HELD = "held"  # the text may go, later
    HERE = "here"  # this sender may text nobody here now
    REFUSED = "refused"  # this recipient takes nothing from this sender


class Verdict(NamedTuple):
    """The decision: what to tell the sender, until when to hold, and by which listed id it may go."""

    kind: Kind
    sentence: str = ""
    until: datetime | None = None
    let_in_by: int | None = None


_NO: Final = Verdict(Kind.REFUSED, REFUSAL)
_YES: Final = Verdict(Kind.YES)


def judge(policy: Policy, sender: Sender, door: Door, let_in_by: int | None, now: datetime) -> Verdict:
    """Say whether this sender may text that recipient here now; the order is the same for everybody.

    `let_in_by` is the listed id that let the text in when it came, None where it comes just now.
    """
    closed = _closed_here(policy, sender, door, now)
    if closed:
        return Verdict(Kind.HERE, closed)
    if not door.ready or door.blocked or (door.paused_until is not None and door.paused_until > now):
        return _NO
    by = None
    if door.audience == LISTED:
        by = _listed(door.listed, sender, let_in_by)
        if by is None:
            return _NO
    elif door.audience != EVERYONE:
        return _NO
    until = door.quiet.ends(now) if door.quiet is not None and not door.urgent else None
    if until is not None:
        return Verdict(Kind.HELD, until=until, let_in_by=by)
    return _YES if by is None else Verdict(Kind.YES, let_in_by=by)


def _closed_here(policy: Policy, sender: Sender, door: Door, now: datetime) -> str:
    """Say why this sender may text nobody in this guild now; empty where they may."""
    if not policy.texting:
        return "Texting is switched off in this server. An admin can switch it on with /bridge settings."
    if policy.paused_until is not None and policy.paused_until > now:
        return (
            f"Texting is paused in this server{until_words(policy.paused_until, now)}. Try again after that."
        )
    if door.barred:
        return "The admins of this server let you send no texts here. Ask them if that is a mistake."
    if sender.is_admin or sender.roles is None:
        # Whoever sets these rules would only be in their own way; and who was let in is not asked again.
        return ""
    old_enough = made_at(sender.id) + policy.account_age
    if old_enough > now:
        return f"Your Discord account is too new to send texts here. The first can go {_at(old_enough)}."
    if sender.joined_at is not None and sender.joined_at + policy.time_here > now:
        return (
            f"You joined this server only just now. The first text can go "
            f"{_at(sender.joined_at + policy.time_here)}."
        )
    if policy.roles and policy.roles.isdisjoint(sender.roles):
        return "Only members with certain roles may send texts in this server. Ask an admin for one."
    return ""


def _listed(listed: Collection[int], sender: Sender, let_in_by: int | None) -> int | None:
    """Find the listed id that lets a sender in: their own, or a role that they have or came by."""
    if sender.id in listed:
        return sender.id
    roles = sender.roles if sender.roles is not None else [let_in_by]
    return next((role for role in roles if role in listed), None)


def made_at(discord_id: int) -> datetime:
    """Tell when an account was made: Discord's ids say so."""
    return _DISCORD_BEGAN + timedelta(milliseconds=discord_id >> 22)


def until_words(until: datetime, now: datetime) -> str:
    """Word the end of a pause."""
    if until - now > FOREVER / 2:
        return " until it is resumed"
    return f" until <t:{int(until.timestamp())}:f>"


def _at(when: datetime) -> str:
    return f"<t:{int(when.timestamp()) + 1}:R>"
