"""The watch over every test finds what is planted: else it would prove nothing."""

import logging
from pathlib import Path

import pytest

from tests import leaks
from tests.db.stores import KEY

LEAKS = [
    "+12065550142",
    "(206) 555-0142",
    "2065550142@vtext.com",
    "5550142@gateway.example",
    "dinner at 7",
    KEY,
]


@pytest.mark.plants
@pytest.mark.parametrize("leak", LEAKS, ids=range(len(LEAKS)))
def test_what_the_bot_logs_is_seen_before_it_is_masked(no_leaks: leaks.Watch, leak: str) -> None:
    logger = logging.getLogger("bot.services.planted")
    logger.debug("a text to %s", leak)
    try:
        raise ValueError(leak)
    except ValueError:
        logger.exception("it failed")
    assert len(no_leaks.leaks) >= 2


@pytest.mark.plants
def test_of_what_libraries_log_the_mask_counts(no_leaks: leaks.Watch) -> None:
    logging.getLogger("discord.planted").warning("a text to +12065550142")
    assert no_leaks.leaks == []
    logging.getLogger("discord.planted").warning("dinner at 7")
    assert [leak.rpartition(": ")[2] for leak in no_leaks.leaks] == ["a text's words"]


@pytest.mark.parametrize("leak", LEAKS, ids=range(len(LEAKS)))
def test_what_a_file_holds_is_seen(tmp_path: Path, leak: str) -> None:
    (tmp_path / "store.db").write_bytes(b"\xff\x00" + leak.encode() + b"\x00\xfe")
    assert leaks.found_in([tmp_path / "store.db", tmp_path / "absent"]) != []
    (tmp_path / "store.db").write_bytes(b"\xff\x00\xfe 206 556 0142")
    assert leaks.found_in([tmp_path / "store.db"]) == []


def test_the_bot_logs_at_the_debug_level_in_every_test() -> None:
    assert logging.getLogger("bot").level == logging.DEBUG
