"""Mails come into the outbox with the turns that the rule gives, whatever waits there already."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text, update

from bot.db import enqueue
from bot.db.base import table_of
from bot.db.enqueue import CHAT_PRIORITY, CODE_PRIORITY, NewItem
from bot.db.given import rows
from bot.db.store import Store
from bot.db.tables import OutboxItem, TextRow
from bot.domain.turns import FURTHEST_TURNS, GAP_US, Waiting

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HALF_A_DAY = timedelta(hours=12)
NOW_US = int(NOW.timestamp()) * 1_000_000
MANY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
_texts = iter(range(1, 10**9))


def chat(sender: int, queue: int, text_id: int | None = None, part: int = 1) -> NewItem:
    return NewItem(
        queue=queue, priority=CHAT_PRIORITY, sender_id=sender, guild_id=7, domain="sms.example.net",
        part=part, words="words", mail_id=secrets.token_hex(16), due_at=NOW, expires_at=NOW + HALF_A_DAY,
        text_id=text_id if text_id is not None else next(_texts),
    )  # fmt: skip


def code(person: int) -> NewItem:
    return NewItem(
        queue=-person, priority=CODE_PRIORITY, sender_id=person, guild_id=7, domain="sms.example.net", part=1,
        words="123456", mail_id=secrets.token_hex(16), due_at=NOW, expires_at=NOW, verification_id=5,
    )  # fmt: skip


async def add(store: Store, *items: NewItem) -> list[tuple[int, bool]]:
    """Add mails in one transaction; tells their turns and which were the first of their pair."""
    async with store.write() as session:
        ids = {item.text_id for item in items if item.text_id is not None}
        known = set(await session.scalars(select(TextRow.id).where(TextRow.id.in_(ids))))
        session.add_all(
            TextRow(id=one, sender_id=1, recipient_id=2, guild_id=7, state="queued", reason="", parts=1,
                    parts_sent=0, created_at=NOW, changed_at=NOW)
            for one in ids - known
        )  # fmt: skip
        await session.flush()
        await enqueue.add(session, items)
        mails = [item.mail_id for item in items]
        where = OutboxItem.mail_id.in_(mails)
        found = await session.execute(
            select(OutboxItem.turn, OutboxItem.first_of_pair).where(where).order_by(OutboxItem.id)
        )
        return [(turn, first) for turn, first in found]


async def fill(store: Store, held: list[tuple[int, int, int]]) -> None:
    """Put (sender, queue, gaps from now) into the outbox as they are."""
    values = [
        {"queue": queue, "priority": 1, "sender_id": sender, "domain": "sms.example.net", "part": 1,
         "turn": NOW_US + gaps * GAP_US, "first_of_pair": gaps == 0, "mail_id": "", "state": "waiting",
         "due_at": NOW, "expires_at": NOW}
        for sender, queue, gaps in held
    ]  # fmt: skip
    async with store.write() as session:
        await (await session.connection()).execute(insert(table_of(OutboxItem)), values)


def gaps(turns: list[tuple[int, bool]]) -> list[tuple[float, bool]]:
    return [((turn - NOW_US) / GAP_US, first) for turn, first in turns]


async def test_parts_of_a_text_share_a_turn_and_count_once(store: Store) -> None:
    parts = [chat(1, 50, text_id=9, part=part) for part in (1, 2, 3)]
    assert gaps(await add(store, *parts)) == [(0, True), (0, False), (0, False)]
    assert gaps(await add(store, chat(2, 50))) == [(1, True)]


async def test_a_batch_sees_what_came_before_in_it(store: Store) -> None:
    asked = [chat(1, 50), chat(1, 50), chat(2, 50), chat(1, 51), chat(3, 51), chat(3, 52)]
    together = gaps(await add(store, *asked))
    assert together == [(0, True), (1, False), (1, True), (2, True), (1, True), (2, True)]


async def test_what_ended_stands_in_nobodys_way(store: Store) -> None:
    await add(store, *(chat(1, 50) for _ in range(5)))
    async with store.write() as session:
        await session.execute(update(OutboxItem).values(turn=None))
    assert gaps(await add(store, chat(1, 50), chat(2, 50))) == [(0, True), (1, True)]


async def test_a_code_waits_for_nobody_and_nobody_for_it(store: Store) -> None:
    await add(store, *(chat(1, 50) for _ in range(3)))
    assert gaps(await add(store, code(1), code(2))) == [(0, True), (0, True)]
    assert gaps(await add(store, chat(2, 51), chat(1, 51))) == [(0, True), (3, True)]


async def test_ten_thousand_of_one_delay_nobody_else(store: Store) -> None:
    await fill(store, [(1, 50, place) for place in range(10_000)])
    assert gaps(await add(store, chat(1, 50), chat(1, 51))) == [(10_000, False), (10_001, False)]
    assert gaps(await add(store, chat(2, 50), chat(3, 51), chat(3, 50))) == [(1, True), (0, True), (2, True)]


async def test_ten_thousand_for_one_delay_no_other_recipient(store: Store) -> None:
    await fill(store, [(1000 + place, 50, 0) for place in range(10_000)])
    turns = gaps(await add(store, chat(1, 50), chat(2, 51), chat(1005, 51)))
    assert turns == [(FURTHEST_TURNS, True), (0, True), (1, True)]


@MANY
@given(
    st.lists(st.lists(st.tuples(st.integers(1, 4), st.integers(11, 14)), min_size=1, max_size=6), max_size=6)
)
async def test_batch_by_batch_it_is_the_rule(store: Store, batches: list[list[tuple[int, int]]]) -> None:
    async with store.write() as session:
        await session.execute(delete(OutboxItem))
    rule = Waiting({}, set(), {})
    for batch in batches:
        expected = [rule.take(sender, queue, NOW_US) for sender, queue in batch]
        got = await add(store, *(chat(sender, queue) for sender, queue in batch))
        assert got == [(turn.at, turn.first_of_pair) for turn in expected]


async def test_the_look_ups_read_no_more_than_they_need(store: Store) -> None:
    """One sender and one recipient hold 10,000 of 50,000 each; every look-up goes by its index."""
    held = [(place % 997 + 10, place % 4999 + 20_000, place // 997) for place in range(30_000)]
    held += [(1, 30_000 + place, place) for place in range(10_000)]
    held += [(40_000 + place, 50, 0) for place in range(10_000)]
    await fill(store, held)
    async with store.write() as session:
        await session.execute(text("ANALYZE"))
    by_sender = await plan(store, enqueue._of_senders, sender=1, queue=50)
    by_recipient = await plan(store, enqueue._for_recipients, queue=50)
    assert "ix_outbox_sender" in by_sender
    assert "ix_outbox_queue" not in by_sender
    assert "ix_outbox_queue" in by_recipient
    for line in (by_sender + by_recipient).splitlines():
        assert "Seq Scan" not in line
        assert "COVERING" in line or not line.startswith(("SEARCH", "SCAN mine", "SCAN their"))


async def plan(store: Store, statement: Any, **asked: int) -> str:
    """Ask the database how it would look up."""
    async with store.read() as session:
        connection = await session.connection()
        compiled = statement(connection.dialect.name).compile(dialect=connection.dialect)
        bound = await rows(session, [tuple(asked.values())], *asked)
        values = {**compiled.params, **bound, **({"furthest": NOW_US} if "sender" in asked else {})}
        names = compiled.positiontup
        explain = "EXPLAIN QUERY PLAN " if store.is_sqlite else "EXPLAIN "
        found = await connection.exec_driver_sql(
            explain + str(compiled), tuple(values[name] for name in names) if names else values
        )
        return "\n".join(str(row[-1]) for row in found) + "\n"
