"""Stop the bot again and again under load, as a supervisor does: nothing is lost and nothing goes twice."""

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Size
from tests.faults.load import judge, under_load
from tests.faults.process import Runner

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
