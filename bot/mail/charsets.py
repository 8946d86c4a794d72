"""Turn octets into characters under whatever charset and transfer encoding a mail names; never raises."""

import binascii
import codecs
import re
from functools import lru_cache

_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_NOT_BASE64 = bytes(octet for octet in range(256) if octet not in _BASE64)
_MOST_CODED_LINES = 50_000
_OTHER_NAMES = {
    "unicode-1-1-utf-8": "utf-8",
    "utf8mb4": "utf-8",
    "x-unknown": "utf-8",
    "ks_c_5601-1987": "cp949",
    "x-sjis": "cp932",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "iso-8859-1": "cp1252",  # what calls itself so often holds the other's quotes and dashes
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "ansi_x3.4-1968": "utf-8",
}

_NOT_CHARSETS = frozenset(
    {"punycode", "idna", "undefined", "unicode-escape", "raw-unicode-escape", "mbcs", "oem"}
)


_HALF = re.compile("[\ud800-\udfff]")


def decoded(octets: bytes, charset: str) -> str:
    """Read octets in a charset; UTF-8 or else Windows-1252 where it is unknown or wrong."""
    # UTF-7 can spell half a character, which nothing could store or send on.
    return _HALF.sub("\ufffd", _decoded(octets, charset))


def _decoded(octets: bytes, charset: str) -> str:
    name = charset.strip().strip("\"'").lower()
    codec = _codec(_OTHER_NAMES.get(name, name)[:40]) or "utf-8"
    for one in (codec, "utf-8"):
        try:
            return octets.decode(one)
        except (UnicodeError, ValueError):
            continue
    if codec != "utf-8":
        return octets.decode(codec, "replace")
    mostly = octets.decode("utf-8", "replace")
    broken = mostly.count("\ufffd")
    right = sum(char > "\x7f" for char in mostly) - broken
    return mostly if right > broken else octets.decode("cp1252", "replace")


@lru_cache(maxsize=64)
def _codec(name: str) -> str:
    """Name the codec for text, or nothing where there is none (hex, zip and the like are no charsets)."""
    try:
        found = codecs.lookup(name)
        "".encode(found.name)  # raises for codecs that are not for text
    except (LookupError, ValueError, UnicodeError):
        return ""
    return "" if found.name.replace("_", "-") in _NOT_CHARSETS else found.name


def quoted_printable(octets: bytes) -> bytes:
    """Undo quoted-printable; what is not well formed stays."""
    return binascii.a2b_qp(octets)


def transferred(octets: bytes, encoding: str) -> bytes:
    """Undo a Content-Transfer-Encoding."""
    match encoding.strip().lower().strip("\"'"):
        case "quoted-printable":
            return quoted_printable(octets)
        case "base64":
            return _base64(octets)
        case "x-uuencode" | "uuencode" | "x-uue" | "uue":
            return _uuencoded(octets)
        case _:
            return octets


def _base64(octets: bytes) -> bytes:
    letters = octets.translate(None, _NOT_BASE64)
    if len(letters) % 4 == 1:
        letters = letters[:-1]
    try:
        return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))
    except binascii.Error:
        return b""


def _uuencoded(octets: bytes) -> bytes:
    found = bytearray()
    for line in octets.split(b"\n", _MOST_CODED_LINES)[:_MOST_CODED_LINES]:
        if line.startswith((b"begin ", b"end")) or not line:
            continue
        try:
            found += binascii.a2b_uu(line)
        except binascii.Error:
            continue
        if len(found) > len(octets):
            break  # lines that say they are longer than they are
    return bytes(found)
