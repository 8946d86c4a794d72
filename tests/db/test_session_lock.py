"""A lock on PostgreSQL is believed to be held only while the database holds it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from bot.db.role_lock import RelayLock
from bot.db.store import Store, make_engine, open_store
from bot.db.teller_turn import TellerTurn
from tests.db.stores import KEY
from tests.peers.postgres import Postgres

OWNER = 5
pytestmark = [
    pytest.mark.peer,
    pytest.mark.parametrize("shared_store", ["postgresql"], indirect=True),
]


def _wait_shortly(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("SET lock_timeout = '20ms'")
    cursor.close()
    connection.commit()


@pytest.fixture
async def other(store_url: str) -> AsyncIterator[Store]:
    """Open the store as another process does; nobody waits long for a lock there."""
    opened = await open_store(store_url, [KEY])
    await opened.close()
    event.listen(opened.engine.sync_engine, "connect", _wait_shortly)
    yield opened
    await opened.close()


async def test_a_lock_that_was_never_taken_is_not_held(store: Store) -> None:
    assert not await RelayLock().held()


async def test_a_lock_whose_connection_was_cut_is_lost_until_it_is_taken_again(
    store: Store, store_url: str, postgres: Postgres
) -> None:
    lock = RelayLock()
    await lock.take(store, OWNER)
    assert await lock.held()
    postgres.drop_connections(store_url)
    assert [await lock.held() for _ in range(3)] == [False] * 3
    await lock.take(store, OWNER)
    assert await lock.held()
    await lock.release()
    assert not await lock.held()


async def test_a_lock_that_the_database_is_away_for_is_not_held(store: Store) -> None:
    lock = RelayLock()
    await lock.take(store, OWNER)
    await lock.release()
    nowhere = Store(make_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing"), store.vault)
    for _ in range(2):
        with pytest.raises(OperationalError):
            await lock.take(nowhere, OWNER)
        assert not await lock.held()


async def test_a_lock_that_was_waited_for_in_vain_is_not_held(store: Store, other: Store) -> None:
    first, second = RelayLock(), RelayLock()
    await first.take(store, OWNER)
    with pytest.raises(OperationalError):
        await second.take(other, OWNER)
    assert not await second.held()
    await first.release()
    await second.take(other, OWNER)
    assert await second.held()
    await second.release()


async def test_one_of_two_discord_processes_tells_and_the_other_takes_its_place(
    store: Store, other: Store
) -> None:
    first, second = TellerTurn(store), TellerTurn(other)
    assert [await first.ours(), await second.ours(), await first.ours()] == [True, False, True]
    await first.release()
    assert [await second.ours(), await first.ours()] == [True, False]
    await second.release()
