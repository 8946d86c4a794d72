"""Send many texts at once from a process of its own; test_sender_processes.py runs it.

It reads a line of JSON, says "ready", waits for a line, sends, and says how many were taken.
"""

import asyncio
import json
import sys
from itertools import count
from typing import Any

from bot.db.store import open_store
from bot.services.desk import Desk
from bot.services.shelf import Shelf
from bot.services.texting import Accepted
from tests.services.world import ANN, BOB, CATALOGUE, Clock, World


async def main() -> None:
    """Send them."""
    # Its own import: the module is a test's, and this process is not one.
    from tests.services.test_texting import only

    asked: dict[str, Any] = json.loads(sys.stdin.readline())
    store = await open_store(asked["url"], [asked["key"]])
    limits = only(**{asked["limit"]: asked["most"]}) if asked["limit"] else only()
    world = World(store, Clock(), Shelf(CATALOGUE, frozenset()), limits)
    desk = Desk(store, world.rules, "US", None, world.clock, asyncio.Event(), asyncio.Event())
    ids = count(asked["first"])
    requests = [world.request(ANN, BOB, interaction_id=next(ids)) for _ in range(asked["texts"])]
    await desk.refresh()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    answers = await asyncio.gather(*(desk.accept(request) for request in requests))
    print(sum(isinstance(answer, Accepted) for answer in answers), flush=True)
    await desk.close()
    await store.close()


if __name__ == "__main__":
    asyncio.run(main())
