"""Turn HTML into the lines of text that a person would see, in linear time, however broken it is."""

import re

from bot.mail.html_tags import Piece, What, pieces

LONGEST_CHARS = 256 * 1024
_UNSEEN = frozenset(("head", "template"))
_LINE_ENDS = frozenset((
    "address", "article", "blockquote", "br", "center", "dd", "div", "dl", "dt", "footer", "form",
    "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre", "section",
    "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
))  # fmt: skip
# What may have no end of its own: nobody could say how much it hides.
_ENDLESS = frozenset((
    "area", "base", "br", "col", "dd", "dt", "embed", "hr", "img", "input", "li", "link", "meta",
    "option", "p", "source", "tbody", "td", "tfoot", "th", "thead", "tr", "track", "wbr",
))  # fmt: skip
_HIDES = re.compile(r"\bdisplay\s*:\s*none\b|(?:^|\s)hidden(?=[\s/>=])", re.IGNORECASE)


class _Lines:
    def __init__(self, menus: bool) -> None:
        self.lines: list[str] = []
        self._menus = menus
        self._line: list[str] = []
        self._unlinked = 0  # how many visible characters of the line are no link
        self._unseen = self._as_is = self._quoted = 0
        self._link = False
        self._hiding, self._within = "", 0  # a tag that shows nothing, and how many of its name are open

    def take(self, piece: Piece) -> None:
        if self._hiding:
            self._pass_over(piece)
        elif piece.what is What.TEXT:
            self._text(piece.text)
        elif piece.what is What.BEGIN:
            self._begin(piece.text, piece.attributes)
        else:
            self._end(piece.text)

    def _pass_over(self, piece: Piece) -> None:
        if piece.what is not What.TEXT and piece.text == self._hiding:
            self._within += 1 if piece.what is What.BEGIN else -1
            if not self._within:
                self._hiding = ""

    def _begin(self, tag: str, attributes: str) -> None:
        if tag not in _ENDLESS and _HIDES.search(attributes):
            self._hiding, self._within = tag, 1
        elif tag in _UNSEEN:
            self._unseen += 1
        elif tag == "body":
            self._unseen = 0
        elif tag == "a":
            self._link = "href" in attributes.lower()
        elif tag in _LINE_ENDS:
            self.end_line()
            self._as_is += tag == "pre"
            self._quoted += tag == "blockquote"
            if tag == "hr":
                self.lines.append("-" * 20)

    def _end(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag == "a":
            self._link = False
        elif tag in _LINE_ENDS and tag != "br":
            self.end_line()
            self._as_is -= tag == "pre" and self._as_is > 0
            self._quoted -= tag == "blockquote" and self._quoted > 0

    def _text(self, text: str) -> None:
        if self._unseen:
            return
        first, *others = text.split("\n") if self._as_is else [text]
        self._add(first)
        for other in others:
            self.end_line()
            self._add(other)

    def _add(self, text: str) -> None:
        self._line.append(text)
        if not self._link:
            self._unlinked += len(text.strip())

    def end_line(self) -> None:
        said = " ".join("".join(self._line).split())
        shown = self._menus or self._unlinked > 0
        self._line, self._unlinked = [], 0
        if said and shown:
            self.lines.append(f"> {said}" if self._quoted else said)


def lines_of_html(page: str, *, menus: bool = True) -> list[str]:
    """Return the lines of a page, quoted ones with a >; without `menus` no line that is only a link."""
    reader = _Lines(menus)
    for piece in pieces(page[:LONGEST_CHARS]):
        reader.take(piece)
    reader.end_line()
    return reader.lines
