"""One gateway that is dead changes nothing for the others, seen through the whole relay."""

import asyncio
import statistics
from collections.abc import Sequence
from typing import Any

import pytest

from bot.app import utc_now
from bot.config import SmtpConfig
from bot.db.store import Store
from bot.domain.states import State
from bot.loop import repeat
from bot.mail.render import Letter, render
from bot.mail.smtp import Road, Timeouts
from bot.sandbox.smtp import LOOPBACK, Sink
from bot.sandbox.smtp_script import Order, Step, delay, refuse, stall
from bot.services.delivery import Ports, Relay
from bot.services.permit import Sendable
from bot.services.shelf import Shelf
from tests.db.stores import Shared, empty_tables
from tests.faults.simulated import crowd, states
from tests.services.world import CATALOGUE, UNPACED, World

pytestmark = [pytest.mark.fault, pytest.mark.slow]

SENDER = "textbridge@example.org"
ALIVE, REFUSES, STALLS = "one.example.net", "two.example.net", "closing.example.net"
CARRIERS = ("us-one", "us-two", "us-closing")
CONNECTIONS, TEXTS, DEAD_TEXTS = 8, 40, 24
# An answer takes long enough that what a busy machine adds is small beside it.
ANSWER_S = 0.05
MOST_LONGER, ROUNDS = 1.10, 5
DONE_S = 30.0


@pytest.fixture
def shared_store(shared_sqlite: Shared) -> Shared:
    """Run on SQLite only: the databases claim alike, and this is about time."""
    empty_tables(shared_sqlite.url, keep="wrapped_keys")
    return shared_sqlite


def relay_on(world: World, road: Road) -> Relay:
    def put(item: Sendable, lane: str, urgent: bool, until: float, end: Any) -> None:
        mail = render(SENDER, Letter(item.address, item.words, item.mail_id, utc_now()))
        road.put(mail, lane, end, urgent=urgent, until=until)

    ports = Ports(put, road.recall, road.probe, utc_now, lambda: 0.5)
    return Relay(world.store, world.shelf, ports, 1, CONNECTIONS, UNPACED)


async def p95_of_the_living(store: Store, sink: Sink, trouble: Sequence[Order]) -> float:
    """Return the p95, in seconds, from the relay's start to a mail of the gateway that lives."""
    empty_tables(str(store.engine.url), keep="wrapped_keys")
    sink.mails.clear()
    sink.release()
    sink.tell(delay(Step.BODY, ANSWER_S))
    for order in trouble:
        sink.tell(order)
    world = World(store, utc_now, Shelf(CATALOGUE, frozenset()))
    people = await crowd(world, 30, CARRIERS)
    dead = [person for index, person in enumerate(people) if index % 3]
    alive = people[::3]
    for number in range(DEAD_TEXTS if trouble else 0):
        await world.text(11 + number, dead[number % len(dead)])
    for number in range(TEXTS):
        await world.text(11 + number, alive[number % len(alive)])
    account = SmtpConfig(
        host=LOOPBACK, port=sink.port, security="none", sender=SENDER, connections=CONNECTIONS
    )
    road = Road(account, lambda: world.shelf.domains, Timeouts(command=2, slow=0.2))
    relay, stop, taken_at = relay_on(world, road), asyncio.Event(), list[float]()
    clock = asyncio.get_running_loop().time
    done, began = asyncio.Event(), clock()

    def listen(mail: Any) -> None:
        if mail.recipient.endswith(ALIVE):
            taken_at.append(clock() - began)
            if len(taken_at) == TEXTS:
                done.set()

    sink.listeners[:] = [listen]
    working = asyncio.create_task(repeat("relay", relay.one_pass, relay.wake, stop))
    await asyncio.wait_for(done.wait(), DONE_S)
    stop.set()
    relay.wake.set()
    await asyncio.gather(working, road.close(0.1, 0.5))
    await relay.finish()
    assert (await states(world))[State.ACCEPTED] == TEXTS
    return statistics.quantiles(taken_at, n=20)[-1]


@pytest.mark.ci
async def test_gateways_that_refuse_or_stall_leave_the_others_as_fast(store: Store, sink: Sink) -> None:
    trouble = [refuse(Step.RCPT, "550 5.7.1 blocked", match=REFUSES), stall(Step.RCPT, match=STALLS)]
    # What else the machine does only ever adds time: the least of some rounds is the relay's own.
    alone, beside = list[float](), list[float]()
    for _ in range(ROUNDS):
        alone.append(await p95_of_the_living(store, sink, []))
        beside.append(await p95_of_the_living(store, sink, trouble))
        if min(beside) <= MOST_LONGER * min(alone):
            return
    pytest.fail(f"p95 of the others went from {min(alone):.3f} s to {min(beside):.3f} s")
