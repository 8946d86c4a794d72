"""Watch what tests have the bot log, print and keep: no test's number, words or key is there in clear.

Test numbers are 206 555 0100 to 0199; what the bot's own code logs must do without the mask, which is a net
for what others write. A test that plants such things on purpose is marked `plants`.
"""

import logging
import re
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from bot.log import QUIET, TextFormatter

WORDS = "dinner at 7"
KEYS = set[str]()  # whoever makes one for tests adds it
NUMBER = re.compile(r"206[ .)-]{0,3}555[ .-]?01\d\d(?!\d)")
AT, SEVEN_DIGITS = re.compile("@"), re.compile(r"[0-9]{7}")


def found(line: str) -> list[str]:
    """Name what a line gives away."""
    tells = {
        "a number": NUMBER.search(line),
        # From the rare sign backwards: a file is looked at after each test.
        "an address": any(SEVEN_DIGITS.match(line, at.start() - 7) for at in AT.finditer(line, 7)),
        "a text's words": WORDS in line,
        "a key": any(key in line for key in KEYS),
    }
    return [name for name, seen in tells.items() if seen]


def found_in(files: Iterable[Path]) -> list[str]:
    """Name what files give away, whatever they hold."""
    named = ((file.name, found(file.read_bytes().decode("latin-1"))) for file in files if file.is_file())
    return [f"{name}: {what}" for name, whats in named for what in whats]


class Watch(logging.Handler):
    """Looks at each record from DEBUG on, and remembers where it gave something away."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.leaks: list[str] = []
        self._formatter = TextFormatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Look at a record: at the raw words where the bot wrote them, at the masked line else."""
        shown = [self._formatter.format(record)]
        if record.name.partition(".")[0] == "bot":
            args = record.args if isinstance(record.args, tuple) else [record.args]
            shown += [str(record.msg), *map(str, args)]
            if record.exc_info and record.exc_info[1]:
                shown += traceback.format_exception_only(record.exc_info[1])
        for name in {name for each in shown for name in found(each)}:
            self.leaks.append(f"{record.name}, line {record.lineno}: {name}")


@pytest.fixture(autouse=True)
def no_leaks(request: pytest.FixtureRequest) -> Iterator[Watch]:
    """Run a test at the debug level, and fail it where something was logged that nobody may read."""
    watch, before = Watch(), {}
    for name in ("bot", *QUIET):
        logger = logging.getLogger(name)
        before[name] = logger.level
        logger.addHandler(watch)
        logger.setLevel(QUIET.get(name, logging.DEBUG))
    yield watch
    for name, level in before.items():
        logging.getLogger(name).removeHandler(watch)
        logging.getLogger(name).setLevel(level)
    if request.node.get_closest_marker("plants") is None:
        assert watch.leaks == []
