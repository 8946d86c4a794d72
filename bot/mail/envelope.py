"""Read from a mail's headers alone where it comes from, where it went and what it answers."""

from bot.domain.envelope import Envelope
from bot.mail.headers import Headers, addresses, lines_of, parse, single_address

MOST_ANSWERED = 100
MOST_VOUCHERS = 20
# Who a mail was for: what its writer put there, then what servers noted on the way.
_ADDRESSED = (
    "to",
    "cc",
    "delivered-to",
    "x-delivered-to",
    "x-original-to",
    "x-orig-to",
    "envelope-to",
    "x-envelope-to",
    "x-rcpt-to",
    "x-forwarded-to",
    "x-forwarded-for",
    "apparently-to",
    "resent-to",
)
_NOT_BY_HAND = (
    "x-autoreply",
    "x-autorespond",
    "x-auto-response-suppress",
    "x-autoreply-from",
    "x-mail-autoreply",
)
_BULK = frozenset({"bulk", "junk", "list", "auto_reply", "auto-reply"})
_NO_PERSON = frozenset({"mailer-daemon", "postmaster", "post_master", "mail-daemon", "no-reply", "noreply"})


def headers_of(raw_headers: bytes) -> Envelope:
    """Read a whole mail, or its headers alone."""
    return envelope_of(parse(lines_of(raw_headers))[0])


def envelope_of(headers: Headers) -> Envelope:
    """Sum up headers that were read already."""
    auto = _auto_submitted(headers)
    null = _is_null(headers)
    return Envelope(
        mail_id=next(iter(ids(headers.first("message-id"))), ""),
        author=_author(headers),
        addressed_to=_addressed_to(headers),
        answers=_answers(headers),
        null_sender=null,
        auto_submitted=auto,
        machine_made=null or (auto not in ("", "no")) or _looks_machine_made(headers),
        vouched=headers.every("authentication-results")[:MOST_VOUCHERS],
    )


def ids(value: str) -> tuple[str, ...]:
    """Return the Message-IDs of a header's value, without < and >."""
    tokens = value.replace("<", " ").replace(">", " ").replace(",", " ").split()
    return tuple(token for token in tokens if "@" in token and len(token) <= 500)


def _author(headers: Headers) -> str:
    written = headers.every("from")
    return single_address(written[0]) if len(written) == 1 else ""


def _addressed_to(headers: Headers) -> tuple[str, ...]:
    found = (address for name in _ADDRESSED for value in headers.every(name) for address in addresses(value))
    return tuple(dict.fromkeys(found))


def _answers(headers: Headers) -> tuple[str, ...]:
    named = [one for value in headers.every("in-reply-to") for one in ids(value)]
    before = [one for value in headers.every("references") for one in ids(value)]
    return tuple(dict.fromkeys([*named, *reversed(before)]))[:MOST_ANSWERED]


def _is_null(headers: Headers) -> bool:
    paths = headers.every("return-path")
    return bool(paths) and paths[0].strip() in ("<>", "< >", "")


def _auto_submitted(headers: Headers) -> str:
    return headers.first("auto-submitted").partition(";")[0].partition("(")[0].strip().lower()[:40]


def _looks_machine_made(headers: Headers) -> bool:
    if any(name in headers for name in _NOT_BY_HAND):
        return True
    if headers.first("precedence").strip().lower() in _BULK:
        return True
    if "list-id" in headers or "list-unsubscribe" in headers:
        return True
    return _author(headers).partition("@")[0] in _NO_PERSON
