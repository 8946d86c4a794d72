"""Whatever charset a mail names, what is read of it can be stored and sent on."""

from encodings.aliases import aliases

import pytest

from bot.mail.reading import read

OCTETS = [b"+2AA- hi", b"\\ud800 hi", b"\xed\xa0\x80 hi", b"\x00\xd8h\x00", b"hi-abc" * 500]


@pytest.mark.parametrize("octets", OCTETS)
def test_no_charset_yields_what_cannot_be_stored(octets: bytes) -> None:
    for charset in sorted({*aliases, *aliases.values(), "unicode_escape", "utf-16-be", "undefined"}):
        name = charset.encode("ascii")
        body = b'Content-Type: text/plain; charset="' + name + b'"\r\n\r\n' + octets
        subject = b"Subject: =?" + name + b"?q?" + octets.replace(b" ", b"_") + b"?=\r\n\r\n"
        for rest in (body, subject):
            read(b"From: 2065550102@vtext.com\r\n" + rest + b"\r\n").words.encode("utf-8")


def test_a_whole_character_in_utf_7_is_read() -> None:
    raw = (
        b"From: 2065550102@vtext.com\r\nContent-Type: text/plain; charset=utf-7\r\n\r\nok +2D3eAA- +2D0-\r\n"
    )
    assert read(raw).words == "ok \U0001f600 \ufffd"
