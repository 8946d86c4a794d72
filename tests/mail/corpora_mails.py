"""The labelled mails of the shared corpora, in two halves that share no mail's body."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from tests.domain.corpora import corpus

NOT_BOUNCES = ("feedback", "vacation", "delivered")


@dataclass(frozen=True, slots=True)
class Labelled:
    """A mail with what is known of it; `hard` is None where nobody said."""

    name: str
    raw: bytes
    bounced: bool
    hard: bool | None
    recipients: frozenset[str]

    @property
    def half(self) -> int:
        """Say in which half it is; mails with one body are in the same."""
        body = b" ".join(self.raw.partition(b"\n\n")[2].split())
        return hashlib.sha256(body).digest()[0] % 2


def bounces() -> Iterator[Labelled]:
    """Read every labelled mail of both collections of bounces."""
    for name, told in json.loads(corpus("bounces-sisimai/expected.json").read_text("utf-8")).items():
        raw = corpus(f"bounces-sisimai/maildir/bsd/{name}").read_bytes()
        yield Labelled(name, raw, told[0]["reason"] not in NOT_BOUNCES, told[0]["hardbounce"], frozenset())
    for name, told in json.loads(corpus("bounces-flufl/expected.json").read_text("utf-8")).items():
        named = frozenset(one.lower() for one in told["permanent"] + told["temporary"])
        yield Labelled(name, corpus(f"bounces-flufl/mail/{name}").read_bytes(), bool(named), None, named)


def phone_mails() -> Iterator[tuple[str, bytes, dict[str, object]]]:
    """Read every mail that a phone sent, with its label."""
    for name, label in json.loads(corpus("mms-mms2r/labels.json").read_text("utf-8")).items():
        yield name, corpus(f"mms-mms2r/mail/{name}").read_bytes(), label


def everything() -> Iterator[tuple[str, bytes]]:
    """Read every file that may be taken for a mail."""
    for folder in ("bounces-sisimai", "bounces-flufl", "mms-mms2r", "mail-rubymail", "replies-talon"):
        for path in sorted(corpus(folder).rglob("*")):
            if path.is_file() and path.suffix in (".eml", ".txt", ".mail"):
                yield f"{folder}/{path.name}", path.read_bytes()
