"""Find what Discord would refuse in a command that a bot registers."""

import re
from collections.abc import Iterator
from typing import Any

from bot.sandbox.refusals import Fault
from bot.sandbox.rules import Path, bounded, counted
from bot.sandbox.world import Json

CHAT_INPUT, USER_MENU, MESSAGE_MENU = 1, 2, 3
SUBCOMMAND, SUBCOMMAND_GROUP = 1, 2
MOST_OF_KIND = {CHAT_INPUT: 100, USER_MENU: 15, MESSAGE_MENU: 15}
MOST_CHARACTERS = 8000
NAME = re.compile(r"[-_'\w]{1,32}")


def command(body: Json, path: Path = ()) -> list[Fault]:
    """Check one command's name, description and options."""
    if (body.get("type") or CHAT_INPUT) != CHAT_INPUT:
        faults = list(bounded(body.get("name"), (*path, "name"), 32, 1))
        if body.get("description"):
            faults.append(
                Fault((*path, "description"), "APPLICATION_COMMANDS_DESCRIPTION_INVALID", "Must be empty.")
            )
        return faults
    faults = list(_named(body, path))
    faults += _options(body.get("options") or [], (*path, "options"))
    if _characters(body) > MOST_CHARACTERS:
        faults.append(Fault(path, "APPLICATION_COMMAND_TOO_LARGE", f"Exceeds {MOST_CHARACTERS} characters."))
    return faults


def commands(bodies: list[Json]) -> list[Fault]:
    """Check a bulk overwrite: each command, their number, and that names differ."""
    faults: list[Fault] = []
    seen: set[tuple[int, Any]] = set()
    for index, body in enumerate(bodies):
        faults += command(body, (index,))
        key = (body.get("type") or CHAT_INPUT, body.get("name"))
        if key in seen:
            faults.append(
                Fault((index, "name"), "APPLICATION_COMMANDS_DUPLICATE_NAME", "Names must be unique.")
            )
        seen.add(key)
    for kind, most in MOST_OF_KIND.items():
        if sum(1 for each, _ in seen if each == kind) > most:
            faults.append(Fault((), "APPLICATION_COMMANDS_LIMIT", f"At most {most} of type {kind}."))
    return faults


def _named(body: Json, path: Path) -> Iterator[Fault]:
    name = body.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name) or name != name.lower():
        yield Fault((*path, "name"), "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    yield from bounded(body.get("description"), (*path, "description"), 100, 1)


def _options(options: list[Json], path: Path) -> Iterator[Fault]:
    yield from counted(options, path, 25)
    names = [option.get("name") for option in options]
    if len(set(names)) != len(names):
        yield Fault(path, "APPLICATION_COMMAND_OPTIONS_NAME_INVALID", "Option names must be unique")
    optional_seen = False
    for index, option in enumerate(options):
        here: Path = (*path, index)
        yield from _named(option, here)
        if option.get("type") in (SUBCOMMAND, SUBCOMMAND_GROUP):
            yield from _options(option.get("options") or [], (*here, "options"))
            continue
        if option.get("required") and optional_seen:
            yield Fault(here, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", "Required options come first")
        optional_seen = optional_seen or not option.get("required")
        yield from _choices(option, here)


def _choices(option: Json, path: Path) -> Iterator[Fault]:
    choices = option.get("choices") or []
    yield from counted(choices, (*path, "choices"), 25)
    if choices and option.get("autocomplete"):
        yield Fault(path, "APPLICATION_COMMAND_AUTOCOMPLETE_INVALID", "Choices exclude autocomplete")
    for index, choice in enumerate(choices):
        yield from bounded(choice.get("name"), (*path, "choices", index, "name"), 100, 1)
        if isinstance(choice.get("value"), str):
            yield from bounded(choice["value"], (*path, "choices", index, "value"), 100, 1)


def _characters(body: Json) -> int:
    own = len(body.get("name") or "") + len(body.get("description") or "")
    own += sum(len(each["name"]) + len(str(each["value"])) for each in body.get("choices") or [])
    return own + sum(_characters(each) for each in body.get("options") or [])
