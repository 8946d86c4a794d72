"""Quote a stranger's words in Discord so that they are only words: no ping, no markup, no hidden link."""

import re
from typing import Final

import discord

from bot.domain.plain import clean
from bot.domain.segments import utf16_units

_CUT: Final = " …"
# A link that stands clear stays one, inside < and >: then Discord shows neither preview nor invitation.
_PIECE: Final = re.compile(
    r"(?P<link>(?<!\S)https?://[A-Za-z0-9][A-Za-z0-9./?=&%#+,;!~:@_-]{0,1000}(?!\S))"
    r"|(?P<line>\n)"
    r"|(?P<begin>^[ \t]{0,16}(?:[-+#]|[0-9]{1,9}(?=[.)])))"
    r"|(?P<mark>[\\`*_~|\[\]<>])"
    r"|(?P<scheme>:(?=//))"
    r"|(?P<dot>\.(?=[A-Za-z]{2,16}/))"
    r"|(?P<plain>[^\\`*_~|\[\]<>\n:h. ]{1,16}|.)",
    re.DOTALL | re.MULTILINE,
)


def quoted(words: str, units: int) -> str:
    """Quote words within so many UTF-16 units, each line behind "> "."""
    said: list[str] = ["> "]
    room = units - utf16_units("> ") - utf16_units(_CUT)
    for found in _PIECE.finditer(discord.utils.escape_mentions(clean(words))):
        piece = _piece(found)
        size = utf16_units(piece)
        if size > room:
            said.append(_CUT)
            break
        said.append(piece)
        room -= size
    return "".join(said)


def _piece(found: "re.Match[str]") -> str:
    piece = found[0]
    match found.lastgroup:
        case "link":
            return f"<{piece}>"
        case "line":
            return "\n> "
        case "begin":
            # "1." begins a list: there something must stand before the dot, which no backslash can be.
            return f"{piece}\u200b" if piece[-1].isdigit() else f"{piece[:-1]}\\{piece[-1]}"
        case "mark" | "scheme" | "dot":
            # The dot, because of an invitation: Discord shows a card for one without https:// too.
            return f"\\{piece}"
    return piece
