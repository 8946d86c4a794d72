"""`doctor`: look at everything that `run` needs, change nothing, print no value."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot import exits
from bot.config import Config, ConfigError, load, load_one
from bot.operate.doctor_online import look_at_discord, look_at_mail
from bot.operate.doctor_store import look_at_files, look_inside, path_of
from bot.operate.finding import Finding, Grade, fine, note, wrong

_MARKS = {Grade.OK: "ok  ", Grade.NOTE: "note", Grade.BAD: "BAD "}


def doctor(*, as_json: bool, offline: bool, files: Sequence[str]) -> int:
    """Look, print what was found, and return the exit code: the gravest there is."""
    found = asyncio.run(_look(offline, [Path(name) for name in files]))
    code = max((finding.code for finding in found), default=0)
    if as_json:
        findings: list[dict[str, Any]] = [asdict(finding) for finding in found]
        print(json.dumps({"code": code, "findings": findings}, indent=2))
    else:
        for finding in found:
            print(f"{_MARKS[finding.grade]} {finding.check}: {finding.says}")
    return code


async def _look(offline: bool, more: list[Path]) -> list[Finding]:
    try:
        config: Config | None = load()
        problems = list(config.warnings) if config else []
    except ConfigError as wrong_settings:
        config, problems = None, wrong_settings.problems
    found = [wrong("settings", problem) for problem in problems] or [
        fine("settings", "all are set and right")
    ]
    found += [note("files", f"{path} is not there") for path in more if not path.exists()]
    found += await _store(config, more)
    if config is not None and not offline:
        for some in await asyncio.gather(look_at_mail(config.smtp), look_at_discord(config)):
            found += some
    return found


async def _store(config: Config | None, more: list[Path]) -> list[Finding]:
    try:
        url, keys = load_one("DATABASE_URL"), load_one("SECRET_KEY")
    except ConfigError:
        return []  # said among the settings already
    file = path_of(url)
    if file is not None and not file.is_file():
        return [note("store", "there is none yet; `run` makes it")]
    found = list(await asyncio.to_thread(lambda: list(look_at_files(file)))) if file is not None else []
    if any(finding.code == exits.BUG for finding in found):
        return found  # a damaged file says nothing that counts, and can make anything that reads it fail
    return found + await look_inside(url, keys, _secrets(config, keys), more)


def _secrets(config: Config | None, keys: Sequence[str]) -> list[str]:
    if config is None:
        return list(keys)
    return [*keys, config.discord_token, *filter(None, [config.smtp.password])]
