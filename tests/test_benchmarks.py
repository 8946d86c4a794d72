"""The benchmarks run, at a size that says nothing; the table says what was measured."""

import asyncio
import os
import random
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import carrier_jobs, discord_jobs, goals, house_jobs, peer_jobs, rows_mail, rows_store
from benchmarks.children import Failed, timed
from benchmarks.cli import measure
from benchmarks.contenders import nodemailer
from benchmarks.delay import Entrance
from benchmarks.figures import Figure, Table
from benchmarks.plan import QUICK, Bench, Group, run_rounds
from benchmarks.sampler import Sampler
from benchmarks.seed import drawn, targets
from benchmarks.sinks import Account
from benchmarks.stores import Stores
from bot.operate.keys import new_key
from bot.sandbox.smtp import Sink
from tests.checkout import CHECKOUT, NO_DOTENV

PEOPLE, TEXTS = 30, 12
SMTP = {"security": "none", "username": None, "password": None, "ca_file": None}


@pytest.fixture
async def sink():
    sink = Sink()
    await sink.start()
    yield sink
    await sink.stop()


@pytest.fixture
async def store(tmp_path: Path) -> tuple[str, str]:
    url, key = f"sqlite+aiosqlite:///{tmp_path / 'a.db'}", new_key()
    await house_jobs.fill(url, key, PEOPLE)
    return url, key


async def test_carriers_are_imported(store: tuple[str, str]) -> None:
    alone = await carrier_jobs.import_carriers(*store, rows=20, registrations=PEOPLE, rate=0)
    assert alone["seconds"] > 0
    assert alone["count"] == 0


async def test_texts_are_accepted_beside_an_import(store: tuple[str, str]) -> None:
    beside = await carrier_jobs.import_carriers(*store, rows=300, registrations=PEOPLE, rate=100)
    assert beside["seconds"] > 0
    assert beside["count"] > 0


async def test_a_backlog_is_drained_and_texts_go_through(sink: Sink, store: tuple[str, str]) -> None:
    smtp = SMTP | {"port": sink.port}
    await house_jobs.backlog(*store, PEOPLE, TEXTS, 0.2)
    drained = await house_jobs.drain(*store, smtp, TEXTS)
    assert drained["texts"] == TEXTS
    assert drained["seconds"] > 0
    assert len(sink.mails) == TEXTS
    through = await house_jobs.through(*store, smtp, TEXTS, PEOPLE, waiting=4, drawn_from=10, warm=3)
    assert through["count"] == TEXTS
    assert through["p50_ms"] <= through["p99_ms"] <= through["longest_ms"]
    assert len(sink.mails) == 2 * TEXTS + 3
    assert len({mail.recipients for mail in sink.mails[TEXTS:]}) == 10


async def test_texts_are_accepted_while_a_backlog_drains(sink: Sink, store: tuple[str, str]) -> None:
    smtp = SMTP | {"port": sink.port}
    accepted = await house_jobs.accept(*store, TEXTS, PEOPLE, waiting=4)
    assert accepted["texts"] == TEXTS
    late = await house_jobs.latency(*store, smtp, PEOPLE, rate=100, seconds=0.1, backlog=False)
    assert late["count"] == 10
    # Nothing with a backlog's number waits: the load ends before its first text.
    late = await house_jobs.latency(*store, smtp, PEOPLE, rate=100, seconds=0.1, backlog=True)
    assert late == {"count": 0}


@pytest.mark.slow
@pytest.mark.ci
async def test_the_whole_bot_answers_behind_the_pretend_discord(
    sink: Sink, store: tuple[str, str], tmp_path: Path
) -> None:
    url, key = store
    behind = f"sqlite+aiosqlite:///{tmp_path / 'b.db'}"
    await house_jobs.fill(behind, key, PEOPLE)
    await house_jobs.backlog(behind, key, PEOPLE, TEXTS, 0)
    found = await discord_jobs.discord(url, behind, key, SMTP | {"port": sink.port}, rate=20, seconds=0.3)
    assert found["idle"]["count"] == 6
    for phase in ("idle", "busy"):
        assert found[phase]["unanswered"] == found[phase]["refused"] == 0
    assert found["ready_s"] > 0
    assert 20 < found["ready_mib"] <= found["busy_mib"] + 50 < 1000
    sent = {mail.recipients for mail in sink.mails}
    # What the idle bot had not sent when it was told to stop waits in its store.
    assert len(sink.mails) >= TEXTS
    assert len(sent) > TEXTS / 2


async def test_the_other_senders_send_everything(sink: Sink) -> None:
    smtp = SMTP | {"port": sink.port}
    await peer_jobs.aiosmtplib_reused(smtp, 30)
    assert len(sink.mails) == 30
    # It blocks, and the sink runs in this loop.
    await asyncio.to_thread(asyncio.run, peer_jobs.smtplib_each(smtp, 2))
    assert len(sink.mails) == 32
    assert {len(mail.recipients) for mail in sink.mails} == {1}


