"""A statement that is written out once says what SQLAlchemy's own way of running it says."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import BigInteger, Executable, LargeBinary, Text, bindparam, literal, null, select, update
from sqlalchemy.exc import OperationalError, ProgrammingError

from bot.db.base import table_of
from bot.db.prepared import Prepared
from bot.db.store import Store
from bot.db.tables import Mark
from bot.db.types import Instant

NOON = datetime(2026, 11, 22, 12, 0, 0, 123_456, tzinfo=UTC)
MARKS = table_of(Mark)
VALUES = Prepared(
    lambda _: select(
        bindparam("number", type_=BigInteger()),
        bindparam("octets", type_=LargeBinary()),
        bindparam("words", type_=Text()),
        bindparam("at", type_=Instant()),
    )
)


@pytest.mark.parametrize("number", [0, -1, 2**63 - 1, -(2**63), None])
@pytest.mark.parametrize("octets", [b"", b"\x00\xff'\"", None])
@pytest.mark.parametrize("words", ["", 'it\'s "so" \\ \n\t \u2028 😀 \x7f', None])
@pytest.mark.parametrize("at", [NOON, None])
async def test_values_come_back_as_they_went(
    store: Store, number: int | None, octets: bytes | None, words: str | None, at: datetime | None
) -> None:
    async with store.read() as session:
        ((number_back, octets_back, words_back, at_back),) = await VALUES.run(
            session, number=number, octets=octets, words=words, at=at
        )
    assert (number_back, words_back, at_back) == (number, words, at)
    assert (None if octets_back is None else bytes(octets_back)) == octets


async def test_many_rows_come_in_their_order(store: Store) -> None:
    async with store.write() as session:
        session.add_all(Mark(name=f"n{place:04}", value=str(place)) for place in range(1_000))
    named = Prepared(lambda _: select(MARKS.c.value).where(MARKS.c.name >= "n").order_by(MARKS.c.name.desc()))
    async with store.read() as session:
        assert [int(value) for (value,) in await named.run(session)] == list(range(999, -1, -1))


async def test_no_rows_are_an_empty_list(store: Store) -> None:
    nothing = Prepared(lambda _: select(MARKS.c.name).where(MARKS.c.name == bindparam("name")))
    async with store.read() as session:
        assert list(await nothing.run(session, name="no such mark")) == []


async def test_a_writing_statement_returns_what_it_is_asked_for(store: Store) -> None:
    def build(_: str) -> Executable:
        changed = update(MARKS).where(MARKS.c.name == bindparam("which")).values(value=bindparam("to"))
        return changed.returning(MARKS.c.name, literal(7), null())

    async with store.write() as session:
        session.add(Mark(name="one", value="1"))
        await session.flush()
        assert [tuple(row) for row in await Prepared(build).run(session, which="one", to="2")] == [
            ("one", 7, None)
        ]
        assert list(await Prepared(build).run(session, which="none", to="2")) == []


async def test_an_error_shows_no_values(store: Store) -> None:
    wrong = Prepared(lambda _: select(literal("secret").op("no such operator")(bindparam("words"))))
    async with store.read() as session:
        with pytest.raises((OperationalError, ProgrammingError)) as caught:
            await wrong.run(session, words="dinner at 7")
    assert "dinner" not in f"{caught.value} {caught.value!r}"
