"""Kill the bot with -9 again and again under load: nothing accepted is lost, nothing goes twice unlogged."""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Size
from tests.faults.load import judge, under_load
from tests.faults.process import Runner


@pytest.mark.fault
@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_kill_9_under_load_loses_nothing_and_repeats_nothing_unlogged(
    bare_url: str, runner: Runner, tmp_path: Path, size: Size, record_property: Any
) -> None:
    began = time.monotonic()
    async with under_load(bare_url, runner, tmp_path / "bot.log") as scene:
        for number in range(size.pick(50, 500)):
            await scene.live_and_die(plain=number == 0)
    figures = {
        "kills": scene.kills,
        "that left an ambiguous attempt": scene.kills_that_left_one,
        **judge(scene),
        "seconds": round(time.monotonic() - began),
    }
    record_property("figures", figures)
    print(figures)
    assert figures["accepted"] >= scene.kills * 5
    assert scene.kills_that_left_one * 5 >= scene.kills, "too few kills hit a mail on the wire to prove much"
