"""Read the headers of any mail, however broken, in linear time: names, values, encoded words, addresses."""

import binascii
import re
from dataclasses import dataclass, field

from bot.mail.charsets import decoded, quoted_printable

LONGEST_BYTES = 256 * 1024
MOST_LINES = 100_000
MOST_HEADERS = 1000
LONGEST_VALUE_CHARS = 32 * 1024
MOST_ADDRESSES = 200
_NAME = re.compile(r"([!-9;-~]{1,100})[ \t]*:")
_ENCODED = re.compile(r"=\?([\w.:-]{1,40})(?:\*[\w-]{1,20})?\?([bBqQ])\?([^?\n]*)\?=")
_APART = re.compile(r'[\s<>,;:()\[\]"]+')


@dataclass(frozen=True, slots=True)
class Headers:
    """The headers of a mail or of one part, in order: names in lower case, values unfolded."""

    fields: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def every(self, name: str) -> tuple[str, ...]:
        """Return every value of a header, topmost first."""
        return tuple(value for key, value in self.fields if key == name)

    def first(self, name: str) -> str:
        """Return the first value of a header, or nothing."""
        return next((value for key, value in self.fields if key == name), "")

    def __contains__(self, name: str) -> bool:
        """Tell whether there is such a header."""
        return any(key == name for key, _ in self.fields)


def lines_of(raw: bytes) -> list[bytes]:
    """Split at line ends of every kind; what is beyond so many lines stays together as the last one."""
    return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n", MOST_LINES)


def parse(lines: list[bytes], start: int = 0, end: int | None = None) -> tuple[Headers, int]:
    """Read headers from line `start` on; also return the line where what follows them begins."""
    last = len(lines) if end is None else end
    found: list[tuple[str, list[str]]] = []
    at = start
    room = LONGEST_BYTES
    while at < last and lines[at]:
        line = lines[at]
        at += 1
        room -= len(line) + 1
        if room < 0 or len(found) > MOST_HEADERS:
            continue
        written = _text(line)
        named = _NAME.match(written)
        if written[0] in " \t" and found:
            found[-1][1].append(written.strip())
        elif named is not None:
            found.append((named[1].lower(), [written[named.end() :].strip()]))
        elif not found and not written.startswith(("From ", ">From ")):
            return Headers(), at - 1  # no headers at all: what stands here is the body
    fields = tuple((name, " ".join(parts).strip()[:LONGEST_VALUE_CHARS]) for name, parts in found)
    return Headers(fields), min(at + 1, last)


def _text(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def words(value: str) -> str:
    """Spell out the encoded words (RFC 2047) of a header's value."""
    if "=?" not in value:
        return value
    spelled: list[str] = []
    run: list[tuple[str, bytes]] = []
    at = 0
    for found in _ENCODED.finditer(value):
        between = value[at : found.start()]
        octets = _octets(found[2], found[3])
        # Blanks between two encoded words do not count; one character may be spread over both.
        if not run or between.strip() or run[-1][0] != found[1].lower():
            spelled += [_spelled(run), between if not run or between.strip() else ""]
            run = []
        run.append((found[1].lower(), octets))
        at = found.end()
    return "".join([*spelled, _spelled(run), value[at:]])


def _spelled(run: list[tuple[str, bytes]]) -> str:
    return decoded(b"".join(octets for _, octets in run), run[0][0]) if run else ""


def _octets(encoding: str, text: str) -> bytes:
    octets = text.encode("utf-8")
    if encoding in "qQ":
        return quoted_printable(octets.replace(b"_", b" "))
    try:
        return binascii.a2b_base64(octets + b"==")
    except binascii.Error:
        return octets


def addresses(value: str) -> tuple[str, ...]:
    """Return every address of a header's value in lower case, those in quotes and comments left out."""
    bare = _bare(value)
    found = (token.strip(".'").lower() for token in _APART.split(bare)[: MOST_ADDRESSES * 10])
    return tuple(dict.fromkeys(token for token in found if is_address(token)))[:MOST_ADDRESSES]


def single_address(value: str) -> str:
    """Return the one address of a From: what stands in < and >, else the only one; else nothing."""
    bare = _bare(value)
    angled = re.findall(r"<([^<>\s]{3,320})>", bare)
    if bare.count("<") != len(angled) or bare.count(">") != len(angled) or set('"(') & set(bare):
        return ""
    found = {token.lower() for token in angled} or set(addresses(bare))
    only = found.pop() if len(found) == 1 else ""
    return only if is_address(only) else ""


def is_address(token: str) -> bool:
    """Tell whether it looks like an address: something on each side of the only @."""
    local, at, domain = token.partition("@")
    return bool(at and local and domain) and len(token) <= 320 and "@" not in domain


def _bare(value: str) -> str:
    """Leave out quoted strings and comments; what never ends stays as it is."""
    kept: list[str] = []
    quoted, escaped, depth = False, False, 0
    for char in value[:LONGEST_VALUE_CHARS]:
        if escaped:
            escaped = False
        elif char == "\\" and (quoted or depth):
            escaped = True
        elif quoted or (char == '"' and not depth):
            quoted = not quoted or char != '"'
        elif char == "(":
            depth += 1
        elif char == ")" and depth:
            depth -= 1
        elif not depth:
            kept.append(char)
    if quoted or depth:
        return value[:LONGEST_VALUE_CHARS]
    return "".join(kept)
