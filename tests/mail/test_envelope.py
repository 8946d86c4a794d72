"""Headers alone say where a mail comes from, where it went and what it answers."""

import pytest

from bot.domain.envelope import Envelope
from bot.mail.envelope import headers_of
from bot.mail.headers import single_address, words


def test_a_reply_names_its_writer_its_ways_and_what_it_answers() -> None:
    raw = (
        b"Return-Path: <2065550100@vtext.com>\r\n"
        b"Delivered-To: bot+abcdef@example.org\r\n"
        b"X-Original-To: Bot+ABCDEF@example.org\r\n"
        b"Authentication-Results: mx.example.org;\r\n\tspf=pass\r\n"
        b"Authentication-Results: elsewhere.example; spf=fail\r\n"
        b'From: "2065550100" <2065550100@vtext.com>\r\n'
        b"To: Textbridge <bot@example.org>, other@example.org\r\n"
        b"Message-ID: <own@vtext.com>\r\n"
        b"In-Reply-To: <second@example.org>\r\n"
        b"References: <first@example.org>\r\n <second@example.org>\r\n"
        b"\r\n"
        b"To: nobody@example.org\r\n"
    )
    assert headers_of(raw) == Envelope(
        mail_id="own@vtext.com",
        author="2065550100@vtext.com",
        addressed_to=("bot@example.org", "other@example.org", "bot+abcdef@example.org"),
        answers=("second@example.org", "first@example.org"),
        vouched=("mx.example.org; spf=pass", "elsewhere.example; spf=fail"),
    )


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"])
def test_line_ends_of_every_kind_are_understood(ends: bytes) -> None:
    raw = b"Return-Path: <>\nAuto-Submitted: auto-replied (vacation)\n\nwords".replace(b"\n", ends)
    assert headers_of(raw) == Envelope(null_sender=True, auto_submitted="auto-replied", machine_made=True)


@pytest.mark.parametrize(
    ("written", "author"),
    [
        ("2065550100@vtext.com", "2065550100@vtext.com"),
        ("<2065550100@VTEXT.com>", "2065550100@vtext.com"),
        ("2065550100@vtext.com <2065550100@vtext.com>", "2065550100@vtext.com"),
        ('"me@x.example" <2065550100@vtext.com>', "2065550100@vtext.com"),
        ("(<me@x.example>) 2065550100@vtext.com", "2065550100@vtext.com"),
        ("+12065550100/TYPE=PLMN@mms.example", "+12065550100/type=plmn@mms.example"),
        ("a@x.example, b@y.example", ""),
        ("<a@x.example> <b@y.example>", ""),
        ('"a <b@y.example>', ""),
        ("(a <b@y.example>", ""),
        ("<a@x.example", ""),
        ("a@b@x.example", ""),
        ("=?utf-8?q?me=40x.example?=", ""),
        ("nobody", ""),
        ("", ""),
    ],
)
def test_an_author_is_named_only_where_nobody_could_read_another(written: str, author: str) -> None:
    assert single_address(written) == author
    assert headers_of(f"From: {written}\n\n".encode()).author == author


def test_two_from_headers_name_nobody() -> None:
    assert headers_of(b"From: a@x.example\nFrom: b@y.example\n\n").author == ""


@pytest.mark.parametrize(
    "line",
    [
        "Precedence: bulk",
        "Precedence: Auto_Reply",
        "X-Autoreply: yes",
        "Auto-Submitted: auto-generated",
        "Return-Path: <>",
        "List-Id: <some.example>",
        "From: MAILER-DAEMON@x.example",
    ],
)
def test_what_no_person_wrote_is_told(line: str) -> None:
    assert headers_of(f"{line}\n\n".encode()).machine_made
    assert not headers_of(b"From: a@x.example\nAuto-Submitted: no\nPrecedence: first-class\n\n").machine_made


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("=?utf-8?Q?caf=C3=A9_au_lait?=", "café au lait"),
        ("=?UTF-8?B?w6k=?= and =?iso-8859-1?q?=E9?=", "é and é"),
        ("=?utf-8?b?w6nD?= =?utf-8?b?qQ==?=", "éé"),
        ("=?nonsense?q?a?=", "a"),
        ("=?utf-8?b?!!!?=", ""),
        ("=?utf-8?q?never ends", "=?utf-8?q?never ends"),
    ],
)
def test_encoded_words_are_spelled_out(written: str, spelled: str) -> None:
    assert words(written) == spelled


def test_nothing_private_shows_in_a_repr() -> None:
    raw = b"From: 2065550100@vtext.com\nTo: c@x.example\nMessage-ID: <m@x>\nReferences: <r@x>\n\n"
    assert repr(headers_of(raw)) == "Envelope(null_sender=False, auto_submitted='', machine_made=False)"


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "piece", [b"a@", b"<", b"(", b'"', b"\\", b"=?utf-8?q?", b" ", b"a:b\n", b"\n ", b"=?utf-8?b?w6k=?= "]
)
def test_a_header_without_end_is_read_at_once(piece: bytes) -> None:
    many = piece * (1024 * 1024 // len(piece))
    seen = headers_of(b"From: " + many + b"\nTo: " + many + b"\nReferences: " + many)
    assert len(seen.addressed_to) + len(seen.answers) < 2_000
    assert len(words(many.decode()[: 256 * 1024])) <= 256 * 1024
