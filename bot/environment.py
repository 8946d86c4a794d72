"""Find what is written for each setting: environment before .env, NAME or NAME_FILE; warn of open files."""

import io
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values

from bot.settings import BY_NAME

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


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
    values = {
        name: value or ""
        for name, value in dotenv_values(stream=io.StringIO(written), interpolate=False).items()
    }
    known = {*BY_NAME, *(f"{name}_FILE" for name in BY_NAME)}
    for number, name in enumerate(values, start=1):
        if name not in known:
            # The name itself could be a secret on a line of its own.
            found.warnings.append(f"{path.name}: entry {number} is no setting of this bot; see .env.example")
    return values


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
