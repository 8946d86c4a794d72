"""Mails are read in a process of their own: what breaks there is one mail, never the bot."""

import json
import time

import pytest

from bot.domain.inbound import Bounce, Kind, Picture, Reading
from bot.mail.reader import Reader
from bot.mail.reading_process import packed, unpacked

REPLY = b"From: 2065550101@vtext.com\r\nTo: bot@example.org\r\nContent-Type: text/plain\r\n\r\non my way\r\n"
SPIN = """
import sys
from bot.mail import reading_process
{how}
reading_process.read = hostile
reading_process.serve(sys.stdin.buffer, sys.stdout.buffer)
"""


def test_a_reading_comes_through_whole() -> None:
    pictures = (Picture("a.jpg", "image/jpeg", bytes(range(256))), Picture("é", "image/png", b""))
    reading = Reading(
        Kind.BOUNCE, "é\n\ud83d", "+12065550101", Bounce.SOFT, "4.2.2", "full", ("a@b.c",), "1@x", pictures
    )
    assert unpacked(packed(reading)) == reading
    assert unpacked(packed(Reading(Kind.UNKNOWN))) == Reading(Kind.UNKNOWN)


@pytest.mark.parametrize(
    "octets", [b"", b"{}", b"[]", b"null", json.dumps({"kind": "reply"}).encode(), b"\xff", b'{"kind": 1}']
)
def test_what_is_no_reading_is_refused(octets: bytes) -> None:
    with pytest.raises((ValueError, LookupError, TypeError, AttributeError)):
        unpacked(octets)


async def test_mails_are_read_one_after_the_other_in_one_process() -> None:
    reader = Reader()
    first = await reader.read(REPLY)
    assert first is not None
    assert (first.kind, first.words) == (Kind.REPLY, "on my way")
    began = time.monotonic()
    for _ in range(20):
        assert await reader.read(REPLY) == first
    assert time.monotonic() - began < 2
    empty = await reader.read(b"")
    assert empty is not None
    await reader.close()
    await reader.close()


@pytest.mark.parametrize(
    "how",
    [
        "def hostile(raw):\n    while True:\n        pass",
        "def hostile(raw):\n    raise ValueError('2065550101')",
        "def hostile(raw):\n    sys.exit()",
        "def hostile(raw):\n    sys.stdout.buffer.write(b'\\0\\0\\0\\4null')\n    sys.exit()",
    ],
)
async def test_a_mail_that_cannot_be_read_costs_its_process_alone(
    how: str, caplog: pytest.LogCaptureFixture
) -> None:
    reader = Reader(("-c", SPIN.format(how=how)))
    began = time.monotonic()
    assert await reader.read(REPLY) is None
    assert time.monotonic() - began < 20
    assert "2065550101" not in caplog.text
    assert await reader.read(REPLY) is None  # and again by a new one
    await reader.close()
