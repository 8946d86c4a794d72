"""Write down, for a terminal, what people do, what the bot answers and what phones show."""

import re
import textwrap
from collections.abc import Mapping
from typing import TextIO

WIDTH_COLUMNS = 88
_INDENT = "   "
_PHONE_COLUMNS = 60
_BOT = "Textbridge"
_MENTION = re.compile(r"<@!?([0-9]+)>")
_MOMENT = re.compile(r"<t:[0-9]+(:[a-zA-Z])?>")
_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")
# What could steer a terminal; words may come from anywhere once a person types at the prompt.
_STEERING = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


class Transcript:
    """Prints to one stream; `names` turns the ids in mentions into handles, as Discord does."""

    def __init__(self, out: TextIO, names: Mapping[int, str] | None = None) -> None:
        self._out = out
        self.names: Mapping[int, str] = names or {}

    def line(self, words: str = "") -> None:
        """Print a plain line."""
        print(words, file=self._out, flush=True)

    def ask(self, words: str) -> None:
        """Print a prompt; the cursor stays behind it."""
        print(words, end=" ", file=self._out, flush=True)

    def paragraph(self, words: str) -> None:
        """Print a wrapped paragraph."""
        self.line(textwrap.fill(words, WIDTH_COLUMNS))

    def step(self, number: int, title: str) -> None:
        """Begin a step."""
        self.line(f"\n{number}. {title}")

    def does(self, handle: str, act: str) -> None:
        """Print what a person types or presses."""
        self._says(f"@{handle}", act)

    def answers(self, words: str, buttons: list[str] | None = None) -> None:
        """Print what the bot answers, which only the person who asked sees."""
        shown = self.as_shown(words)
        if buttons:
            shown += "\n" + " ".join(f"[ {label} ]" for label in buttons)
        self._says(_BOT, shown)

    def form(self, title: str, rows: Mapping[str, str]) -> None:
        """Print a form that a person filled in."""
        filled = "\n".join(f"  {label}: {value}" for label, value in rows.items())
        self._says("form", f"{title}\n{filled}")

    def phone(self, whose: str, words: str) -> None:
        """Draw what a phone shows."""
        lines = [
            piece
            for line in _STEERING.sub("", words).split("\n")
            for piece in textwrap.wrap(line, _PHONE_COLUMNS) or [""]
        ]
        inner = max(len(line) for line in [*lines, f" {whose} "])
        self.line(f"{_INDENT}  ┌ {whose} {'─' * (inner - len(whose))}┐")
        for line in lines:
            self.line(f"{_INDENT}  │ {line.ljust(inner)} │")
        self.line(f"{_INDENT}  └{'─' * (inner + 2)}┘")

    def as_shown(self, content: str) -> str:
        """Turn Discord's markup into what its client shows."""
        content = _MENTION.sub(lambda found: f"@{self.names.get(int(found[1]), 'unknown')}", content)
        return _STEERING.sub("", _MOMENT.sub("just now", _BOLD.sub(r"\1", content)))

    def _says(self, who: str, words: str) -> None:
        column = max([len(_BOT), *(len(name) + 1 for name in self.names.values())])
        head = f"{_INDENT}{who.ljust(column)}  "
        for line in words.split("\n"):
            rest = " " * len(head)
            self.line(textwrap.fill(line, WIDTH_COLUMNS, initial_indent=head, subsequent_indent=rest))
            head = rest
