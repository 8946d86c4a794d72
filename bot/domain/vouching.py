"""Judge whether the operator's mail server vouches that a mail comes from the domain it names (RFC 8601)."""

from collections.abc import Iterable

import authres
from authres.core import AuthResError

# What each method must have proved to be of the From domain.
_PROVES = {"dmarc": ("from",), "spf": ("mailfrom",), "dkim": ("d", "i")}
# The library's time grows with the square of the length: this much takes it 30 ms at worst.
_LONGEST_CHARS = 2_500


def vouched(headers: Iterable[str], trusted: str | None, domain: str) -> bool:
    """Tell whether the topmost Authentication-Results of the trusted server says so; others do not count.

    Anybody can write such a header; the trusted server puts its own on top and takes away those that name it.
    """
    if not (trusted and domain):
        return False
    top = next((header for header in headers if _names(header, trusted)), None)
    return top is not None and _passes(top, domain.lower())


def _names(header: str, trusted: str) -> bool:
    first = header.split(";", 1)[0].strip().split()
    return bool(first) and first[0].strip('"').lower().rstrip(".") == trusted.lower().rstrip(".")


def _passes(header: str, domain: str) -> bool:
    written = header.strip().rstrip(";")
    if len(written) > _LONGEST_CHARS:
        return False
    try:
        read = authres.AuthenticationResultsHeader.parse(f"Authentication-Results: {written}")
    except (AuthResError, ValueError, LookupError, RecursionError):
        return False
    return any(_proves(one, domain) for one in read.results)


def _proves(result: "authres.AuthenticationResult", domain: str) -> bool:
    # Among results the library may leave a "none", which has no method at all.
    wanted = _PROVES.get((getattr(result, "method", None) or "").lower())
    if wanted is None or (result.result or "").lower() != "pass":
        return False
    proved = [(one.name or "").lower() for one in result.properties]
    return any(
        name in wanted and _aligned(str(one.value or ""), domain)
        for name, one in zip(proved, result.properties, strict=True)
    )


def _aligned(value: str, domain: str) -> bool:
    """Compare the domain of an address, or a domain, with the From domain, a parent of it included."""
    proved = value.rpartition("@")[2].lower().rstrip(".")
    return bool(proved) and "." in proved and (domain == proved or domain.endswith(f".{proved}"))
