"""Count texts as phone networks do (GSM 03.38 septets or UTF-16 units) and cut them where nothing breaks."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

GSM7_UNITS: Final = 160
"""One text of the default alphabet, in septets (3GPP TS 23.040)."""
UCS2_UNITS: Final = 70
"""One text of anything else, in UTF-16 units."""
_JOINED_GSM7_UNITS: Final = 153
_JOINED_UCS2_UNITS: Final = 67
"""What each of several joined texts carries beside its header (3GPP TS 23.040, 9.2.3.24)."""

_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED: Final = frozenset("\f^{}\\[~]|€")
_GSM7: Final = _BASIC | _EXTENDED
"""Each of these travels as an escape and a second septet."""
_JOINER: Final = "\u200d"


@dataclass(frozen=True, slots=True)
class Room:
    """Hold how much one mail may carry, in the units of either alphabet."""

    septets: int
    utf16: int


ONE_SMS: Final = Room(GSM7_UNITS, UCS2_UNITS)


def room_for(length: int) -> Room:
    """Say what a gateway takes that is said to take so many characters; a long one joins several texts."""
    if length <= GSM7_UNITS:
        return Room(length, min(length, UCS2_UNITS))
    return Room(length, length // _JOINED_GSM7_UNITS * _JOINED_UCS2_UNITS)


def is_gsm7(text: str) -> bool:
    """Tell whether every character is in GSM 03.38's default alphabet or its extension table."""
    return _GSM7.issuperset(text)


def length(text: str) -> int:
    """Count a text in the units of its own alphabet: septets where GSM-7 is enough, else UTF-16 units."""
    return septets(text) if is_gsm7(text) else utf16_units(text)


def septets(text: str) -> int:
    """Count septets; only for text that is GSM-7."""
    # Whole texts at once where there is nothing to count: every text comes through here several times.
    return len(text) + (0 if _EXTENDED.isdisjoint(text) else sum(char in _EXTENDED for char in text))


def utf16_units(text: str) -> int:
    """Count UTF-16 units: two for a character beyond the Basic Multilingual Plane."""
    return len(text) + (0 if text.isascii() else sum(char > "\uffff" for char in text))


def cut_utf16(text: str, units: int) -> str:
    """Keep what of a text's beginning is at most so many UTF-16 units, without half a character."""
    return text.encode("utf-16-le")[: 2 * units].decode("utf-16-le", "ignore")


def fits(text: str, room: Room = ONE_SMS) -> bool:
    """Tell whether a text travels in one mail, which is one SMS where nothing else is known."""
    return length(text) <= (room.septets if is_gsm7(text) else room.utf16)


def cut(words: str, septet_room: int, utf16_room: int) -> list[str]:
    """Cut words into pieces that each fit their own alphabet's room, at blanks where possible.

    Blanks and line ends at a cut are dropped; every other character stays, in order. A `septet_room`
    of 0 means that the pieces travel beside text that is not GSM-7, so that only `utf16_room` counts.
    """
    if utf16_room < 2:
        raise ValueError("no room for even one character")
    clusters = list(_split_large(words, utf16_room))
    pieces: list[str] = []
    start = 0
    while start < len(clusters):
        if clusters[start] in " \n":
            start += 1
            continue
        end = _reach(clusters, start, septet_room, utf16_room)
        if end < len(clusters):
            end = _at_a_blank(clusters, start, end)
        pieces.append("".join(clusters[start:end]).rstrip(" \n"))
        start = end
    return pieces


def clusters(text: str) -> Iterator[str]:
    """Split into what a person sees as one character: a base with its marks, a flag, a joined emoji."""
    begun = ""
    for char in text:
        if begun and not _joins(begun, char):
            yield begun
            begun = ""
        begun += char
    if begun:
        yield begun


def _joins(begun: str, char: str) -> bool:
    """Tell whether `char` belongs to the cluster begun before it (a best effort at UAX 29)."""
    if begun[-1] == "\n":
        return False
    if char == _JOINER or unicodedata.category(char) in ("Mn", "Mc", "Me"):
        return True
    if begun[-1] == _JOINER or "\U0001f3fb" <= char <= "\U0001f3ff" or "\U000e0020" <= char <= "\U000e007f":
        return True
    if "\u1160" <= char <= "\u11ff":  # vowels and finals of a Hangul syllable
        return True
    return _is_flag_half(char) and len(begun) == 1 and _is_flag_half(begun)


def _is_flag_half(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _split_large(words: str, room: int) -> Iterator[str]:
    """Yield clusters, and the single characters of one that is too large for any piece."""
    for cluster in clusters(words):
        if utf16_units(cluster) <= room:
            yield cluster
        else:
            yield from cluster


def _reach(clusters: list[str], start: int, septet_room: int, utf16_room: int) -> int:
    """Find how far one piece can go: as GSM-7 while nothing else occurs, or as UTF-16."""
    plain, used, place = True, 0, start
    wide_end = plain_end = start
    wide_used = 0
    while place < len(clusters):
        cluster = clusters[place]
        plain = plain and septet_room > 0 and is_gsm7(cluster)
        used += septets(cluster) if plain else 0
        wide_used += utf16_units(cluster)
        place += 1
        if plain and used <= septet_room:
            plain_end = place
        if wide_used <= utf16_room:
            wide_end = place
        elif not plain or used > septet_room:
            break
    return max(plain_end, wide_end)


def _at_a_blank(clusters: list[str], start: int, end: int) -> int:
    """Move a cut back to the last blank, unless that would waste more than half of the piece."""
    if clusters[end] in " \n":
        return end
    for place in range(end - 1, (start + end) // 2, -1):
        if clusters[place] in " \n":
            return place
    return end
