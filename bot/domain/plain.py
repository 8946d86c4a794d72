"""Turn what people type into plain text for a phone: no hidden characters, no Discord markup."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

_LINE_ENDS: Final = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_MANY_BLANK_LINES: Final = re.compile(r"\n(?:[ ]*\n){3,}")
# Characters that are drawn as nothing although Unicode files them as letters or marks
# (Default_Ignorable_Code_Point of DerivedCoreProperties.txt, beyond category Cf).
_UNSEEN: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0\u2065")
_BLANK: Final = frozenset("\u2800")
_EMOJI_STYLE: Final = frozenset("\ufe0e\ufe0f")
_KEPT_AS_IS: Final = frozenset(map(chr, range(0x20, 0x7F))) | {"\n"}

_TOKEN: Final = re.compile(
    r"<(?:"
    r"@!?(?P<person>[0-9]{1,20})"
    r"|@&(?P<role>[0-9]{1,20})"
    r"|#(?P<room>[0-9]{1,20})"
    r"|id:(?P<place>[a-z]{1,20})"
    r"|a?:(?P<emoji>[A-Za-z0-9_]{1,32}):[0-9]{1,20}"
    r"|t:(?P<time>-?[0-9]{1,17})(?::[tTdDfFsSR])?"
    r"|/(?P<command>[^<>:\n]{1,100}):[0-9]{1,20}"
    r"|(?P<link>https?://[^\s<>]{1,2000})"
    r")>",
    re.ASCII,
)
# Code comes first and stays as it is. A pair counts only where it stands clear of other words and marks.
_PAIRED: Final = re.compile(
    r"```.*?```|`[^`\n]+`"
    r"|(?<![\w*\\])\*\*(?![\s*])(?P<bold>[^*\n]+)(?<!\s)\*\*(?![\w*])"
    r"|(?<![\w.\\])__(?![\s_])(?P<under>[^_\n]+(?:_[^_\n]+)*)(?<!\s)__(?![\w.(])"
    r"|(?<![\w~\\])~~(?![\s~])(?P<struck>[^~\n]+)(?<!\s)~~(?![\w~])"
    r"|(?<![\w|\\])\|\|(?![\s|])(?P<hidden>[^|\n]+)(?<!\s)\|\|(?![\w|])",
    re.DOTALL,
)


def clean(text: str) -> str:
    """Drop what cannot be seen, make every line end an LF, keep at most two blank lines in a row.

    Dropped are control and format characters (bidi, zero-width, tags, soft hyphens), lone surrogates,
    noncharacters and blank letters; every visible character stays, in order.
    """
    kept = _kept_all(_LINE_ENDS.sub("\n", text))
    return _MANY_BLANK_LINES.sub("\n\n\n", kept).strip()


def visible(text: str) -> str:
    """Keep only the characters that a person can see."""
    if _KEPT_AS_IS.issuperset(text):
        return "".join(text.split())
    kept = map(_kept, text)
    return "".join(char for char in kept if char and not char.isspace() and char not in _BLANK | _EMOJI_STYLE)


def plain(text: str, names: Mapping[str, str]) -> str:
    """Turn Discord's markup into plain text; `names` maps a mentioned id to its unique handle."""
    spelled = _TOKEN.sub(lambda found: _spelled(found, names), text)
    # Marks may nest twice (bold inside a spoiler); more is left as typed.
    for _ in range(2):
        spelled = _PAIRED.sub(_unpaired, spelled)
    return clean(spelled)


def one_line(text: str, limit: int) -> str:
    """Write a handle or a server's name in one line of at most `limit` UTF-16 units.

    Colons become spaces (one gateway eats what stands before a colon); emoji and symbols go.
    """
    flat = unicodedata.normalize("NFKC", _LINE_ENDS.sub(" ", text)).replace(":", " ")
    kept = _kept_all("".join(filter(_belongs_in_a_name, flat)) if not flat.isascii() else flat)
    room = limit
    short: list[str] = []
    for char in " ".join(kept.split()):
        room -= 2 if char > "\uffff" else 1
        if room < 0:
            break
        short.append(char)
    return "".join(short).strip()


def _kept_all(text: str) -> str:
    # Most texts are plain: these pass as a whole.
    return text if _KEPT_AS_IS.issuperset(text) else "".join(map(_kept, text))


def _kept(char: str) -> str:
    """Give the character itself, a plain space for any blank one, or nothing."""
    if " " <= char <= "~" or char == "\n":
        return char
    if char in _EMOJI_STYLE:
        return char
    category = unicodedata.category(char)
    if char == "\t" or category == "Zs":
        return " "
    if category in ("Cc", "Cf", "Cs") or char in _UNSEEN or _is_noncharacter(char):
        return ""
    return char


def _is_noncharacter(char: str) -> bool:
    """Tell noncharacters, supplementary variation selectors and tags; unassigned ones may be new emoji."""
    code = ord(char)
    specials = 0xFDD0 <= code <= 0xFDEF or 0xFFF0 <= code <= 0xFFF8 or 0xE0000 <= code <= 0xE0FFF
    return specials or code & 0xFFFE == 0xFFFE


def _belongs_in_a_name(char: str) -> bool:
    if char.isascii():
        return True
    category = unicodedata.category(char)
    return category[0] in "LMNPZ" and category != "Me" and char not in _EMOJI_STYLE


def _spelled(found: re.Match[str], names: Mapping[str, str]) -> str:
    match found.lastgroup:
        case "person":
            return "@" + (names.get(found["person"]) or "someone")
        case "role":
            return "@role"
        case "room" | "place":
            return "#channel"
        case "emoji":
            return f":{found['emoji']}:"
        case "time":
            return _time(int(found["time"])) or found[0]
        case "command":
            return "/" + found["command"]
        case _:
            return found["link"]


def _time(seconds: int) -> str | None:
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _unpaired(found: re.Match[str]) -> str:
    return found[found.lastgroup] if found.lastgroup else found[0]
