"""Count texts against the operator's limits and those of guilds' admins, in the same order for everybody."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.limits import Counters
from bot.domain.errors import UserError
from bot.domain.limits import Limits, Rate
from bot.domain.permission import Policy
from bot.services.policies import Policies

_HOUR = timedelta(hours=1)
_SENDER = "You've sent as many texts as you may for now"
_PAIR = "You've tried to text this person often enough for now"
_RECIPIENT = "That person has had as many texts as they can take for now"
_GUILD = "This server has sent as many texts as it may for now"
_DEPLOYMENT = "This bot has carried as many texts as it may for now"
# A counter's key, its rate, and what to say where it is used up.
_Bound = tuple[str, Rate, str]


class Bounds:
    """The limits of one batch of texts, held until its transaction ends; None is no limits of the operator's.

    First hold and count what depends on the senders, then what depends on those they may text: the database
    locks in that order, so no two batches wait for each other.
    """

    def __init__(
        self, session: AsyncSession, limits: Limits | None, policies: Policies, now: datetime
    ) -> None:
        self._session, self._limits, self._policies, self._now = session, limits, policies, now
        self._counters = Counters()

    async def hold_senders(self, ways: Iterable[tuple[int, int, int]]) -> None:
        """Hold the counters of (sender, recipient, guild)."""
        await self._hold({key for way in ways for key, _, _ in self._of_sender(*way)})

    async def hold_recipients(self, places: Iterable[tuple[int, int]]) -> None:
        """Hold the counters of (recipient, guild)."""
        await self._hold({key for place in places for key, _, _ in self._of_recipient(*place)})

    async def _hold(self, keys: set[str]) -> None:
        await self._counters.hold(self._session, keys)

    def count_sender(self, sender: int, recipient: int, guild: int) -> None:
        """Count an attempt, whoever is meant. Raises UserError that says when the next one can go."""
        self._use(self._of_sender(sender, recipient, guild))

    def count_recipient(self, recipient: int, guild: int) -> None:
        """Count a text to somebody who takes it. Raises UserError that says when the next one can go."""
        self._use(self._of_recipient(recipient, guild))

    def _use(self, bounds: Iterable[_Bound]) -> None:
        for key, rate, sentence in bounds:
            next_at = self._counters.use(key, rate.count, rate.per, self._now)
            if next_at is not None:
                raise UserError(f"{sentence}. The next one can go <t:{int(next_at.timestamp()) + 1}:R>.")

    async def save(self) -> None:
        """Write down what was counted."""
        await self._counters.save(self._session)

    def _of_sender(self, sender: int, recipient: int, guild: int) -> list[_Bound]:
        limits, policy = self._limits, self._policies.of(guild)
        bounds: list[_Bound] = []
        if limits is not None:
            bounds.append((f"sender:{sender}", limits.sender, _SENDER))
            bounds.append((f"pair:{sender}:{recipient}", limits.pair, _PAIR))
        # The operator's limits count what somebody sends anywhere, a guild's what they send there.
        if policy.sender_limit is not None:
            bounds.append((f"here:{guild}:{sender}", Rate(policy.sender_limit, _HOUR), _SENDER))
        if policy.pair_limit is not None:
            bounds.append((f"here:{guild}:{sender}:{recipient}", Rate(policy.pair_limit, _HOUR), _PAIR))
        return bounds

    def _of_recipient(self, recipient: int, guild: int) -> list[_Bound]:
        limits, policy = self._limits, self._policies.of(guild)
        bounds: list[_Bound] = []
        if limits is not None:
            bounds.append((f"recipient:{recipient}", limits.recipient, _RECIPIENT))
            bounds.append((f"guild:{guild}", limits.guild, _GUILD))
            if limits.deployment is not None:
                bounds.append(("texts", limits.deployment, _DEPLOYMENT))
        if policy.recipient_limit is not None:
            theirs = Rate(policy.recipient_limit, _HOUR)
            bounds.append((f"here-to:{guild}:{recipient}", theirs, _RECIPIENT))
        if policy.guild_limit is not None:
            bounds.append((f"here:{guild}", Rate(policy.guild_limit, _HOUR), _GUILD))
        return bounds


def most_an_hour(limits: Limits | None, name: str) -> int | None:
    """Say how many texts an hour the operator lets pass, which no guild's limit exceeds; None: any number."""
    if limits is None:
        return None
    rate: Rate = getattr(limits, name)
    return max(1, int(rate.count * (_HOUR / rate.per)))


def lowest(policy: Policy, limits: Limits | None, name: str) -> int | None:
    """Say how many texts an hour pass here: the guild's limit, or the operator's where that is lower."""
    own: int | None = getattr(policy, f"{name}_limit")
    return min((most for most in (own, most_an_hour(limits, name)) if most is not None), default=None)
