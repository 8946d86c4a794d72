"""No mail, however broken, raises, takes long, or shows in a repr or in a log."""

import logging
import random
import time
import tracemalloc

import pytest

from bot.domain.inbound import Kind
from bot.mail.parts import DEEPEST, MOST_PARTS, take_apart
from bot.mail.reading import read
from tests.conftest import Size
from tests.domain.corpora import corpus
from tests.mail.corpora_mails import everything

LONGEST_SECONDS = 1.0
MIB = 1024 * 1024
MOST_MEMORY_BYTES = 50 * MIB
SPLICES = [
    b"\r\n\r\n",
    b"Content-Type: multipart/mixed; boundary=x\r\n",
    b"--x\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"=?utf-8?q?=",
    b"<blockquote><td>",
    b"&#x110000;&#",
    b"<!DOCTYPE [<!",
    b"charset=punycode",
    b"charset=\xff\x00",
    b"\x00\xff\xfe",
    b"On 1 a@b wrote:\n",
    b"Final-Recipient: ;;@\nAction: failed\nStatus: 5.\n",
]


def mutated(raw: bytes, chance: random.Random) -> bytes:
    octets = bytearray(raw[:200_000])
    for _ in range(chance.randint(1, 12)):
        at = chance.randrange(len(octets) + 1)
        match chance.randrange(5):
            case 0:
                octets[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del octets[at : at + chance.randint(1, 400)]
            case 2:
                octets[at:at] = chance.choice(SPLICES) * chance.choice([1, 1, 50])
            case 3:
                octets[at:at] = octets[chance.randrange(at + 1) : at][:4_000]
            case _:
                octets = octets.replace(
                    b"\n", chance.choice([b"\r\n", b"\r", b"\n\n"]), chance.randint(1, 40)
                )
    return bytes(octets)


@pytest.mark.fault
def test_mutated_mails_never_raise_and_are_read_in_time(size: Size, record_property: object) -> None:
    chance = random.Random(2026)
    mails = [raw for _, raw in everything() if raw]
    slowest = 0.0
    for _ in range(size.pick(10_000, plain=400)):
        raw = mutated(chance.choice(mails), chance)
        began = time.thread_time()
        assert read(raw).kind in Kind
        slowest = max(slowest, time.thread_time() - began)
    assert callable(record_property)
    record_property("figures", {"slowest": f"{slowest:.3f} s"})
    assert slowest < LONGEST_SECONDS


HEAD = b"From: MAILER-DAEMON <>\nSubject: Undeliverable\nContent-Type: "
ENDLESS = {
    "text": (b"text/plain\n\n", b"550 5.1.1 a@b.example "),
    "quotes": (b"text/plain\n\n", b"> "),
    "dashes": (b"text/plain\n\n", b"-" * 79 + b"\n"),
    "on": (b"text/plain\n\n", b"On 1 a@b\n"),
    "from": (b"text/plain\n\n", b"From: a\nTo: b\n"),
    "html": (b"text/html\n\n", b"<td><a href=x>"),
    "comments": (b"text/html\n\n", b"<!--"),
    "declarations": (b"text/html\n\n", b"<![x"),
    "attributes": (b"text/html\n\n", b"<a a=' "),
    "entities": (b"text/html\n\n", b"&#"),
    "unclosed": (b"text/html\n\n", b"</"),
    "report": (b"message/delivery-status\n\n", b"Final-Recipient: a;b@c\nAction: failed\n\n"),
    "fields": (b"message/delivery-status\n\n", b" a:"),
    "nested": (b"multipart/mixed; boundary=x\n\n", b"--x\nContent-Type: multipart/mixed; boundary=x\n\n"),
    "parts": (b"multipart/mixed; boundary=x\n\n", b"--x\n\na\n"),
    "options": (b"multipart/mixed; ", b'a="'),
    "encoded": (b"text/plain; name=", b"=?utf-8?b?w6k=?= "),
    "base64": (b"text/plain\nContent-Transfer-Encoding: base64\n\n", b"A=A"),
    "printable": (b"text/plain\nContent-Transfer-Encoding: quoted-printable\n\n", b"=="),
    "uuencoded": (b"text/plain\nContent-Transfer-Encoding: x-uuencode\n\n", b"M\n"),
    "json": (b'text/plain\n\n{"bouncedRecipients"', b'"emailAddress":"'),
    "utf-7": (b"text/plain; charset=utf-7\n\n", b"+AGE-"),
    "addresses": (b"text/plain\n\n", b"a@b.example@"),
    "to": (b"text/plain\n\n", b"to:"),
    "ids": (b"message/rfc822\n\n", b"message-id:"),
}


@pytest.mark.parametrize("case", ENDLESS)
@pytest.mark.parametrize("sender", ["MAILER-DAEMON <>", "2065550100@vtext.com", "a@x.example"])
def test_a_mail_without_end_is_read_in_time(case: str, sender: str) -> None:
    kind, piece = ENDLESS[case]
    head = f"From: {sender}\nSubject: Undeliverable\nContent-Type: ".encode() + kind
    raw = head + piece * (2 * MIB // len(piece))
    began = time.thread_time()
    reading = read(raw)
    assert time.thread_time() - began < LONGEST_SECONDS
    assert len(reading.words) <= 20_000


@pytest.mark.parametrize("case", ["base64", "printable", "uuencoded", "text", "parts"])
def test_a_mail_without_end_takes_little_memory(case: str) -> None:
    kind, piece = ENDLESS[case]
    raw = b"From: 2065550100@vtext.com\nContent-Type: " + kind + piece * (2 * MIB // len(piece))
    tracemalloc.start()
    try:
        read(raw)
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY_BYTES
    finally:
        tracemalloc.stop()


def test_the_pathological_reply_is_read_in_time() -> None:
    raw = b"From: a@x.example\n\n" + corpus("replies-github/pathological.txt").read_bytes()
    began = time.thread_time()
    assert read(raw).kind is Kind.REPLY
    assert time.thread_time() - began < LONGEST_SECONDS


def test_a_mail_has_so_many_parts_and_levels_and_no_more() -> None:
    flat = b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\na\n" * 1_000
    assert len(take_apart(flat).parts) == MOST_PARTS
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (at, at) for at in range(1_000))
    found = take_apart(deep).parts
    assert [len(part.inside) for part in found] == [DEEPEST]


CANARIES = ["2065550123", "a-canary-word", "canary@secret.example", "canary-id@secret.example"]


@pytest.mark.parametrize(
    "raw",
    [
        "From: 2065550123@vtext.com\nReferences: <canary-id@secret.example>\n\na-canary-word",
        "From: MAILER-DAEMON <>\nSubject: failure\n\n<canary@secret.example>:\n2065550123 a-canary-word",
        "From: canary@secret.example\nSubject: 2065550123\nContent-Type: image/png; name=a-canary-word\n\n",
        "\x00a-canary-word 2065550123 canary@secret.example",
    ],
)
def test_nothing_of_a_mail_shows_in_a_repr_or_in_a_log(raw: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    reading = read(raw.encode())
    letter = take_apart(raw.encode())
    shown = f"{reading!r} {letter!r} {caplog.text}"
    assert [canary for canary in CANARIES if canary in shown] == []
    assert any(canary in raw for canary in CANARIES)
