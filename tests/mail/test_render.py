"""A rendered mail says what it should, and nothing that a person wrote can change what it is."""

import email
import email.parser
import json
import re
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.mail.render import Letter, Mail, render, stuffed
from tests.domain.corpora import corpus

SENDER, RECIPIENT = "textbridge@example.org", "2065550100@vtext.com"
AT = datetime(2026, 11, 22, 15, 40, tzinfo=UTC)
MAIL_ID = "0123456789abcdef"
HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
]
LONGEST_LINE_OCTETS = 998
BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=400)
LINES = st.lists(st.sampled_from([".", "..", "a", "", "é", ".a", "From x", "\r", " ", "=", "\u2028"])).map(
    "\n".join
)


def rendered(words: str) -> bytes:
    return render(SENDER, Letter(RECIPIENT, words, MAIL_ID, AT)).content


def parsed(content: bytes) -> EmailMessage:
    mail = email.message_from_bytes(content, policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def said(words: str) -> str:
    """Return words as a mail can say them: one kind of line end, no lone surrogates."""
    whole = words.encode("utf-8", "replace").decode("utf-8")
    return re.sub("\r\n?", "\n", whole)


def assert_sound(octets: bytes, words: str) -> None:
    mail = parsed(octets)
    assert mail.keys() == HEADERS
    assert mail.defects == []
    assert mail["From"].addresses[0].addr_spec == SENDER
    assert [each.addr_spec for each in mail["To"].addresses] == [RECIPIENT]
    assert (mail["Subject"], mail["Message-ID"]) == ("", f"<{MAIL_ID}@example.org>")
    assert mail["Date"].datetime == AT
    assert mail.get_content_type() == "text/plain"
    assert not mail.is_multipart()
    assert BARE.search(octets) is None
    assert octets.isascii()
    assert max(map(len, octets.split(b"\r\n"))) <= LONGEST_LINE_OCTETS
    content = mail.get_content()
    assert content.count("\n") == content.count("\r\n") == content.count("\r")
    assert said(content) in (said(words), said(words) + "\n")


@given(ANY_TEXT | LINES)
@example("a\r\nb")
@example("\r\n.\r\nMAIL FROM:<x@y.test>\r\n")
@example("a\n" * 300)
@example("📱" * 300)
@example("a" * 4000)
@example("ends with a space \nand a tab\t\n")
def test_whatever_the_words_the_mail_is_sound_and_says_them(words: str) -> None:
    assert_sound(rendered(words), words)


@given(ANY_TEXT)
def test_the_words_change_no_header_but_those_that_name_their_encoding(words: str) -> None:
    head, _, _ = rendered(words).partition(b"\r\n\r\n")
    plain_head, _, _ = rendered("dinner at 7").partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[:7][:6] == plain_head.split(b"\r\n")[:6]
    described = head.split(b"\r\n")[6:]
    assert described[0] in (
        b"Content-Type: text/plain; charset=us-ascii",
        b"Content-Type: text/plain; charset=utf-8",
    )
    assert described[1:] in (
        [b"Content-Transfer-Encoding: quoted-printable"],
        [b"Content-Transfer-Encoding: base64"],
    )


def test_hostile_header_values_stay_words() -> None:
    hostile = json.loads(corpus("injection/headers.json").read_text("utf-8"))["header_values"]
    assert len(hostile) >= 12
    for words in hostile:
        assert_sound(rendered(words), words)


def test_naughty_strings_stay_words() -> None:
    strings = json.loads(corpus("strings-blns/blns.json").read_text("utf-8"))
    assert len(strings) > 250
    for words in strings:
        assert_sound(rendered(words), words)


def unstuffed(wire: bytes) -> bytes:
    """Read a body as a server does (RFC 5321, 4.5.2)."""
    lines = wire.split(b"\r\n")
    assert lines[-2:] == [b".", b""]
    assert b"." not in lines[:-2]
    return b"".join(line.removeprefix(b".") + b"\r\n" for line in lines[:-2])


@given(
    st.lists(st.sampled_from([b".", b"..", b".\r", b"\n.", b"a", b"", b"\r\n", b".a", b"\0."])).map(
        b"\r\n".join
    )
    | st.binary(max_size=200)
)
def test_stuffing_comes_undone_and_only_its_end_is_an_end(content: bytes) -> None:
    ended = content if content.endswith(b"\r\n") else content + b"\r\n"
    assert unstuffed(stuffed(content)) == ended


@given(ANY_TEXT | LINES)
def test_on_the_wire_only_the_last_line_is_a_lone_dot(words: str) -> None:
    content = rendered(words)
    wire = stuffed(content)
    assert BARE.search(wire) is None
    assert unstuffed(wire) == content


def test_the_nine_false_endings_end_nothing() -> None:
    endings = json.loads(corpus("injection/smtp-smuggling-eod.json").read_text("utf-8"))
    assert len(endings) == 9
    for ending in endings:
        words = f"before{ending}MAIL FROM:<x@y.test>\r\nafter"
        wire = stuffed(rendered(words))
        assert BARE.search(wire) is None
        assert [line for line in wire.split(b"\r\n") if line.startswith(b".")] == [b"."]
        assert_sound(rendered(words), words)


@pytest.mark.parametrize(
    ("words", "encoding"),
    [
        ("dinner at 7", "quoted-printable"),
        ("Grüße aus Bern", "quoted-printable"),
        ("晩ご飯は七時", "base64"),
    ],
)
def test_the_encoding_is_the_shorter_one(words: str, encoding: str) -> None:
    assert parsed(rendered(words))["Content-Transfer-Encoding"] == encoding


def test_a_mail_shows_neither_address_nor_words() -> None:
    mail = render(SENDER, Letter(RECIPIENT, "canary", MAIL_ID, AT))
    assert isinstance(mail, Mail)
    assert "canary" not in repr(mail)
    assert "2065550100" not in repr(mail)