async def test_the_delay_keeps_the_order_and_loses_nothing() -> None:
    gone = asyncio.Event()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while octets := await reader.read(1000):
            writer.write(octets)
        writer.close()
        await writer.wait_closed()
        gone.set()

    loop = asyncio.get_running_loop()
    far = await asyncio.start_server(echo, "127.0.0.1")
    tasks: set[asyncio.Task[None]] = set()
    port = far.sockets[0].getsockname()[1]
    near = await loop.create_server(lambda: Entrance(0.01, port, tasks), "127.0.0.1")
    reader, writer = await asyncio.open_connection(*near.sockets[0].getsockname())
    began = loop.time()
    for number in range(2000):
        writer.write(b"%06d" % number)
        if number % 100 == 0:
            await asyncio.sleep(0)
    back = await reader.readexactly(12_000)
    assert back == b"".join(b"%06d" % number for number in range(2000))
    assert loop.time() - began >= 0.02
    writer.close()
    await asyncio.wait_for(gone.wait(), 5)
    near.close()
    far.close()
    await near.wait_closed()
    await far.wait_closed()


def test_the_table_tells_medians_spread_and_what_was_not_measured() -> None:
    table = Table()
    for value in (100.0, 400.0, 200.0):
        table.add([Figure("durable drain", "texts/s", value, value / 10, "a note")])
    table.add([Figure("nodemailer", "texts/s", None, note="not installed")])
    head, line, first, second = (row.split("|")[1:-1] for row in table.lines())
    assert [cell.strip() for cell in first] == [
        "durable drain",
        "texts/s",
        "200",
        "100 to 400",
        "20",
        "a note",
    ]
    assert [cell.strip() for cell in second] == ["nodemailer", "texts/s", "–", "", "", "not installed"]
    assert list(map(len, head)) == list(map(len, line)) == list(map(len, first)) == list(map(len, second))


def test_the_goals_compare_medians() -> None:
    table = Table()
    table.add([Figure(rows_mail.DRAIN, "texts/s", 6000), Figure(rows_mail.SOURCE, "texts/s", 12_000)])
    table.add([Figure(rows_store.LOOKUP.format(10), "texts/s", 500, 1000)])
    table.add([Figure(rows_store.LOOKUP.format(99), "texts/s", 400, 1100)])
    table.add(
        [
            Figure(rows_store.IDLE + rows_store.P99, "ms", 10),
            Figure(rows_store.BUSY + rows_store.P99, "ms", 25),
        ]
    )
    cells = [line.split("|")[2].strip() for line in goals.lines(table, (10, 99))[2:]]
    assert cells == ["0.5", "15", "1.25", "1.1"]
    assert goals.lines(Table(), (10, 99)) == []


def test_a_contender_that_breaks_off_is_a_line_and_the_others_go_on(tmp_path: Path) -> None:
    def broken() -> list[Figure]:
        timed("broken", [sys.executable, "-c", "raise SystemExit('no sink')"])
        raise AssertionError

    with ExitStack() as stack:
        bench = Bench(Account(9), Stores.open(tmp_path, stack, postgres=False), QUICK, stack, None)
        fine = Group("fine", lambda _: [lambda: [Figure("fine", "s", 1.0)]])
        table = run_rounds(bench, [Group("broken", lambda _: [broken]), fine], 3)
        missing = nodemailer(bench, "nodemailer", Account(9), 1)
    assert table.rows["broken"].values == []
    assert table.rows["broken"].note == "failed: broken: exit code 1: no sink"
    assert table.rows["fine"].values == [1.0, 1.0, 1.0]
    assert missing[0].value is None
    assert "npm install" in missing[0].note


def test_a_child_that_does_not_exist_is_said_without_its_path() -> None:
    with pytest.raises(Failed, match=r"^gone: FileNotFoundError$"):
        timed("gone", ["/nonexistent/program"])


def test_recipients_are_drawn_evenly_and_one_may_be_a_favourite() -> None:
    assert len(set(drawn(1000, 100))) == 100
    assert drawn(10, 100) == drawn(10, 10)
    to = targets(drawn(1000, 1000), 1000, 0.2, random.Random(1))
    most = max(to.count(who) for who in set(to))
    assert 150 < most < 260
    assert len(set(to)) > 700


def test_the_sampler_names_what_is_at_work() -> None:
    with Sampler() as sampler:
        drawn(1_500_000, 1_500_000)
    shares = dict(sampler.shares())
    assert max(shares, key=lambda place: shares[place]).startswith("benchmarks.seed.")
    assert sum(shares.values()) <= 1.01


def test_look_ups_leave_nothing_in_the_stores_of_others(tmp_path: Path) -> None:
    with ExitStack() as stack:
        stores = Stores.open(tmp_path, stack, postgres=False)
        sizes = replace(QUICK, registrations=(PEOPLE,))
        (lookup,) = rows_store.lookups(Bench(Account(9), stores, sizes, stack, None))
        assert isinstance(lookup, rows_store.Lookup)
        assert lookup.url not in (stores.kept(PEOPLE), stores.fresh(PEOPLE))


@pytest.mark.slow
@pytest.mark.ci
def test_the_command_prints_the_table(tmp_path: Path) -> None:
    flags = ["--quick", "--rows", "accept", "--texts", "20", "--recipients", "20", "--folder", str(tmp_path)]
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", *flags],
        cwd=CHECKOUT,
        env={**os.environ, **NO_DOTENV, "BOT_NO_BOOTSTRAP": "1"},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert ended.returncode == 0, ended.stderr
    assert "SQLite, synchronous=FULL" in ended.stdout
    assert "| durable accept | texts/s |" in ended.stdout
    assert "failed" not in ended.stdout
    assert list(tmp_path.iterdir()) == []


def test_unknown_rows_are_named() -> None:
    with pytest.raises(SystemExit, match=r"^There are no rows speed; there are accept, mail, "):
        measure(["--rows", "accept,speed"], {})
