"""Keep what guilds' admins set in memory, and take over what any process changed of it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import policies
from bot.db.one_trip import on_the_loop
from bot.domain.permission import DEFAULT, Policy


class Policies:
    """The policies of guilds that have one of their own; all others have the default."""

    def __init__(self) -> None:
        self._version = 0
        self._of: dict[int, Policy] = {}

    def of(self, guild_id: int) -> Policy:
        """Return a guild's policy."""
        return self._of.get(guild_id, DEFAULT)

    async def refresh(self, session: AsyncSession, version: str) -> None:
        """Read what changed since the last look, where the version of all has moved."""
        known = self._version
        if int(version) == known:
            return
        await on_the_loop()
        changed = await policies.changed_since(session, known)
        if self._version >= int(version):
            return  # meanwhile somebody else took over as much
        self._of.update((row.guild_id, policy_of(row)) for row in changed)
        self._version = int(version)


def policy_of(row: Any) -> Policy:
    """Read a row of the store, with the default for what is empty."""
    given: dict[str, Any] = {
        "account_age": None if row.account_days is None else timedelta(days=row.account_days),
        "time_here": None if row.member_minutes is None else timedelta(minutes=row.member_minutes),
    }
    return Policy(
        texting=bool(row.texting),
        paused_until=row.paused_until,
        roles=frozenset(int(role) for role in row.sender_roles.split(",") if role),
        log_channel=row.log_channel_id,
        sender_limit=row.sender_limit,
        pair_limit=row.pair_limit,
        recipient_limit=row.recipient_limit,
        guild_limit=row.guild_limit,
        answers_here=bool(row.answers_here),
        **{name: value for name, value in given.items() if value is not None},
    )


def values_of(policy: Policy) -> Mapping[str, Any]:
    """Name the columns of the store with what a policy holds."""
    return {
        "texting": policy.texting,
        "paused_until": policy.paused_until,
        "log_channel_id": policy.log_channel,
        "sender_roles": ",".join(str(role) for role in sorted(policy.roles)),
        "account_days": _unless(policy.account_age, DEFAULT.account_age, timedelta(days=1)),
        "member_minutes": _unless(policy.time_here, DEFAULT.time_here, timedelta(minutes=1)),
        "sender_limit": policy.sender_limit,
        "pair_limit": policy.pair_limit,
        "recipient_limit": policy.recipient_limit,
        "guild_limit": policy.guild_limit,
        "answers_here": policy.answers_here,
    }


def _unless(value: timedelta, default: timedelta, unit: timedelta) -> int | None:
    return None if value == default else value // unit
