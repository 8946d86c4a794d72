"""One refusal in time too: how long an answer takes tells nobody who is registered (dangers.md T13)."""

import random
import statistics
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from bot.app import CATALOGUE
from bot.db import listing, people, verifications
from bot.db.carriers import put_entry
from bot.db.migrate import migrate
from bot.db.store import Store, open_store
from bot.domain.catalogue_file import parse_catalogue
from bot.domain.consent import EVERYONE, LISTED, NOBODY
from bot.domain.limits import Limits, Rate
from bot.domain.quiet import Quiet
from bot.domain.words import REFUSAL
from bot.services.shelf import Shelf
from bot.services.texting import Accepted, Refused, Request, Rules, accept
from tests.conftest import Size

MOST_APART_S = 0.005
BATCH = 50
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GUILD, ELSEWHERE, SENDER, FIRST = 1, 2, 10, 1000
BLOCKED, PAUSED, CLOSED, NOT_HERE, UNPROVEN, RETIRED, LISTING, QUIET, UNKNOWN, *STATES = CASES = tuple(
    range(20, 33)
)
# What STOP, a STOP that may be forged, bounces and a year of silence leave behind.
LEFT = (people.STOPPED, people.HALTED, people.RETURNED, people.QUIET)
OFTEN = Rate(10**6, timedelta(hours=1))


async def register(
    session: AsyncSession, person: int, guild: int = GUILD, carrier: str = "us-verizon"
) -> None:
    number = f"+1206555{person:04d}"
    claim = verifications.Claim(
        person, f"p{person}", number, "US", carrier, 0, "vtext.com", "national", "", guild, "1"
    )
    await verifications.start(session, claim, "123456", NOW + timedelta(minutes=10))
    waiting = await verifications.live(session, person, NOW)
    assert waiting is not None
    await verifications.prove(session, waiting, NOW)
    await people.allow(session, person, guild, EVERYONE, NOW)


async def fill(store: Store, others: int) -> None:
    async with store.write() as session:
        for slug, status in (("us-gone", "retired"), ("us-moved", "active")):
            entry = {"name": slug, "domain": "vtext.com", "status": status}
            await put_entry(session, 0, slug, entry, 1, NOW)
        for person in range(FIRST, FIRST + others):
            await register(session, person)
        for person in (BLOCKED, PAUSED, CLOSED, LISTING, QUIET, *STATES):
            await register(session, person)
        await register(session, NOT_HERE, ELSEWHERE)
        await register(session, UNPROVEN, carrier="us-moved")
        await register(session, RETIRED, carrier="us-gone")
        await people.block(session, BLOCKED, SENDER, NOW)
        await people.pause(session, PAUSED, NOW + timedelta(days=1))
        await people.allow(session, CLOSED, GUILD, NOBODY, NOW)
        # The longest list, which the sender is not on, and quiet hours beside another reason.
        await people.allow(session, LISTING, GUILD, LISTED, NOW)
        await listing.set_listed(session, LISTING, GUILD, [(each, True) for each in range(900, 925)])
        await people.block(session, QUIET, SENDER, NOW)
        await people.set_quiet(session, QUIET, Quiet(0, 1439, "Europe/Berlin"))
        await people.unprove(session, 0, "us-moved")
        for person, left in zip(STATES, LEFT, strict=True):
            assert await people.move(session, person, (people.ACTIVE,), left)


def request(interaction_id: int, recipient: int) -> Request:
    return Request(interaction_id, SENDER, "alice", recipient, True, False, GUILD, "Home", "hello", None)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_every_reason_takes_the_same_time(any_store_url: str, size: Size) -> None:
    calls = size.pick(1000)
    await migrate(any_store_url)
    store = await open_store(any_store_url, ("A" * 43 + "=",))
    shelf = Shelf(parse_catalogue(CATALOGUE.read_text("utf-8")), frozenset())
    rules = Rules(Limits(sender=OFTEN, pair=OFTEN), timedelta(hours=12), shelf)
    times: dict[int, list[float]] = {case: [] for case in CASES}
    order = [case for case in CASES for _ in range(calls)]
    random.Random(7).shuffle(order)
    try:
        await fill(store, others=calls)
        async with store.write() as session:
            taken = await accept(session, [request(1, FIRST)], rules, NOW)
        assert isinstance(taken[0], Accepted)  # else the refusals below would prove nothing
        # Without the commit, which is the same for all and would drown a difference.
        for first in range(0, len(order), BATCH):
            async with store.write() as session:
                for place, case in enumerate(order[first : first + BATCH], first + 2):
                    started = time.perf_counter()
                    said = await accept(session, [request(place, case)], rules, NOW)
                    times[case].append(time.perf_counter() - started)
                    assert said == [Refused(REFUSAL)]
    finally:
        await store.close()
    medians = [statistics.median(each) for each in times.values()]
    assert max(medians) - min(medians) < MOST_APART_S, medians
