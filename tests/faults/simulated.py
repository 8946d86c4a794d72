"""Let a relay work through simulated hours: the clock goes from one moment at which it looks to the next."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from bot.db.tables import Attempt, OutboxItem, TextRow
from bot.domain.outcome import Reply
from bot.domain.states import FINAL
from bot.services.delivery import Relay
from bot.services.permit import Sendable
from tests.services.world import TAKEN, Clock, Road, World

# What a relay says it waits where it has nothing to do before its next look at what is late.
IDLE_S = 1.0
LEAST_STEP_S = 0.5
PEOPLE = 1000  # the first of those whom crowd() registers


class TimedRoad(Road):
    """A road that notes when each mail was tried, and when taken."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.tried_at: list[datetime] = []
        self.taken_at: list[tuple[datetime, Sendable]] = []

    async def send(self, mail: Sendable) -> Reply:
        self.tried_at.append(self.clock())
        reply = await super().send(mail)
        if reply == TAKEN:
            self.taken_at.append((self.clock(), mail))
        return reply

    def tried_between(self, begin: datetime, end: datetime) -> int:
        return sum(begin <= at < end for at in self.tried_at)

    def most_a_minute(self, since: datetime) -> int:
        """Return the most tries in any minute after a moment."""
        at = sorted(one for one in self.tried_at if one >= since)
        most = first = 0
        for last, moment in enumerate(at):
            while moment - at[first] >= timedelta(minutes=1):
                first += 1
            most = max(most, last - first + 1)
        return most


async def crowd(world: World, count: int, slugs: Sequence[str] = ("us-one", "us-two")) -> list[int]:
    """Register so many people, each with a number of their own, at these carriers in turn; returns them."""
    people = list(range(PEOPLE, PEOPLE + count))
    for index, person in enumerate(people):
        number = f"+1206{2000000 + index}"
        await world.register(person, typed_number=number, carrier_slug=slugs[index % len(slugs)])
    return people


async def live(
    relay: Relay,
    clock: Clock,
    until: datetime,
    *,
    idle_s: float = IDLE_S,
    done: Callable[[], Awaitable[bool]] | None = None,
    meanwhile: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Let the relay work until then, or until it is done; where it is idle, it looks every `idle_s`."""
    passes = 0
    while clock.at < until:
        if meanwhile is not None:
            await meanwhile()
        seconds = await relay.one_pass()
        await relay._flight.ended()
        passes += 1
        if relay._flight.results(1):
            continue
        if done is not None and passes % 8 == 0 and await done():
            return
        clock.forward(seconds=max(seconds, LEAST_STEP_S) if seconds < IDLE_S else idle_s)


async def states(world: World) -> Counter[str]:
    return Counter(row.state for row in await world.rows(TextRow))


async def all_final(world: World) -> bool:
    return not await world.rows(TextRow, TextRow.state.not_in(FINAL))


async def stuck(world: World) -> list[int]:
    """List what is left of mails that ought to have ended."""
    return [row.id for row in await world.rows(OutboxItem, OutboxItem.turn.is_not(None))]


async def tries_by_outcome(world: World) -> Counter[str]:
    return Counter(row.outcome for row in await world.rows(Attempt))
