"""A notice that a mail is late is told from one that it came back."""

import pytest

from bot.mail.reading import read
from bot.mail.reading_process import packed, unpacked
from tests.flow.mailroom import bounce
from tests.mail.test_bounces import report


def test_only_what_is_still_being_tried_is_late() -> None:
    assert read(report("Action: delayed", "Status: 4.4.1")).delayed
    assert not read(report("Action: failed", "Status: 4.4.1")).delayed
    assert not read(bounce("bot@example.org")).delayed


@pytest.mark.parametrize("action", ["delayed", "failed"])
def test_what_is_late_is_late_beyond_the_reading_process(action: str) -> None:
    reading = read(report(f"Action: {action}", "Status: 4.4.1"))
    assert unpacked(packed(reading)) == reading
