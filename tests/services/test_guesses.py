"""Guessing codes leads nowhere, however many people guess and however often the bot restarts (T4)."""

import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.db.crypto import same
from bot.db.store import Store, open_store
from bot.db.tables import CodeUse, OutboxItem, Registration
from bot.services.registration import MOST_TRIES, check_code, draw_code
from tests.conftest import Size
from tests.db.stores import KEY, sqlite_first
from tests.services.world import ANN, NUMBERS, Clock, World

ATTACKERS, GUESSES_EACH = 100, 100


@pytest.mark.parametrize("shared_store", ["sqlite"], indirect=True)
@pytest.mark.fault
def test_a_million_guesses_hit_once_in_a_million(
    store: Store, size: Size, record_property: Callable[[str, object], None]
) -> None:
    """Two hundred thousand people each have a code drawn, and five others guessed against it."""
    chance, guesses, hits, drawn = random.Random(20), size.pick(1_000_000, plain=100_000), 0, set[str]()
    index = store.vault.number_index("+12065550101")
    for person in range(guesses // MOST_TRIES):
        drawn.add(code := draw_code())
        kept = store.vault.code_mac(person, index, code)
        for _ in range(MOST_TRIES):
            hits += same(store.vault.code_mac(person, index, f"{chance.randrange(10**6):06d}"), kept)
    record_property("figures", {"guesses": guesses, "hits": hits})
    # One is to be expected of a million; more than eight come once in a million runs.
    assert hits <= 8
    # Codes are drawn from all of the million: of so many draws so many are different.
    codes = guesses // MOST_TRIES
    assert abs(len(drawn) / (10**6 * -math.expm1(-codes / 10**6)) - 1) < 0.02


@sqlite_first
@pytest.mark.fault
async def test_guesses_of_many_people_at_one_number_are_a_few_real_ones(
    world: World,
    clock: Clock,
    size: Size,
    store_url: str,
    record_property: Callable[[str, object], None],
) -> None:
    """Each day a hundred people ask for codes to one number and type a hundred guesses; the bot restarts."""
    chance, said, days = random.Random(20), Counter[str](), size.pick(10, plain=2)
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
