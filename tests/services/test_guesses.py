"""Guessing codes leads nowhere, however many people guess and however often the bot restarts (T4)."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.db.store import open_store
from bot.db.tables import CodeUse, OutboxItem, Registration
from bot.services.registration import MOST_TRIES, check_code
from tests.conftest import Size
from tests.db.stores import KEY, sqlite_first
from tests.services.world import ANN, NUMBERS, Clock, World

ATTACKERS, GUESSES_EACH = 100, 100


@sqlite_first
@pytest.mark.fault
@pytest.mark.timeout(900)
async def test_a_million_guesses_at_one_number_are_a_few_real_ones(
    world: World,
    clock: Clock,
    size: Size,
    store_url: str,
    record_property: Callable[[str, object], None],
) -> None:
    """Each day a hundred people ask for codes to one number and type a hundred guesses; the bot restarts."""
    chance, said, days = random.Random(20), Counter[str](), size.pick(100, plain=2)
    attackers = ATTACKERS if days > 2 else 12
    for _ in range(days):
        store = await open_store(store_url, [KEY])
        today = replace(world, store=store)
        for attacker in range(1000, 1000 + attackers):
            await today.ask_code(attacker, typed_number=NUMBERS[ANN])
            async with store.write() as session:
                for _ in range(GUESSES_EACH):
                    guess = f"{chance.randrange(10**6):06d}"
                    checked = await check_code(session, attacker, guess, world.shelf, clock())
                    said["proven" if checked.proven else checked.sentence.split(";")[0][:20]] += 1
        await store.close()
        clock.forward(days=1)
    guesses = days * attackers * GUESSES_EACH
    assert sum(said.values()) == guesses
    codes = await world.rows(OutboxItem)
    assert 3 <= len(codes) <= 10 * (days // 30 + 1)
    # One live code for the number at a time, five tries for each, real or not; nothing else was compared.
    assert said["That code isn't right"[:20]] <= days * attackers * MOST_TRIES
    assert said["No code is waiting f"] >= guesses - days * attackers * MOST_TRIES
    # What could have hit: at most five for each code that went, of a million.
    assert said["proven"] <= 1
    assert len(await world.rows(Registration)) <= said["proven"]
    record_property("figures", {"guesses": guesses, "codes": len(codes), "hits": said["proven"]})
    assert len(await world.rows(CodeUse, CodeUse.key.startswith("number:"))) == 1
