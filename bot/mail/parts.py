"""Take a mail apart within bounds: at most so many octets, parts and levels, in linear time; never raises."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import unquote_to_bytes

from bot.mail.charsets import decoded, transferred
from bot.mail.headers import Headers, lines_of, parse, words

LARGEST_BYTES = 1024 * 1024
MOST_PARTS = 100
DEEPEST = 10
_KIND = re.compile(r"[a-z0-9.+_-]{1,60}/[a-z0-9.+_-]{1,100}")
_CONTINUED = re.compile(r"([a-z-]{1,30})\*(\d{1,2})(\*?)")


@dataclass(frozen=True)  # no slots: what was decoded is kept
class Part:
    """One leaf of a mail: a text, a picture, a report, or a mail inside the mail."""

    kind: str  # text/plain and the like, in lower case
    headers: Headers = field(repr=False)
    options: Mapping[str, str] = field(repr=False)  # of Content-Type and Content-Disposition
    inside: tuple[str, ...]  # the kinds of the multiparts around it, the outermost first
    attached: bool  # it says that it is an attachment
    raw: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """Return the name its sender gave it, or where it says it comes from."""
        given = (
            self.options.get("filename") or self.options.get("name") or self.headers.first("content-location")
        )
        return " ".join(words(given).split())[:200]

    @cached_property
    def content(self) -> bytes:
        """Return its octets, the transfer encoding undone."""
        return transferred(self.raw, self.headers.first("content-transfer-encoding"))

    @cached_property
    def text(self) -> str:
        """Return its characters, each line ended by LF."""
        text = decoded(self.content, self.options.get("charset", ""))
        return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail taken apart."""

    headers: Headers = field(repr=False)
    kind: str  # of the whole
    options: Mapping[str, str] = field(repr=False)
    parts: tuple[Part, ...]
    cut: bool = False  # it is longer than what is read, so its last part is not whole


def take_apart(raw: bytes) -> Letter:
    """Read a mail; what is beyond the bounds is left out."""
    # What saved it may have left empty lines above its headers.
    lines = lines_of(raw[:LARGEST_BYTES].lstrip(b"\r\n\t "))
    headers, body = parse(lines)
    kind, options = _kind(headers, "text/plain")
    found: list[Part] = []
    for part in _leaves(lines, body, len(lines), headers, ()):
        found.append(part)
        if len(found) >= MOST_PARTS:
            break
    return Letter(headers, kind, options, tuple(found), len(raw) > LARGEST_BYTES)


def _leaves(
    lines: list[bytes], start: int, end: int, headers: Headers, inside: tuple[str, ...]
) -> Iterator[Part]:
    default = "message/rfc822" if inside and inside[-1] == "multipart/digest" else "text/plain"
    kind, options = _kind(headers, default)
    boundary = options.get("boundary", "").rstrip().encode("utf-8", "replace")
    if kind.startswith("multipart/") and boundary and len(inside) < DEEPEST:
        ranges = _ranges(lines, start, end, boundary)
        for first, last in ranges:
            own, body = parse(lines, first, last)
            yield from _leaves(lines, body, last, own, (*inside, kind))
        if ranges:
            return
    if kind.startswith("multipart/"):
        kind = "text/plain"
    disposition, more = _options(headers.first("content-disposition"))
    raw = b"\n".join(lines[start:end])
    yield Part(kind, headers, {**options, **more}, inside, disposition == "attachment", raw)


def _ranges(lines: list[bytes], start: int, end: int, boundary: bytes) -> list[tuple[int, int]]:
    """Say from which line to which each part goes; the last may lack its end."""
    mark = b"--" + boundary
    found: list[tuple[int, int]] = []
    begun: int | None = None
    for at in range(start, end):
        line = lines[at]
        if not line.startswith(mark):
            continue
        rest = line[len(mark) :].rstrip()
        if rest not in (b"", b"--"):
            continue
        if begun is not None:
            found.append((begun, at))
        begun = at + 1
        if rest or len(found) > MOST_PARTS:
            begun = None
            break
    if begun is not None and begun < end:
        found.append((begun, end))
    return found


def _kind(headers: Headers, default: str) -> tuple[str, dict[str, str]]:
    kind, options = _options(headers.first("content-type"))
    if kind == "text":
        kind = "text/plain"
    return (kind if _KIND.fullmatch(kind) else default), options


def _options(value: str) -> tuple[str, dict[str, str]]:
    """Split `text/plain; charset=utf-8` into its first word and its options (RFC 2045, RFC 2231)."""
    pieces = _pieces(value)
    options: dict[str, str] = {}
    spread: dict[str, dict[int, tuple[str, bool]]] = {}
    for piece in pieces[1:50]:
        key, _, content = piece.partition("=")
        key, content = key.strip().lower(), _unquoted(content.strip())
        continued = _CONTINUED.fullmatch(key)
        if continued:
            spread.setdefault(continued[1], {})[int(continued[2])] = (content, bool(continued[3]))
        elif key.endswith("*"):
            options[key[:-1]] = _percent(content)
        else:
            options.setdefault(key, content)
    for key, some in spread.items():
        joined = "".join(some[at][0] for at in sorted(some))
        options[key] = _percent(joined) if any(coded for _, coded in some.values()) else joined
    return (pieces[0].strip().lower() if pieces else ""), options


def _pieces(value: str) -> list[str]:
    """Split at semicolons that are not in quotes."""
    if '"' not in value:
        return value.split(";")
    found: list[str] = []
    for number, outside in enumerate(value.split('"')):
        if number % 2:
            found[-1] += f'"{outside}"'
            continue
        first, *others = outside.split(";")
        found[-1:] = [(found[-1] if found else "") + first]
        found += others
    return found


def _unquoted(value: str) -> str:
    return value[1:].partition('"')[0] if value.startswith('"') else value


def _percent(value: str) -> str:
    charset, mark, rest = value.partition("'")
    text = rest.partition("'")[2] if mark else value
    return decoded(unquote_to_bytes(text), charset if mark else "utf-8")
