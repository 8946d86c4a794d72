"""`proof` and `erase`: what an operator does for somebody who asks in writing."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import inspect
from sqlalchemy import text as sql

from bot.db.engines import make_engine
from bot.db.tables import OptIn, Registration
from bot.domain.consent import WORDING_VERSION, consent_words
from bot.operate.people_desk import with_words
from bot.services import privacy
from tests.db.stores import sqlite_url
from tests.operate.test_carriers_cli import Bot
from tests.services.world import World

DORA, SERVER = 987_654_321_987_654_321, 123_456_789_123_456_789
NUMBER = "206 555 0188"


@pytest.fixture
def bot(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bot:
    return Bot(monkeypatch, capsys)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_the_proof_is_there_before_and_after_an_erasure(bot: Bot, world: World, store_url: str) -> None:
    await world.register(DORA, typed_number=NUMBER)
    shown = []
    for _ in range(2):
        code, said, complained = await bot(store_url, str(DORA), command="proof")
        assert (code, complained) == (0, "")
        shown.append(json.loads(said))
        assert "0188" not in said
        await world.write(privacy.erase, DORA, world.clock() + timedelta(days=1))
    before, after = shown
    assert before["discord_id"] == after["discord_id"] == str(DORA)
    kinds = [[line["kind"] for line in one["ledger"]] for one in shown]
    assert kinds == [["register", "verified"], ["register", "verified", "erased"]]
    words = [line.get("words") for line in after["ledger"]]
    assert words == [consent_words(in_guild=True), None, None]
    for line in before["ledger"]:
        assert (line["wording"], line["at"]) == ("2026-11-1", "2026-11-22T12:00:00+00:00")
    assert json.loads((await bot(store_url, "111111111111111111", command="proof"))[1])["ledger"] == []


def test_the_words_are_those_that_were_agreed_to(world: World) -> None:
    def line(**changes: object) -> dict[str, object]:
        return {"kind": "register", "wording": WORDING_VERSION, "guild_id": None} | changes

    said = with_words(line(wording=f"{WORDING_VERSION} gone-service"), world.shelf)["words"]
    assert said == consent_words(in_guild=False, service="gone-service")
    for other in (line(kind="withdrawn"), line(kind="prove again"), line(wording="1999-1")):
        assert with_words(other, world.shelf) == other


async def test_a_person_and_a_server_are_erased(bot: Bot, world: World, store_url: str) -> None:
    await world.register(DORA, typed_number=NUMBER, guild_id=SERVER)
    await world.register(2, typed_number="206 555 0189", guild_id=SERVER)
    code, said, complained = await bot(store_url, "person", str(DORA), command="erase")
    assert (code, said, complained) == (
        0,
        "Erased. What PRIVACY.md says may stay is there without a name.\n",
        "",
    )
    assert [row.person_id for row in await world.rows(Registration)] == [2]
    assert (await bot(store_url, "server", str(SERVER), command="erase"))[0] == 0
    assert await world.rows(OptIn) == []
    assert [row.person_id for row in await world.rows(Registration)] == [2]


async def test_who_is_not_there_is_said_not_to_be(bot: Bot, world: World, store_url: str) -> None:
    await world.register(DORA, typed_number=NUMBER, guild_id=SERVER)
    code, said, complained = await bot(store_url, "111111111111111111", command="proof")
    assert (code, json.loads(said)["ledger"]) == (0, [])
    assert complained == "Nothing stands here of what that person agreed to. Check the ID and DATABASE_URL.\n"
    for what in ("person", "server"):
        code, said, _ = await bot(store_url, what, "111111111111111111", command="erase")
        assert (code, said) == (0, f"Nothing is kept of that {what} here. Check the ID and DATABASE_URL.\n")
    assert len(await world.rows(Registration)) == len(await world.rows(OptIn)) == 1


@pytest.mark.parametrize("words", [("proof", str(DORA)), ("erase", "person", str(DORA)), ("keys", "rotate")])
async def test_no_store_is_made_for_a_wrong_address(bot: Bot, tmp_path: Path, words: tuple[str, ...]) -> None:
    command, *more = words
    code, said, complained = await bot(sqlite_url(tmp_path / "wrong.db"), *more, command=command)
    assert (code, said) == (78, "")
    assert complained == "DATABASE_URL: there is no store there; check the address. `run` makes one.\n"
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("words", [("proof", str(DORA)), ("erase", "person", str(DORA)), ("keys", "rotate")])
async def test_no_schema_is_made_in_another_database(bot: Bot, bare_url: str, words: tuple[str, ...]) -> None:
    engine = make_engine(bare_url)
    async with engine.begin() as connection:
        await connection.execute(sql("CREATE TABLE somebody_elses (id INTEGER)"))
    command, *more = words
    code, said, complained = await bot(bare_url, *more, command=command)
    assert (code, said) == (78, "")
    assert complained == "DATABASE_URL: there is no store there; check the address. `run` makes one.\n"
    async with engine.connect() as connection:
        tables = await connection.run_sync(lambda held: inspect(held).get_table_names())
    await engine.dispose()
    assert tables == ["somebody_elses"]


async def test_a_store_that_is_away_is_said_so(bot: Bot) -> None:
    code, said, complained = await bot("postgresql://u:canary@127.0.0.1:1/x", str(DORA), command="proof")
    assert (code, said) == (69, "")
    assert complained.startswith("DATABASE_URL: ")
    assert "canary" not in complained
