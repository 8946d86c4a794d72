"""Split HTML into tags and text in linear time; html.parser takes minutes for some broken pages."""

import re
from collections.abc import Iterator
from enum import Enum
from html import unescape
from typing import NamedTuple

_LONGEST_VALUE_CHARS = 4_000
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:]{0,30})")
_MARKUP = re.compile(r"<(?:/?[a-zA-Z]|[!?])")
_STOP = re.compile(r"[>\"']")
# Python refuses to read numbers of thousands of digits, and html.unescape does not expect that.
_ENDLESS_NUMBER = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{8,});?")
_RAW = {name: re.compile(rf"</{name}\b", re.IGNORECASE) for name in ("script", "style", "title", "textarea")}


class What(Enum):
    """What a piece of a page is."""

    TEXT = 1
    BEGIN = 2
    END = 3


class Piece(NamedTuple):
    """A piece of a page: text, or a tag's name in lower case with its attributes as they stand."""

    what: What
    text: str
    attributes: str = ""


def pieces(page: str) -> Iterator[Piece]:
    """Yield the pieces in order; comments, declarations, scripts and styles are left out."""
    at = 0
    while at < len(page):
        marked = _MARKUP.search(page, at)
        text = page[at : marked.start() if marked else len(page)]
        if text:
            yield Piece(What.TEXT, unescape(_ENDLESS_NUMBER.sub("", text)))
        if marked is None:
            return
        named = _TAG.match(page, marked.start())
        if named is None:
            at = _after_declaration(page, marked.start())
            continue
        end = _end_of_tag(page, named.end())
        name = named[2].lower()
        yield Piece(What.END if named[1] else What.BEGIN, name, page[named.end() : end])
        at = _after_raw(page, end, name) if not named[1] else end


def _after_declaration(page: str, begin: int) -> int:
    mark = "-->" if page.startswith("<!--", begin) else ">"
    end = page.find(mark, begin + 2)
    return len(page) if end < 0 else end + len(mark)


def _end_of_tag(page: str, at: int) -> int:
    """Return where what follows a tag begins; a > in a quoted value does not end it."""
    while True:
        found = _STOP.search(page, at)
        if found is None:
            return len(page)
        at = found.end()
        if found[0] == ">":
            return at
        if page[found.start() - 1] == "=":
            close = page.find(found[0], at, at + _LONGEST_VALUE_CHARS)
            at = close + 1 if close >= 0 else at


def _after_raw(page: str, at: int, name: str) -> int:
    """Skip what is no text, up to the tag that ends it."""
    ends = _RAW.get(name)
    found = ends.search(page, at) if ends else None
    if ends is None:
        return at
    return found.start() if found else len(page)
