"""A mail comes apart into what its writer put together, and broken ones into what can be had."""

import pytest

from bot.mail.charsets import decoded, transferred
from bot.mail.parts import take_apart


def texts(raw: bytes) -> list[tuple[str, str]]:
    return [(part.kind, part.text.strip()) for part in take_apart(raw).parts]


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"])
def test_parts_inside_parts_are_found(ends: bytes) -> None:
    raw = (
        b'Content-Type: multipart/mixed; boundary="out side"\n\npreamble\n--out side\n'
        b"Content-Type: multipart/alternative;\n boundary=in\n\n--in\n\none\n--in \n"
        b"Content-Type: TEXT/HTML\n\n<b>\n--in--\n"
        b"epilogue\n--out side\nContent-Type: message/rfc822\n\nSubject: x\n\ntwo\n--out side--\nmore"
    )
    found = texts(raw.replace(b"\n", ends))
    assert found == [("text/plain", "one"), ("text/html", "<b>"), ("message/rfc822", "Subject: x\n\ntwo")]


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"no header at all", [("text/plain", "no header at all")]),
        (b"A: b\n\nbody", [("text/plain", "body")]),
        (b"A: b", [("text/plain", "")]),
        (b"Content-Type: multipart/mixed\n\nbody", [("text/plain", "body")]),
        (b"Content-Type: multipart/mixed; boundary=x\n\nbody", [("text/plain", "body")]),
        (b"Content-Type: multipart/mixed; boundary=x\n\n--x\n\na", [("text/plain", "a")]),
        (b"Content-Type: nonsense\n\nbody", [("text/plain", "body")]),
        (b"From me today\nA: b\n\nbody", [("text/plain", "body")]),
    ],
)
def test_broken_mails_give_what_can_be_had(raw: bytes, found: list[tuple[str, str]]) -> None:
    assert texts(raw) == found


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (b'Content-Disposition: attachment; filename="a;b.jpg"', "a;b.jpg"),
        (b"Content-Disposition: attachment; filename*=utf-8''caf%C3%A9.jpg", "café.jpg"),
        (b"Content-Disposition: attachment; filename*0*=utf-8''caf%C3;\n filename*1*=%A9.jpg", "café.jpg"),
        (b"Content-Disposition: attachment; filename*0=a; filename*1=b.jpg", "ab.jpg"),
        (b"Content-Type: image/jpeg; name==?utf-8?q?caf=C3=A9.jpg?=", "café.jpg"),
        (b"Content-Location: a.jpg", "a.jpg"),
        (b"A: b", ""),
    ],
)
def test_a_part_has_the_name_its_sender_gave_it(header: bytes, name: str) -> None:
    assert [part.name for part in take_apart(header + b"\n\nx").parts] == [name]


@pytest.mark.parametrize(
    ("octets", "charset", "text"),
    [
        (b"caf\xc3\xa9", "utf-8", "café"),
        (b"caf\xe9", "iso-8859-1", "café"),
        (b"caf\xe9 \x93x\x94", "us-ascii", "café “x”"),
        (b"caf\xc3\xa9", "nonsense", "café"),
        (b"caf\xe9", "utf-8", "café"),
        (b"\xc3\xa9\xc3\xa9\xc3", "utf-8", "éé\ufffd"),
        (b"caf\xe9", "hex", "café"),
        (b"a", "punycode", "a"),
        (b"\x1b$B$O\x1b(B", "iso-2022-jp", "は"),
        (b"a", "\0", "a"),
    ],
)
def test_every_charset_is_read_somehow(octets: bytes, charset: str, text: str) -> None:
    assert decoded(octets, charset) == text


@pytest.mark.parametrize(
    ("octets", "encoding", "found"),
    [
        (b"aGVs\nbG8=", "base64", b"hello"),
        (b"aGVsbG8", "BASE64", b"hello"),
        (b"aGVsbG8=!?", "base64", b"hello"),
        (b"=", "base64", b""),
        (b"a=3Db=\nc=zz", "quoted-printable", b"a=bc=zz"),
        (b"begin 644 a\n%:&5L;&\\\n`\nend", "x-uuencode", b"hello"),
        (b"hello", "nonsense", b"hello"),
    ],
)
def test_every_transfer_encoding_is_undone_as_far_as_it_goes(
    octets: bytes, encoding: str, found: bytes
) -> None:
    assert transferred(octets, encoding) == found


def test_an_encoding_cannot_make_much_of_little() -> None:
    assert len(transferred(b"M\n" * 100_000, "uuencode")) < 300_000


def test_empty_lines_above_the_headers_are_left_out() -> None:
    letter = take_apart(b"\r\n \r\n\r\nSubject: x\r\n\r\nhello")
    assert (letter.headers.first("subject"), letter.parts[0].text) == ("x", "hello")
