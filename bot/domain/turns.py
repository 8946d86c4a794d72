"""Give each waiting mail its turn in its lane, so that nobody's many delay another's one."""

from dataclasses import dataclass

# Turns are microseconds since 1970: the order of a lane, not a time at which anything happens.
GAP_US = 60_000_000
# What stands more turns back than this has expired before it comes up: its exact place matters to nobody.
FURTHEST_TURNS = 1_000


@dataclass(frozen=True, slots=True)
class Turn:
    """A place in the lane; `first_of_pair` where nothing else waited from this sender to this recipient."""

    at: int
    first_of_pair: bool


def furthest(now: int) -> int:
    """Return the turn behind which the exact place matters to nobody."""
    return now + FURTHEST_TURNS * GAP_US


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits of some senders and for some recipients; who takes a turn joins it.

    A sender's texts stand a gap apart. Where a sender is new to a recipient, the text also stands as many
    gaps back as other senders wait for that recipient. So one sender's many cost another sender one gap at
    most, also at the same recipient, and one recipient's many cost another recipient's nothing.
    """

    last_of_sender: dict[int, int]
    pairs: set[tuple[int, int]]
    senders_of_recipient: dict[int, int]

    def take(self, sender: int, recipient: int, now: int) -> Turn:
        """Take the next turn."""
        last = self.last_of_sender.get(sender)
        at = now if last is None else max(now, last + GAP_US)
        first = at <= furthest(now) and (sender, recipient) not in self.pairs
        if first:
            others = self.senders_of_recipient.get(recipient, 0)
            at = max(at, now + min(others, FURTHEST_TURNS) * GAP_US)
            self.senders_of_recipient[recipient] = others + 1
        self.pairs.add((sender, recipient))
        self.last_of_sender[sender] = at
        return Turn(at, first)
