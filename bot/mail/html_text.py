"""Turn HTML into the lines of text that a person would see, in linear time, however broken it is."""

from html.parser import HTMLParser

LONGEST_CHARS = 256 * 1024
_UNSEEN = frozenset({"script", "style", "head", "title", "template"})
_LINE_ENDS = frozenset(
    "address article blockquote br center dd div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr li main "
    "nav ol p pre section table tbody td tfoot th thead tr ul".split()
)


class _Lines(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self._line: list[str] = []
        self._unseen = 0
        self._as_is = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag == "body":
            self._unseen = 0
        elif tag in _LINE_ENDS:
            self.end_line()
            self._as_is += tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in _LINE_ENDS and tag != "br":
            self.end_line()
            self._as_is -= tag == "pre" and self._as_is > 0

    def handle_data(self, data: str) -> None:
        if self._unseen:
            return
        if not self._as_is:
            self._line.append(data)
            return
        first, *others = data.split("\n")
        self._line.append(first)
        for other in others:
            self.end_line()
            self._line.append(other)

    def end_line(self) -> None:
        said = " ".join("".join(self._line).split())
        self._line = []
        if said:
            self.lines.append(said)


def lines_of_html(page: str) -> list[str]:
    """Return the lines of a page, each with single blanks, none empty."""
    reader = _Lines()
    try:
        reader.feed(page[:LONGEST_CHARS])
        reader.close()
    except (AssertionError, ValueError):  # what html.parser says of some broken declarations
        pass
    reader.end_line()
    return reader.lines
