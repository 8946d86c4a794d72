"""Count texts against the deployment's limits, in the same order for everybody."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.limits import Counters
from bot.domain.errors import UserError
from bot.domain.limits import Limits, Rate


class Bounds:
    """The limits of one batch of texts, held until its transaction ends; None is no limits.

    First hold and count what depends on the senders, then what depends on those they may text: the database
    locks in that order, so no two batches wait for each other.
    """

    def __init__(self, session: AsyncSession, limits: Limits | None, now: datetime) -> None:
        self._session, self._limits, self._now = session, limits, now
        self._counters = Counters()

    async def hold_senders(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Hold the counters of (sender, recipient)."""
        await self._hold({key for pair in pairs for key in _sender_keys(*pair)})

    async def hold_recipients(self, places: Iterable[tuple[int, int]]) -> None:
        """Hold the counters of (recipient, guild)."""
        await self._hold({key for place in places for key in _recipient_keys(*place)})

    async def _hold(self, keys: set[str]) -> None:
        if self._limits is not None:
            await self._counters.hold(self._session, keys)

    def count_sender(self, sender: int, recipient: int) -> None:
        """Count an attempt, whoever is meant. Raises UserError that says when the next one can go."""
        if self._limits is None:
            return
        own, pair = _sender_keys(sender, recipient)
        self._use(own, self._limits.sender, "You've sent as many texts as you may for now")
        self._use(pair, self._limits.pair, "You've tried to text this person often enough for now")

    def count_recipient(self, recipient: int, guild: int) -> None:
        """Count a text to somebody who takes it. Raises UserError that says when the next one can go."""
        if self._limits is None:
            return
        theirs, here = _recipient_keys(recipient, guild)
        full = "That person has had as many texts as they can take for now"
        self._use(theirs, self._limits.recipient, full)
        self._use(here, self._limits.guild, "This server has sent as many texts as it may for now")

    def _use(self, key: str, rate: Rate, sentence: str) -> None:
        next_at = self._counters.use(key, rate.count, rate.per, self._now)
        if next_at is not None:
            raise UserError(f"{sentence}. The next one can go <t:{int(next_at.timestamp()) + 1}:R>.")

    async def save(self) -> None:
        """Write down what was counted."""
        if self._limits is not None:
            await self._counters.save(self._session)


def _sender_keys(sender: int, recipient: int) -> tuple[str, str]:
    return f"sender:{sender}", f"pair:{sender}:{recipient}"


def _recipient_keys(recipient: int, guild: int) -> tuple[str, str]:
    return f"recipient:{recipient}", f"guild:{guild}"
