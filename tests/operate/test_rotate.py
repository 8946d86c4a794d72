"""`keys rotate`: the whole store under a new key while the bot runs, whatever interrupts it."""

import asyncio
import shutil
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import people, replies, reseal
from bot.db.base import Base
from bot.db.crypto import Vault, WrongKey
from bot.db.sealers import sealing
from bot.db.store import Store, open_store
from bot.db.tables import Registration, Verification, WrappedKey
from bot.domain.inbound import Picture
from bot.operate.keys import DONE
from tests.checkout import NO_DOTENV
from tests.db.stores import KEY, sqlite_url
from tests.services.world import ANN, BOB, CARL, GUILD, NUMBERS, Road, World, work

CHECKOUT = Path(__file__).resolve().parents[2]
NEW, WRONG = (Fernet.generate_key().decode() for _ in range(2))
ROTATE = """
import asyncio, sys
from bot.db import reseal
from bot.db.store import open_store

reseal.AT_ONCE = 2

async def main(url, *keys):
    store = await open_store(url, keys)
    async for step in reseal.reseal(store):
        print(step.column, flush=True)
        if step.looked_at and step.column.startswith("registrations"):
            await asyncio.sleep(3600)

asyncio.run(main(*sys.argv[1:]))
"""


async def fill(world: World, people_too: int = 7) -> None:
    for person in range(100, 100 + people_too):
        await world.register(person, typed_number=f"206 555 0{person}")
    await world.register(BOB)
    await world.ask_code(ANN)
    for number in range(3):
        text_id = await world.text(CARL, BOB, f"words {number}")
        await world.write(keep_answer, text_id, world.clock())


async def keep_answer(session: AsyncSession, text_id: int, now: datetime) -> None:
    """Keep an answer that waits for its owner's word, and one with a picture that waits to be told."""
    about = (text_id, BOB, CARL, GUILD)
    await replies.add(session, text=about, words="is it me?", pictures=(), proven=False, held=True, at=now)
    picture = (Picture("", "image/png", b"\x89PNG"),)
    await replies.add(session, text=about, words="see you", pictures=picture, proven=True, held=False, at=now)


