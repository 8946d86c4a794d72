"""A full disk, a locked file, a database that restarts: what is kept goes once, the rest is refused."""

import asyncio
import resource
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from bot.db.store import Store
from bot.db.tables import TextRow
from bot.domain.states import State
from bot.sandbox.answer import Answer
from bot.sandbox.smtp_script import Step, delay
from tests.conftest import Size, telling
from tests.db.stores import Shared, empty_tables
from tests.faults.load import DRAIN_S, judge, under_load
from tests.faults.process import BotProcess, Runner
from tests.peers.postgres import Postgres
from tests.services.world import ANN, BOB, Clock, Road, World, work
from tests.test_run import BEGAN, HANDED, OUT_S, Place, out_within, placed, until_body

pytestmark = [pytest.mark.fault, pytest.mark.slow]

NOT_SAVED = "couldn't save"
PROMPT_S = 10.0


@pytest.fixture
async def place(runner: Runner, migrated_file: Path, tmp_path: Path) -> AsyncIterator[Place]:
    async with placed(runner, migrated_file, tmp_path) as found:
        yield found


@pytest.fixture
def shared_store(shared_sqlite: Shared) -> Shared:
    """Run on SQLite only: its pages are counted."""
    empty_tables(shared_sqlite.url, keep="wrapped_keys")
    return shared_sqlite


