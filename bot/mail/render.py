"""Render one mail straight to bytes: every header is ours, so nothing in it needs folding or escaping."""

import base64
import binascii
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import NamedTuple


class Mail(NamedTuple):
    """One mail to one gateway address; `sender` is its own envelope sender, where it has one.

    Neither addresses nor words show in a repr.
    """

    recipient: str
    content: bytes
    sender: str = ""

    def __repr__(self) -> str:
        """Leave address and content out."""
        return f"Mail({len(self.content)} octets)"


class Letter(NamedTuple):
    """What a mail is made of; answers and bounces come to `answers_to`, where given, else to the sender.

    Neither addresses nor words show in a repr.
    """

    recipient: str
    words: str
    mail_id: str
    at: datetime
    answers_to: str = ""

    def __repr__(self) -> str:
        """Leave addresses and words out."""
        return "Letter()"


def render(sender: str, letter: Letter) -> Mail:
    """Build a single-part text/plain mail, CRLF line ends, not yet dot-stuffed.

    The words are always encoded, so no byte of theirs can end the mail early (SMTP smuggling).
    The Subject is empty: gateways put it in front of the words.
    """
    recipient, words, mail_id, at, answers_to = letter
    charset, encoding, body = _encode(words)
    domain = sender.rpartition("@")[2]
    lines = (
        f"From: <{sender}>",
        *((f"Reply-To: <{answers_to}>",) if answers_to else ()),
        f"To: <{recipient}>",
        "Subject: ",
        f"Date: {_date(at.replace(microsecond=0))}",
        f"Message-ID: <{mail_id}@{domain}>",
        "MIME-Version: 1.0",
        f"Content-Type: text/plain; charset={charset}",
        f"Content-Transfer-Encoding: {encoding}",
        "",
        "",
    )
    return Mail(recipient, "\r\n".join(lines).encode("ascii") + body, answers_to)


@lru_cache(maxsize=4)
def _date(at: datetime) -> str:
    # Many mails are made in one second.
    return format_datetime(at)


def _encode(words: str) -> tuple[str, str, bytes]:
    # One kind of line end: the encoder below takes its cue from the first one it meets.
    octets = words.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    if not octets.isascii() and sum(octet > 0x7F for octet in octets) * 3 > len(octets):
        # What base64 wraps must have CRLF line ends too (RFC 2045, 6.8).
        wrapped = base64.encodebytes(octets.replace(b"\n", b"\r\n"))
        return "utf-8", "base64", wrapped.replace(b"\n", b"\r\n")
    charset = "us-ascii" if octets.isascii() else "utf-8"
    quoted = binascii.b2a_qp(octets, istext=True).replace(b"\n", b"\r\n")
    return charset, "quoted-printable", quoted + b"\r\n"


def stuffed(content: bytes) -> bytes:
    """Double the dot that begins a line and end with the final dot (RFC 5321, 4.5.2)."""
    body = content.replace(b"\r\n.", b"\r\n..")
    if body.startswith(b"."):
        body = b"." + body
    return body + (b".\r\n" if body.endswith(b"\r\n") else b"\r\n.\r\n")
