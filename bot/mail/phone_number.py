"""Find the phone's number in a mail: in an address, in the name beside it, or where its gateway hides it."""

import re

from bot.domain.gateway_habits import habit_of
from bot.mail.headers import Headers, addresses, words
from bot.mail.parts import Letter

_LOCAL = re.compile(r"(\+?)([0-9]{7,15})(?:/type=plmn)?")
_NAME = re.compile(r"[\s\"'(<]{0,4}(\+?)([0-9][0-9 ().-]{5,20}[0-9])[\s\"')>]{0,4}(?:/type=plmn)?\s{0,4}")
_HIDDEN = re.compile(r"name=(?:&quot;|\")MDN(?:&quot;|\")(?:&gt;|>)\s{0,3}(\d{7,15})")
_NANP = re.compile(r"[1-9][0-9]{9}")


def number_of(letter: Letter) -> str:
    """Return the number's digits, with the country's where that is known; nothing where there is none."""
    domain = sender_domain(letter.headers)
    hidden = _hidden(letter) if habit_of(domain).numbers else ""
    if hidden:
        return _complete("", hidden, domain)
    sender = letter.headers.first("from")
    for value in (
        sender,
        _name(sender),
        letter.headers.first("return-path"),
        letter.headers.first("reply-to"),
    ):
        found = _in(value)
        if found:
            return _complete(*found, domain)
    return ""


def sender_domain(headers: Headers) -> str:
    """Return the domain that a mail says it comes from, or nothing."""
    for name in ("from", "return-path"):
        found = addresses(words(headers.first(name)))
        if found:
            return found[-1].rpartition("@")[2].strip(".")
    return ""


def _in(value: str) -> tuple[str, str] | None:
    for address in reversed(addresses(value)):
        found = _LOCAL.fullmatch(address.partition("@")[0])
        if found:
            return found[1], found[2]
    named = _NAME.fullmatch(value.lower())
    return (named[1], re.sub(r"[^0-9]", "", named[2])) if named else None


def _name(value: str) -> str:
    return words(value.partition("<")[0]).strip() if "<" in value else ""


def _hidden(letter: Letter) -> str:
    for part in letter.parts:
        found = _HIDDEN.search(part.text) if part.kind == "text/html" else None
        if found:
            return found[1]
    return ""


def _complete(plus: str, digits: str, domain: str) -> str:
    """Put the country's code before ten digits of North America, whose gateways leave it out."""
    country = domain.rpartition(".")[2]
    abroad = len(country) == 2 and country not in ("us", "ca")
    return f"1{digits}" if not plus and not abroad and _NANP.fullmatch(digits) else digits
