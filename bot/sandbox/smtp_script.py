"""Tell the carriers what to do at which step, for whom and how often."""

from dataclasses import dataclass
from enum import StrEnum


class Step(StrEnum):
    """A point in the mail conversation at which a server answers."""

    CONNECT = "connect"
    EHLO = "ehlo"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    QUIT = "quit"


class Action(StrEnum):
    """What the server does there instead of accepting."""

    REFUSE = "refuse"
    STALL = "stall"
    DROP = "drop"
    DELAY = "delay"


BEFORE_RECIPIENT = {Step.CONNECT, Step.EHLO, Step.MAIL, Step.QUIT}


@dataclass(frozen=True, slots=True)
class Order:
    """One order; `match` is a whole address or a domain, empty for everybody; `times` None for ever."""

    step: Step
    action: Action
    reply: str = "550 5.1.1 no such number"
    match: str = ""
    seconds: float = 0.0
    times: int | None = None

    def __post_init__(self) -> None:
        if self.match and self.step in BEFORE_RECIPIENT:
            raise ValueError(f"no recipient is known at {self.step}")


class Script:
    """The orders in force; the newest that fits wins."""

    def __init__(self) -> None:
        self._orders: list[tuple[Order, list[int]]] = []

    def add(self, order: Order) -> None:
        """Put an order in force."""
        self._orders.append((order, [order.times if order.times is not None else -1]))

    def clear(self) -> None:
        """Accept everything again."""
        self._orders.clear()

    def order(self, step: Step, recipients: list[str]) -> Order | None:
        """Find the order for this step and the last recipient, and count it."""
        last = recipients[-1] if recipients else ""
        for order, left in reversed(self._orders):
            if order.step is step and left[0] != 0 and _fits(order.match, last):
                left[0] -= 1
                return order
        return None


def _fits(match: str, recipient: str) -> bool:
    return not match or match == recipient or recipient.endswith("@" + match)


def refuse(step: Step, reply: str, match: str = "", times: int | None = None) -> Order:
    """Refuse with this reply line."""
    return Order(step, Action.REFUSE, reply, match, times=times)


def stall(step: Step, match: str = "", times: int | None = None) -> Order:
    """Never answer."""
    return Order(step, Action.STALL, match=match, times=times)


def drop(step: Step, match: str = "", times: int | None = None) -> Order:
    """Hang up instead of answering."""
    return Order(step, Action.DROP, match=match, times=times)


def delay(step: Step, seconds: float, match: str = "", times: int | None = None) -> Order:
    """Answer as usual, but later."""
    return Order(step, Action.DELAY, match=match, seconds=seconds, times=times)
