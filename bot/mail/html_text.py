"""Turn HTML into the lines of text that a person would see, in linear time, however broken it is."""

from html.parser import HTMLParser

LONGEST_CHARS = 256 * 1024
_UNSEEN = frozenset(("script", "style", "head", "title", "template"))
_LINE_ENDS = frozenset(
    (
        *(
            "address",
            "article",
            "blockquote",
            "br",
            "center",
            "dd",
            "div",
            "dl",
            "dt",
            "footer",
            "form",
            "h1",
            "h2",
        ),
        *(
            "h3",
            "h4",
            "h5",
            "h6",
            "header",
            "hr",
            "li",
            "main",
            "ol",
            "p",
            "pre",
            "section",
            "table",
            "tbody",
            "td",
        ),
        *("tfoot", "th", "thead", "tr", "ul"),
    )
)


class _Lines(HTMLParser):
    def __init__(self, menus: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self._menus = menus
        self._line: list[str] = []
        self._unlinked = 0  # how many visible characters of the line are no link
        self._unseen = self._as_is = self._quoted = self._link = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag == "body":
            self._unseen = 0
        elif tag == "a":
            self._link = any(name == "href" for name, _ in attrs)
        elif tag in _LINE_ENDS:
            self.end_line()
            self._as_is += tag == "pre"
            self._quoted += tag == "blockquote"
            if tag == "hr":
                self.lines.append("-" * 20)

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag == "a":
            self._link = 0
        elif tag in _LINE_ENDS and tag != "br":
            self.end_line()
            self._as_is -= tag == "pre" and self._as_is > 0
            self._quoted -= tag == "blockquote" and self._quoted > 0

    def handle_data(self, data: str) -> None:
        if self._unseen:
            return
        first, *others = data.split("\n") if self._as_is else [data]
        self._add(first)
        for other in others:
            self.end_line()
            self._add(other)

    def _add(self, data: str) -> None:
        self._line.append(data)
        if not self._link:
            self._unlinked += len(data.strip())

    def end_line(self) -> None:
        said = " ".join("".join(self._line).split())
        shown = self._menus or self._unlinked > 0
        self._line, self._unlinked = [], 0
        if said and shown:
            self.lines.append(f"> {said}" if self._quoted else said)


def lines_of_html(page: str, *, menus: bool = True) -> list[str]:
    """Return the lines of a page, quoted ones with a >; without `menus` no line that is only a link."""
    reader = _Lines(menus)
    try:
        reader.feed(page[:LONGEST_CHARS])
        reader.close()
    except (AssertionError, ValueError):  # what html.parser says of some broken declarations
        pass
    reader.end_line()
    return reader.lines
