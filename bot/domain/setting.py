"""How each kind of setting is written: text to value, or a ValueError that never holds the value."""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?", re.IGNORECASE)
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+", re.IGNORECASE)
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_SNOWFLAKE = re.compile(r"[1-9][0-9]{14,19}")
_PLACE, _TOKEN_CHARS = "{token}", 32
_FERNET_KEY_BYTES = 32
_MAX_LOCAL_PART, _MAX_ADDRESS, _MAX_HOST = 64, 254, 253


def text(written: str) -> str:
    """Read one line of printable text."""
    if not written.isprintable():
        raise ValueError("use one line without control characters")
    return written


def secret(written: str) -> str:
    """Read a secret of visible ASCII, as every service here gives them out."""
    if not (written.isascii() and text(written)):
        raise ValueError("use only ASCII characters, as the service gave it to you")
    return written


def token(written: str) -> str:
    """Read a Discord bot token; its form is Discord's, so only what cannot be one is refused."""
    if not written.isascii() or not written.isprintable() or " " in written:
        raise ValueError(
            "copy the token from Bot > Reset Token in Discord's developer portal, and nothing else"
        )
    return written


def number(low: int, high: int) -> Callable[[str], int]:
    """Make a rule for whole numbers of that range."""

    def rule(written: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", written) or not low <= int(written) <= high:
            raise ValueError(f"use a whole number from {low} to {high}")
        return int(written)

    return rule


port = number(1, 65535)


def choice(*words: str) -> Callable[[str], str]:
    """Make a rule for one of these words."""

    def rule(written: str) -> str:
        if written.lower() not in words:
            raise ValueError(f"use {' or '.join(words)}")
        return written.lower()

    return rule


def host(written: str) -> str:
    """Read a host name or an IP address."""
    if len(written) > _MAX_HOST or not (_HOST.fullmatch(written) or _is_ip(written)):
        raise ValueError("use a host name alone, like smtp.example.org, without a port or https://")
    return written


def is_loopback(name: str) -> bool:
    """Tell whether a host is this machine."""
    return name.lower() == "localhost" or (_is_ip(name) and ipaddress.ip_address(name).is_loopback)


def api_url(written: str) -> str:
    """Read the base of Discord's API: https, or http to this machine."""
    try:
        parts = urlsplit(written)
        name = parts.hostname or ""
        plain = parts.port != 0 and not (parts.query or parts.fragment or parts.username or parts.password)
    except ValueError:
        parts, name, plain = urlsplit(""), "", False
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(name))
    if not (
        plain and safe and text(written) and " " not in written and (_HOST.fullmatch(name) or _is_ip(name))
    ):
        raise ValueError(
            "use an https:// address (http:// only to this machine), like https://discord.com/api/v10"
        )
    return written.rstrip("/")


def addr_spec(written: str) -> str:
    """Read a bare mail address of ASCII, without a display name."""
    local_part, _, domain = written.rpartition("@")
    right = len(local_part) <= _MAX_LOCAL_PART and len(written) <= _MAX_ADDRESS
    if not (right and _LOCAL_PART.fullmatch(local_part) and _HOST.fullmatch(domain)) or domain.endswith("."):
        raise ValueError("use a bare address like bot@example.org, without a name or brackets")
    return written


def reply_address(written: str) -> str:
    """Read a pattern of addresses with one `{token}` before the @."""
    if written.partition("@")[0].count(_PLACE) != 1 or written.count("{") != 1:
        raise ValueError("use an address with {token} before the @, like bot+{token}@example.org")
    addr_spec(written.replace(_PLACE, "x" * _TOKEN_CHARS))
    return written


def snowflake(written: str) -> int:
    """Read a Discord id."""
    if not _SNOWFLAKE.fullmatch(written):
        raise ValueError("use Discord ids of 15 to 20 digits (Developer Mode > Copy ID)")
    return int(written)


def domain(written: str) -> str:
    """Read a mail domain."""
    if len(written) > _MAX_HOST or not _DOMAIN.fullmatch(written):
        raise ValueError("use domains like sms.example.org")
    return written.lower()


def each(rule: Callable[[str], T]) -> Callable[[str], frozenset[T]]:
    """Make a rule for a comma-separated set."""
    return lambda written: frozenset(rule(part.strip()) for part in written.split(",") if part.strip())


def fernet_keys(written: str) -> tuple[str, ...]:
    """Read one or more Fernet keys, comma-separated."""
    keys = tuple(part.strip() for part in written.split(","))
    if not all(_is_fernet_key(key) for key in keys) or len(set(keys)) != len(keys):
        raise ValueError("use a key that `python3 -m bot keys new` prints; several with commas, each once")
    return keys


def listen(written: str) -> tuple[str, int] | None:
    """Read `127.0.0.1:8080` or `[::1]:8080`; `off` is None."""
    if written.lower() == "off":
        return None
    name, _, number_written = written.rpartition(":")
    if name.startswith("[") and name.endswith("]") and ":" in name:
        name = name[1:-1]
    elif ":" in name:
        name = ""
    try:
        return host(name), port(number_written)
    except ValueError:
        raise ValueError("write it like 127.0.0.1:8080, or off") from None


def country(written: str) -> str:
    """Read a country's two letters."""
    from phonenumbers import SUPPORTED_REGIONS  # heavy: loaded only where a setting is read

    if written.upper() not in SUPPORTED_REGIONS:
        raise ValueError("use a country's two letters, like US or GB")
    return written.upper()


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return "%" not in name


def _is_fernet_key(key: str) -> bool:
    try:
        raw = base64.urlsafe_b64decode(key.encode("ascii"))
    except (binascii.Error, ValueError):
        return False
    return len(raw) == _FERNET_KEY_BYTES and base64.urlsafe_b64encode(raw).decode("ascii") == key