async def opened(world: World) -> dict[str, list[tuple[Any, ...]]]:
    """Read every table as its owner would: what is sealed opened, the wrapped keys left out."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    sealed = {str(column) for column in reseal.sealed_columns()}
    async with world.store.read() as session:
        for table in Base.metadata.sorted_tables:
            if table.name == WrappedKey.__tablename__:
                continue
            rows = await session.execute(table.select().order_by(*table.primary_key.columns))
            found[table.name] = [
                tuple(
                    world.store.vault.open(value) if value and f"{table.name}.{name}" in sealed else value
                    for name, value in row.items()
                )
                for row in rows.mappings()
            ]
    return found


async def under(world: World, *keys: str) -> World:
    """Open the store of a world again with other keys."""
    store = await open_store(str(world.store.engine.url.render_as_string(hide_password=False)), keys)
    return World(store, world.clock, world.shelf)


async def rotate(store: Store) -> list[reseal.Step]:
    steps = [step async for step in reseal.reseal(store)]
    await reseal.rewrap(store)
    return steps


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reseal, "AT_ONCE", 3)


@pytest.fixture(autouse=True)
async def old_keys_again(world: World) -> Any:
    """Leave the shared store under the key that others open it with."""
    async with world.store.read() as session:
        before = [tuple(row) for row in await session.execute(text("SELECT name, wrapped FROM wrapped_keys"))]
    yield
    async with world.store.write() as session:
        await session.execute(text("DELETE FROM wrapped_keys"))
        insert = text("INSERT INTO wrapped_keys (name, wrapped) VALUES (:name, :wrapped)")
        await session.execute(insert, [{"name": name, "wrapped": wrapped} for name, wrapped in before])


async def test_after_a_rotation_the_new_key_opens_all_and_the_old_one_nothing(world: World) -> None:
    await fill(world)
    async with world.store.write() as session:
        # As an earlier version sealed it.
        old = Fernet(KEY).encrypt(NUMBERS[BOB].encode())
        await session.execute(
            text("UPDATE registrations SET number_sealed = :old WHERE person_id = :bob"),
            {"old": old, "bob": BOB},
        )
    before = await opened(world)
    both = await under(world, NEW, KEY)
    steps = await rotate(both.store)
    assert {step.column for step in steps} == {str(column) for column in reseal.sealed_columns()}
    assert sum(step.changed for step in steps if step.looked_at == step.of) >= 12
    await both.store.close()
    new = await under(world, NEW)
    try:
        after = await opened(new)
        assert {name: rows for name, rows in after.items() if name != "marks"} == {
            name: rows for name, rows in before.items() if name != "marks"
        }
        for row in await new.rows(Registration):
            with pytest.raises(WrongKey):
                world.store.vault.open(row.number_sealed)
    finally:
        await new.store.close()
    with pytest.raises(WrongKey):
        await under(world, KEY)


async def test_until_the_end_the_old_key_is_needed_and_from_the_first_new_seal_the_new_one(
    world: World,
) -> None:
    await fill(world)
    both = await under(world, NEW, KEY)
    rounds = reseal.reseal(both.store)
    await anext(rounds)
    for keys in ((NEW,), (KEY,), (WRONG,), (WRONG, KEY)):
        with pytest.raises(WrongKey):
            await under(world, *keys)
    await rounds.aclose()
    assert (await rotate(both.store))[-1].changed == 0
    await both.store.close()


async def test_the_bot_goes_on_meanwhile(world: World, road: Road) -> None:
    await fill(world)
    code = await world.code_of(ANN)
    both = await under(world, NEW, KEY)
    relay, number = both.relay(road), 0
    async for _ in reseal.reseal(both.store):
        number += 1
        if number < 12:
            await both.text(CARL, BOB, f"meanwhile {number}")
            await work(relay)
        if number == 5:
            assert (await both.type_code(ANN, code)).proven
    await reseal.rewrap(both.store)
    assert "meanwhile 11" in road.said()
    await both.store.close()
    new = await under(world, NEW)
    async with new.store.read() as session:
        phone = await people.phone_of(session, ANN)
        assert phone is not None
        assert people.number_of(session, phone) == "+12065550101"
    # The index is the same, so a number is still found: proven again, it moves.
    await new.register(CARL, typed_number=NUMBERS[ANN])
    assert await new.rows(Registration, Registration.person_id == ANN) == []
    await new.store.close()


async def test_killed_in_the_middle_it_goes_on_where_it_was(world: World) -> None:
    await fill(world)
    url = world.store.engine.url.render_as_string(hide_password=False)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ROTATE, url, NEW, KEY, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        while b"registrations" not in await process.stdout.readline():
            pass
    process.send_signal(signal.SIGKILL)
    await process.wait()
    both = await under(world, NEW, KEY)
    done = [both.store.vault.resealed(row.number_sealed) is None for row in await both.rows(Registration)]
    assert set(done) == {True, False}
    steps = await rotate(both.store)
    again = max(step.changed for step in steps if step.column.startswith("registrations"))
    assert again == done.count(False)
    await both.store.close()
    await (await under(world, NEW)).store.close()


async def test_a_value_that_no_key_opens_stops_it_and_nothing_is_lost(world: World) -> None:
    await fill(world)
    stranger = Vault([WRONG], {name: Fernet(WRONG).encrypt(b"x") for name in ("index", "codes", "tokens")})
    planted = {"sealed": stranger.seal("x"), "ann": ANN}
    async with world.store.write() as session:
        await session.execute(
            text("UPDATE verifications SET number_sealed = :sealed WHERE person_id = :ann"), planted
        )
    both = await under(world, NEW, KEY)
    with pytest.raises(WrongKey):
        await rotate(both.store)
    assert (await both.rows(Verification))[0].number_sealed == planted["sealed"]
    await both.store.close()


async def test_a_wrong_key_changes_nothing(world: World) -> None:
    await fill(world)
    before = await opened(world)
    for keys in ((WRONG,), (WRONG, NEW)):
        with pytest.raises(WrongKey):
            await under(world, *keys)
    assert await opened(world) == before


def test_every_column_of_bytes_is_sealed_or_a_fingerprint() -> None:
    columns = {str(column) for column in reseal.sealed_columns()}
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if column.type.python_type is bytes and f"{table.name}.{column.name}" not in columns:
                assert column.name.endswith(("_index", "_mac", "wrapped")), f"{table.name}.{column.name}"


def test_copied_values_come_first() -> None:
    assert str(reseal.sealed_columns()[0]) == "verifications.number_sealed"


async def bot_keys_rotate(path: Path, *keys: str) -> tuple[int | None, str, str]:
    env = {"PATH": "/usr/bin:/bin", "BOT_NO_BOOTSTRAP": "1", **NO_DOTENV, "DATABASE_URL": sqlite_url(path)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, CHECKOUT / "bot", "keys", "rotate"),
        env=env | {"SECRET_KEY": ",".join(keys)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 50)
    return process.returncode, out.decode(), err.decode()


@pytest.mark.ci
async def test_the_command_waits_for_the_bot_to_know_the_key_and_says_when_it_is_safe(
    tmp_path: Path, migrated_file: Path
) -> None:
    path = tmp_path / "store.db"
    shutil.copyfile(migrated_file, path)
    store = await open_store(sqlite_url(path), [KEY])
    async with sealing(store, ["relay", "discord"]):
        code, out, err = await bot_keys_rotate(path, NEW, KEY)
        assert (code, out) == (78, "")
        assert err.startswith(
            "SECRET_KEY: the bot that runs (discord, relay) does not seal with its first key."
        )
        await (await open_store(sqlite_url(path), [KEY])).close()
    await store.close()
    code, out, err = await bot_keys_rotate(path, NEW, KEY)
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == DONE
    assert "registrations.number_sealed: 0 of 0, 0 sealed anew" in out
    assert (await bot_keys_rotate(path, NEW))[0] == 0
    code, out, err = await bot_keys_rotate(path, KEY)
    assert (code, out) == (78, "")
    assert err == "SECRET_KEY: it does not open this store; set the key it was made with.\n"
    for secret in (KEY, NEW):
        assert secret not in out + err
