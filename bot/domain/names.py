"""Check the domains and carrier names that people type."""

import functools
import re
import unicodedata
from typing import Final

LONGEST_DOMAIN_CHARS: Final = 253
LONGEST_NAME_CHARS: Final = 60
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
# Names that never reach a public mail server (RFC 6761, RFC 6762, RFC 8375, RFC 9476 and habit).
_LOCAL_ENDINGS: Final = frozenset(
    {
        "local",
        "localhost",
        "localdomain",
        "internal",
        "intranet",
        "lan",
        "home",
        "corp",
        "private",
        "arpa",
        "onion",
        "alt",
        "invalid",
    }
)


@functools.lru_cache(maxsize=1024)  # it is asked for each mail, of few domains
def domain_problem(domain: str) -> str | None:
    """Say in one sentence what is wrong with a gateway's domain (it is lower-case ASCII), or None."""
    if not domain or len(domain) > LONGEST_DOMAIN_CHARS:
        return f"A domain has 1 to {LONGEST_DOMAIN_CHARS} characters, like sms.example.net."
    if not domain.isascii():
        return "Type the domain in plain letters; a foreign one in its xn-- form."
    if "@" in domain or "/" in domain or ":" in domain:
        return "Type only the domain, without an address, a port or http://, like sms.example.net."
    labels = domain.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        return "A domain is lower-case letters, digits and hyphens with dots between, like sms.example.net."
    if len(labels) < 2:
        return "A domain has at least one dot, like sms.example.net."
    if labels[-1][0].isdigit() or (labels[-1].startswith("0x")):
        return "Type a domain, not an IP address, like sms.example.net."
    if labels[-1] in _LOCAL_ENDINGS:
        return "That name works only inside one network; type the carrier's public domain."
    return None


def name_problem(name: str) -> str | None:
    """Say in one sentence what is wrong with a carrier's name, or None."""
    if not name.strip() or name != name.strip():
        return "Give the carrier a name, without spaces at its ends."
    if len(name) > LONGEST_NAME_CHARS:
        return f"A carrier's name has at most {LONGEST_NAME_CHARS} characters."
    if any(unicodedata.category(char)[0] in "CZ" and char != " " for char in name):
        return "A carrier's name is one line of visible characters."
    if any(char in "@#`*_~|<>[]\\" for char in name):
        return "A carrier's name has no @, #, brackets or formatting characters."
    if not any(char.isalnum() for char in name):
        return "A carrier's name has at least one letter or digit."
    return None