def fill_disk(place: Place, bot: BotProcess) -> None:
    """Let no file of the bot's grow past where what it logs ends: SQLite sees a full disk."""
    size = max(place.output.stat().st_size, 1) + 8192
    _, hard = resource.prlimit(bot.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(bot.pid, resource.RLIMIT_FSIZE, (size, hard))


def free_disk(bot: BotProcess) -> None:
    _, hard = resource.prlimit(bot.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(bot.pid, resource.RLIMIT_FSIZE, (hard, hard))


async def text(place: Place, words: str, said: str = "") -> Answer:
    answer = await place.alice.slash(place.guild, "text", user=place.bob, message=words)
    return await answer.settled(lambda shown: said in shown.content, PROMPT_S)


async def test_on_a_full_disk_nothing_is_promised_and_what_was_taken_goes_once(place: Place) -> None:
    """The result of the mail on the wire cannot be written either: it waits in memory."""
    place.world.carriers.tell(delay(Step.BODY, 0.5))
    async with place.bot(GATEWAY_RATE="0", LOG_LEVEL="error") as bot:
        await place.up()
        first = await text(place, "on the wire", BEGAN)
        await until_body(place)
        fill_disk(place, bot)
        for number in range(3):
            await text(place, f"no room {number}", NOT_SAVED)
        await place.world.carriers.mail()
        assert place.item_states() == ["leased"]
        assert len(place.rows("SELECT id FROM texts")) == 1
        free_disk(bot)
        await text(place, "room again", BEGAN)
        await first.settled(lambda shown: HANDED in shown.content, DRAIN_S)
        assert "room again" in await place.phone.text(lambda shown: "room again" in shown, DRAIN_S)
        await out_within(bot, OUT_S + 4)
    assert len(place.world.carriers.mails) == 2
    assert set(place.item_states()) == {"sent"}
    assert place.attempts() == []
    assert place.rows("PRAGMA integrity_check") == [("ok",)]


class Pages:
    """A bound on the pages of a store, as a disk has one."""

    def __init__(self, store: Store) -> None:
        self.most = 0
        event.listen(store.writer.sync_engine, "begin", self._bound, insert=True)

    def _bound(self, connection: Any) -> None:
        connection.connection.dbapi_connection.cursor().execute(
            f"PRAGMA max_page_count = {self.most or 1 << 30}"
        )


async def write_on(world: World, kept: list[int]) -> None:
    for _ in range(500):
        kept.append(await world.text(ANN, BOB, "words " * 40))


async def test_a_store_without_a_page_to_spare_keeps_whole_texts_or_none(
    world: World, road: Road, clock: Clock
) -> None:
    await world.register(BOB)
    pages, kept = Pages(world.store), [await world.text(ANN, BOB)]
    pages.most = 1  # SQLite takes that for: no more than there are
    relay = world.relay(road)
    with pytest.raises(OperationalError, match="full"):
        await write_on(world, kept)
    rows = await world.rows(TextRow)
    assert {row.id for row in rows} == set(kept)
    for text_id in kept:
        assert await world.items(text_id)
    pages.most = 0
    kept.append(await world.text(ANN, BOB))
    for _ in range(len(kept) + 5):
        await work(relay)
        clock.forward(seconds=1)
    assert {(await world.standing(text_id))[0] for text_id in kept} == {State.ACCEPTED}
    assert len({mail.mail_id for mail in road.taken}) == len(road.taken)


class Mount:
    """The file system of a store, as far as it can be mounted for reading only."""

    def __init__(self, store: Store) -> None:
        self.read_only = False
        event.listen(store.writer.sync_engine, "checkout", self._as_mounted)

    def _as_mounted(self, connection: Any, _record: object, _proxy: object) -> None:
        flag = "ON" if self.read_only else "OFF"
        connection.cursor().execute(f"PRAGMA query_only = {flag}")


async def test_on_a_read_only_file_system_nothing_is_promised_and_nothing_goes_twice(
    world: World, road: Road, clock: Clock
) -> None:
    await world.register(BOB)
    mount, kept = Mount(world.store), [await world.text(ANN, BOB), await world.text(ANN, BOB)]
    relay = world.relay(road)
    await relay.one_pass()  # the first mail is with the server, and its result is not yet written
    mount.read_only = True
    with pytest.raises(OperationalError, match="readonly"):
        await world.text(ANN, BOB)
    for _ in range(3):
        with pytest.raises(OperationalError, match="readonly"):
            await relay.one_pass()
    handed = len(road.taken)
    mount.read_only = False
    kept.append(await world.text(ANN, BOB))
    for _ in range(len(kept) + 5):
        await work(relay)
        clock.forward(seconds=1)
    assert handed <= 2
    assert {row.id for row in await world.rows(TextRow)} == set(kept)
    assert {(await world.standing(text_id))[0] for text_id in kept} == {State.ACCEPTED}
    assert len({mail.mail_id for mail in road.taken}) == len(road.taken) == len(kept)


# Less than five seconds is waited for; more is refused, long before Discord gives the answer up.
LOCKED_S = {"tenth": (1.0, 6.0), "ci": (1.0, 2.0, 3.0, 4.0, 6.0), "long": (1.0, 2.0, 3.0, 4.0, 6.0, 30.0)}


@pytest.mark.ci
async def test_a_locked_file_is_waited_for_and_then_refused(place: Place, size: Size) -> None:
    async with place.bot(GATEWAY_RATE="0", LOG_LEVEL="error") as bot:
        await place.up()
        kept = 0
        for seconds in LOCKED_S[size.name]:
            words = f"locked for {seconds:.0f} s"
            with closing(sqlite3.connect(place.path, isolation_level=None)) as holder:
                await at_once(lambda holder=holder: holder.execute("BEGIN EXCLUSIVE"))
                unlocked = asyncio.Event()

                def unlock(holder: sqlite3.Connection = holder, unlocked: asyncio.Event = unlocked) -> None:
                    holder.execute("COMMIT")
                    unlocked.set()

                asyncio.get_running_loop().call_later(seconds, unlock)
                asked = await place.alice.slash(place.guild, "text", user=place.bob, message=words)
                answer = await asked.settled(is_answered, PROMPT_S)
                await unlocked.wait()
            if seconds < 5:
                kept += 1
                await answer.settled(lambda shown: HANDED in shown.content, DRAIN_S)
            else:
                assert NOT_SAVED in answer.content
        await out_within(bot, OUT_S)
    assert len(place.rows("SELECT id FROM texts")) == kept == len(place.world.carriers.mails)
    assert set(place.item_states()) == {"sent"}


def is_answered(shown: Answer) -> bool:
    return any(word in shown.content for word in (BEGAN, HANDED, NOT_SAVED))


async def at_once(act: Callable[[], object]) -> None:
    """Do it between two transactions of the bot's."""
    deadline = time.monotonic() + PROMPT_S
    while True:
        try:
            act()
        except sqlite3.OperationalError:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        else:
            return


@pytest.mark.peer
@pytest.mark.timeout(600)
@pytest.mark.parametrize("crash", telling([True, False], 1))
async def test_a_database_that_restarts_under_load_loses_nothing(
    postgres: Postgres, postgres_url: str, runner: Runner, tmp_path: Path, size: Size, crash: bool
) -> None:
    async with under_load(postgres_url, runner, tmp_path / "bot.log") as scene:
        async with scene.bot() as bot:
            await scene.sandbox.discord.ready(20)
            for _ in range(size.pick(5)):
                accepted = len(scene.sandbox.carriers.mails)
                await scene.until_mails(accepted + 5)
                await asyncio.to_thread(postgres.restart, crash=crash)
                assert bot.running, bot.said
            await scene.until_mails(len(scene.sandbox.carriers.mails) + 5)
            bot.send(signal.SIGTERM)
            assert await bot.exit_code(OUT_S + 4) == 0
    figures = judge(scene, trouble=True)
    assert figures["lost"] == 0
    # A 250 that could not be written at once stays in memory: no mail goes twice.
    assert figures["sent twice or more"] == 0
