"""Write settings into a .env file: private, whole or not at all, everything else in it kept."""

import io
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from dotenv.parser import parse_stream

from bot.settings import BY_NAME


def render(before: str, wanted: Mapping[str, str]) -> str:
    """Return the text of a .env file with these settings replaced in place or put at its end."""
    left = dict(wanted)
    parts: list[str] = []
    for binding in parse_stream(io.StringIO(before)):
        if binding.key in wanted:
            if binding.key in left:
                parts.append(f"{binding.key}={_quote(left.pop(binding.key))}\n")
            continue  # a second line of the same name would win over ours
        parts.append(binding.original.string)
    if parts and not parts[-1].endswith("\n"):
        parts.append("\n")
    for name, value in left.items():
        explanation = f"# {BY_NAME[name].explanation}\n" if name in BY_NAME else ""
        parts.append(f"{explanation}{name}={_quote(value)}\n")
    return "".join(parts)


def write_private(path: Path, text: str) -> None:
    """Put the text in place in one step, readable by its owner only."""
    descriptor, temporary = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)  # made with mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)  # noqa: PTH105 - says that it replaces
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _quote(value: str) -> str:
    if value and all(letter.isascii() and (letter.isalnum() or letter in "+-_./:,=@%") for letter in value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
