"""Find what is written for each setting: environment before .env, NAME or NAME_FILE; warn of open files."""

import io
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from bot.settings import BY_NAME

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
# What is no setting may be a secret that slipped into a line of its own: only what reads as a name is shown.
_NAME = re.compile(r"(?=.{1,30}\Z)[A-Z]{1,12}(_[A-Z]{1,12})*")


@dataclass(slots=True)
class Written:
    """What was found: text by name, mistakes as `NAME: sentence`, warnings."""

    values: dict[str, str] = field(default_factory=dict, repr=False)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def gather(env: Mapping[str, str], dotenv: Path | None, checkout: Path) -> Written:
    """Collect the text of every setting that is set; an empty one is not."""
    found = Written()
    layers: list[Mapping[str, str]] = [env, read_dotenv(dotenv, found) if dotenv else {}]
    for name in BY_NAME:
        for layer in layers:
            if _take(name, layer, checkout, found):
                break
    return found


def read_dotenv(path: Path, found: Written) -> dict[str, str]:
    """Read a .env file; a missing one is empty, `$` stays as it is."""
    if not path.is_file():
        return {}
    try:
        _check_mode(path, path.name, found)
        written = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        found.problems.append(f"{path.name}: it cannot be read; make it a UTF-8 file of yours with mode 0600")
        return {}
    bindings = list(parse_stream(io.StringIO(written)))
    found.problems += filter(None, (_mistake_in(binding, path.name) for binding in bindings))
    return {binding.key: binding.value or "" for binding in bindings if binding.key}


def _mistake_in(binding: Binding, file_name: str) -> str | None:
    """Say what is wrong with one entry of a .env file, or None."""
    first = binding.original.string
    line = binding.original.line + first[: len(first) - len(first.lstrip())].count("\n")
    if binding.error or (binding.key and binding.value is None):
        return f"{file_name} line {line} cannot be read; write NAME=value"
    if not binding.key or binding.key.removesuffix("_FILE") in BY_NAME:
        return None
    if _NAME.fullmatch(binding.key):
        return f"{binding.key}: there is no such setting; see .env.example"
    return f"{file_name} line {line} is no setting of this bot; see .env.example"


def _take(name: str, layer: Mapping[str, str], checkout: Path, found: Written) -> bool:
    """Take a setting from one layer; whether it was there."""
    direct, file_name = layer.get(name, "").strip(), layer.get(f"{name}_FILE", "").strip()
    if direct and file_name:
        found.problems.append(f"{name}: it is set twice; keep {name} or {name}_FILE, not both")
        return True
    if file_name:
        direct = _read_file(name, checkout / file_name, found)
    if direct:
        found.values[name] = direct
    return bool(direct or file_name)


def _read_file(name: str, path: Path, found: Written) -> str:
    try:
        _check_mode(path, f"the file of {name}_FILE", found)
        written = path.read_text("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError, ValueError):
        found.problems.append(
            f"{name}_FILE: the file cannot be read; name a readable text file that holds the value"
        )
        return ""
    if not written:
        found.problems.append(f"{name}_FILE: the file is empty; write the value into it")
    return written


def _check_mode(path: Path, called: str, found: Written) -> None:
    if path.stat().st_mode & _OTHERS:
        found.warnings.append(f"{called} can be read by others on this machine; run chmod 600 on it")
