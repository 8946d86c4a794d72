"""Read from a picture's first octets how wide and how high it is."""

from typing import Final

_NEAR_OCTETS: Final = 64 * 1024
_FRAMES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # the markers that begin with a size


def size_of(content: bytes, kind: str) -> tuple[int, int] | None:
    """Return width and height in pixels, or None where the picture does not tell."""
    if kind == "image/gif" and len(content) >= 10:
        return _number(content[7:5:-1]), _number(content[9:7:-1])
    if kind == "image/png" and len(content) >= 24:
        return _number(content[16:20]), _number(content[20:24])
    return _jpeg(content[:_NEAR_OCTETS]) if kind == "image/jpeg" else None


def _jpeg(content: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        if content[at + 1] in _FRAMES:
            return _number(content[at + 7 : at + 9]), _number(content[at + 5 : at + 7])
        at += 2 + max(2, _number(content[at + 2 : at + 4]))
    return None


def _number(octets: bytes) -> int:
    return int.from_bytes(octets, "big")
