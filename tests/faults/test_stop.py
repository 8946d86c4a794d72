"""Stop the bot again and again under load, as a supervisor does: nothing is lost and nothing goes twice."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.smtp_script import Step, delay
from tests.conftest import Size
from tests.faults.load import judge, under_load
from tests.faults.people import write_phones
from tests.faults.process import Runner
from tests.standin.standin import Standin
from tests.test_run import BOB, Place, out_within, until_body

OUT_S = 4.5  # the contract's four seconds, and a little for a busy machine


@pytest.mark.fault
@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_sigterm_under_load_loses_nothing_and_repeats_nothing(
    bare_url: str, runner: Runner, tmp_path: Path, size: Size, record_property: Any
) -> None:
    async with under_load(bare_url, runner, tmp_path / "bot.log") as scene:
        for _ in range(size.pick(20, 200)):
            await scene.live_and_stop(within_s=OUT_S)
    figures = judge(scene)
    record_property("figures", figures)
    print(figures)
    assert figures["accepted"] > 0
    assert (figures["sent twice or more"], figures["ambiguous attempts"]) == (0, 0)


async def test_a_store_that_takes_nothing_holds_no_stop_up(
    runner: Runner, migrated_file: Path, tmp_path: Path
) -> None:
    async with Standin() as world:
        place = Place(world, runner, tmp_path)
        shutil.copyfile(migrated_file, place.path)
        await write_phones(place.url, world.secret_key, place.guild, {BOB: place.bob})
        world.carriers.tell(delay(Step.BODY, 1.0))
        async with place.bot() as bot:
            await place.up()
            await place.text("taken, but who knows")
            await until_body(place)
            with closing(sqlite3.connect(place.path, isolation_level=None)) as holder:
                holder.execute("BEGIN IMMEDIATE")
                await out_within(bot, 4.0)
        assert place.item_states() == ["leased"]
        assert any("could not be recorded" in line for line in place.said())
        assert not any("ExceptionGroup" in line for line in place.said())
