"""Kill the inbox with -9 between fetch, commit and mark: no mail is lost, and each is acted on once."""

import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.db.store import open_store
from bot.db.tables import Inbound, Notice, TextRow
from bot.domain.states import State
from bot.sandbox.world import utc_now
from bot.services.shelf import Shelf
from tests.conftest import Size
from tests.db.stores import KEY, sqlite_url
from tests.faults.points import Point
from tests.faults.process import Runner
from tests.flow.mailroom import bounce
from tests.peers.imap_script import ImapScript
from tests.services.postroom import SENDER, Postroom, opened
from tests.services.world import CATALOGUE, Clock, World

pytestmark = [pytest.mark.fault, pytest.mark.slow]

KILLED = -signal.SIGKILL
# In the store, or where the mail server sees us; "after" is after the mark was set and before we hear of it.
PLACES: tuple[Point | tuple[str, str], ...] = (
    Point.TAKING,
    Point.TAKEN,
    ("STORE", "kill"),
    ("STORE", "kill after"),
    ("BODY", "kill"),
    ("HEADERS", "kill"),
    ("SELECT", "kill"),
    ("SEARCH", "kill"),
    ("IDLE", "kill"),
)


@pytest.fixture
async def both(migrated_file: Path, tmp_path: Path) -> AsyncIterator[tuple[ImapScript, Postroom]]:
    path = tmp_path / "inbox.db"
    shutil.copyfile(migrated_file, path)
    store = await open_store(sqlite_url(path), [KEY])
    world = World(store, Clock(utc_now()), Shelf(CATALOGUE, frozenset()))
    async with opened(world) as opened_now:
        yield opened_now
    await store.close()


def settings(room: Postroom) -> dict[str, str]:
    return {
        "DATABASE_URL": str(room.world.store.engine.url),
        "SECRET_KEY": KEY,
        "SMTP_HOST": "127.0.0.1",
        "SMTP_SECURITY": "none",
        "SMTP_FROM": SENDER,
        "DISCORD_TOKEN": "token",
        "TEXTBRIDGE_ROLES": "inbox",
        "IMAP_HOST": room.imap.host,
        "IMAP_PORT": str(room.imap.port),
        "IMAP_SECURITY": "none",
        "IMAP_USERNAME": room.imap.username,
        "IMAP_PASSWORD": room.imap.password,
    }


@pytest.mark.ci
async def test_kills_lose_nothing_and_double_nothing(
    both: tuple[ImapScript, Postroom], runner: Runner, tmp_path: Path, size: Size
) -> None:
    server, room = both
    texts = []
    for turn in range(size.pick(50, 500, plain=5)):
        place = PLACES[turn % len(PLACES)]
        texts.append(text_id := await room.text())
        dies_at = place.value if isinstance(place, Point) else ""
        if not isinstance(place, Point):
            server.faults[place[0]] = [place[1]]
        async with runner.run(settings(room), tmp_path / "said", dies_at=dies_at) as process:
            server.kill = lambda pid=process: pid.send(signal.SIGKILL)
            server.deliver(bounce(room.address(text_id), mail_id=f"dsn-{turn}@mx.example.org"))
            assert await process.exit_code() == KILLED, process.said
        assert not any(server.faults.values()), "it did not die where it was told to"
    async with runner.run(settings(room), tmp_path / "said") as process:
        for uid in server.mails:
            await server.seen(uid, 30)
        process.send(signal.SIGTERM)
        assert await process.exit_code(4) == 0, process.said
    states = {row.id: row.state for row in await room.world.rows(TextRow)}
    assert states == dict.fromkeys(texts, State.BOUNCED)
    bounced = Counter(row.text_id for row in await room.world.rows(Notice, Notice.text_id.is_not(None)))
    # One notice says that the carrier took the text, one that it came back.
    assert bounced == dict.fromkeys(texts, 2)
    assert len(await room.world.rows(Inbound)) == len(texts)
