"""Let a guild's admins set who may send texts there and how many, and pause it; each change is audited."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import carriers, held, policies
from bot.domain.errors import UserError
from bot.domain.limits import Limits
from bot.domain.permission import DEFAULT, Policy, until_words
from bot.services.bounds import most_an_hour
from bot.services.phone import pause_end
from bot.services.policies import policy_of, values_of

LIMITS = ("sender", "pair", "recipient", "guild")
_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)
LONGEST_AGE_DAYS, LONGEST_STAY_MINUTES, MOST_ROLES = 365, 30 * 24 * 60, 25


async def policy(session: AsyncSession, guild_id: int) -> Policy:
    """Read what a guild's admins set, and let nobody else change it before this transaction ends."""
    row = await policies.policy_row(session, guild_id)
    return DEFAULT if row is None else policy_of(row)


async def change(
    session: AsyncSession,
    guild_id: int,
    actor_id: int,
    action: str,
    changes: Mapping[str, Any],
    now: datetime,
) -> Policy:
    """Change some of a guild's policy; returns all of it."""
    before = await policy(session, guild_id)
    after = replace(before, **changes)
    if after != before:
        await policies.put_policy(session, guild_id, dict(values_of(after)))
        old, new = _differences(before, after, now)
        await carriers.audit(session, guild_id, actor_id, action, "", old, new, now)
        await held.look_again(session, now, guild_id=guild_id)
    return after


def _differences(before: Policy, after: Policy, now: datetime) -> tuple[dict[str, str], dict[str, str]]:
    old, new = asdict(before), asdict(after)
    changed = [name for name in old if old[name] != new[name]]
    found = [{name: _written(name, of[name], now) for name in changed} for of in (old, new)]
    return found[0], found[1]


def _written(name: str, value: Any, now: datetime) -> str:
    """Write a value as the audit shows it."""
    if isinstance(value, frozenset):
        return " ".join(f"<@&{role}>" for role in sorted(value))
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, datetime):
        return until_words(value, now).strip()
    if isinstance(value, timedelta):
        days, rest = divmod(value, _DAY)
        return f"{days} days" if days and not rest else f"{value // _MINUTE} minutes"
    if name == "log_channel" and value is not None:
        return f"<#{value}>"
    return "" if value is None else str(value)


async def pause(session: AsyncSession, guild_id: int, actor_id: int, hours: int | None, now: datetime) -> str:
    """Let no text of this guild go for some hours, or until resumed."""
    until = pause_end(hours, now)
    await change(session, guild_id, actor_id, "pause", {"paused_until": until}, now)
    return (
        f"Texting is paused here{until_words(until, now)}; what waited is cancelled. /bridge resume ends it."
    )


async def resume(session: AsyncSession, guild_id: int, actor_id: int, now: datetime) -> str:
    """Let texts go again."""
    await change(session, guild_id, actor_id, "resume", {"paused_until": None}, now)
    return "Members can send texts here again."


async def block(session: AsyncSession, guild_id: int, actor_id: int, person_id: int, now: datetime) -> str:
    """Let somebody send no texts here."""
    if await policies.bar(session, guild_id, person_id, actor_id, now):
        await carriers.audit(session, guild_id, actor_id, "block", str(person_id), {}, {}, now)
        await held.look_again(session, now, guild_id=guild_id)
    return f"<@{person_id}> can send no texts here any more. /bridge unblock lifts it."


async def unblock(session: AsyncSession, guild_id: int, actor_id: int, person_id: int, now: datetime) -> str:
    """Let somebody send texts again."""
    if not await policies.lift(session, guild_id, person_id):
        return f"<@{person_id}> wasn't blocked here."
    await carriers.audit(session, guild_id, actor_id, "unblock", str(person_id), {}, {}, now)
    return f"<@{person_id}> can send texts here again."


def limits_from(typed: Mapping[str, str], operators: Limits | None) -> dict[str, int | None]:
    """Read the limits that were typed, empty for the bot's own. Raises UserError beyond the operator's."""
    found: dict[str, int | None] = {}
    for name in LIMITS:
        most = most_an_hour(operators, name)
        value = _whole(typed[name], "texts an hour", 1, 1_000_000) if typed[name].strip() else None
        if value is not None and most is not None and value > most:
            raise UserError(f"This bot lets at most {most} texts an hour pass there. Choose {most} or fewer.")
        found[f"{name}_limit"] = value
    return found


def gates_from(days: str, minutes: str) -> dict[str, timedelta]:
    """Read how old an account must be, and how long a member; empty for the default. Raises UserError."""
    found = dict[str, timedelta]()
    age = _whole(days, "days", 0, LONGEST_AGE_DAYS) if days.strip() else None
    stay = _whole(minutes, "minutes", 0, LONGEST_STAY_MINUTES) if minutes.strip() else None
    found["account_age"] = DEFAULT.account_age if age is None else timedelta(days=age)
    found["time_here"] = DEFAULT.time_here if stay is None else timedelta(minutes=stay)
    return found


def _whole(typed: str, of_what: str, least: int, most: int) -> int:
    bare = typed.strip()
    if not (bare.isascii() and bare.isdecimal() and len(bare) <= 9 and least <= int(bare) <= most):
        raise UserError(f"Write a whole number of {of_what}, from {least} to {most}, or leave it empty.")
    return int(bare)
