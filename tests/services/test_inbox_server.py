"""The inbox gets over whatever a mail server does, and acts on each mail once."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import telling
from tests.db.stores import sqlite_first
from tests.peers.imap_script import FAULTS, STEPS, ImapScript
from tests.services.postroom import PERSONAL, Postroom, opened
from tests.services.world import World

pytestmark = sqlite_first

CASES = [(step, fault) for fault in FAULTS for step in STEPS if (step, fault) != ("GREETING", "no")]
# First the ones that differ most.
CASES.sort(
    key=lambda case: (
        case
        not in {
            ("HEADERS", "half"),
            ("BODY", "bye"),
            ("STORE", "close"),
            ("DONE", "mute"),
            ("IDLE", "no"),
            ("LOGIN", "mute"),
            ("SELECT", "no"),
            ("SEARCH", "garbage"),
            ("EXAMINE", "no"),
            ("BODY", "mute"),
        }
    )
)


@pytest.fixture
async def both(world: World) -> AsyncIterator[tuple[ImapScript, Postroom]]:
    async with opened(world) as opened_now:
        yield opened_now


@pytest.mark.parametrize(("step", "fault"), telling(CASES, 10))
async def test_each_fault_at_each_step_is_got_over(
    both: tuple[ImapScript, Postroom], step: str, fault: str
) -> None:
    server, room = both
    to = room.address(await room.text())
    # One that may not be marked stays as it is; so the mail after it must find all well.
    server.faults[step] = [fault] if fault == "no" else [fault, fault]
    async with room.at_work():
        server.deliver(PERSONAL % 1, room.reply(to, number=1))
        await room.acted_on(1)
        await server.did("IDLE", server.said.count("IDLE") + 1)
        (last,) = server.deliver(room.reply(to, "and more", number=2))
        await room.acted_on(2)
        await server.seen(last)
    assert [arrived.reading.words for arrived in room.acted] == ["ok", "and more"]
    assert await room.endings() == ["done", "done"]
    assert server.mails[1].flags == set()
