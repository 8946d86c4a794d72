"""Understand a slash command that somebody typed as one line."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bot.domain.errors import UserError
from bot.sandbox.answer import Choice
from bot.sandbox.options import INTEGER, STRING, SUBCOMMAND, SUBCOMMAND_GROUP, USER
from bot.sandbox.world import Json

_NAMED_CHOICES = 5


@dataclass(frozen=True, slots=True)
class Typed:
    """A command's path, such as `phone show`, its registered options, and what was typed for them."""

    path: str
    options: tuple[Json, ...]
    values: dict[str, str]

    def option(self, name: str) -> Json:
        """Find a registered option."""
        return next(option for option in self.options if option["name"] == name)


def read_command(line: str, registered: list[Json]) -> Typed:
    """Read `/text @bob hello` or `/text user:@bob message:hello`; raises UserError."""
    word, _, rest = line.removeprefix("/").strip().partition(" ")
    command = next((one for one in registered if one["name"] == word and one["type"] == 1), None)
    if command is None:
        names = ", ".join(f"/{one['name']}" for one in registered if one["type"] == 1)
        raise UserError(f"There is no /{word}; there are {names}.")
    path, options = word, command.get("options") or []
    while inner := [one for one in options if one["type"] in (SUBCOMMAND, SUBCOMMAND_GROUP)]:
        word, _, rest = rest.strip().partition(" ")
        found = next((one for one in inner if one["name"] == word), None)
        if found is None:
            raise UserError(f"/{path} is followed by one of: {', '.join(one['name'] for one in inner)}.")
        path, options = f"{path} {word}", found.get("options") or []
    return Typed(path, tuple(options), _values(path, options, rest.strip()))


def _values(path: str, options: list[Json], rest: str) -> dict[str, str]:
    required = [option["name"] for option in options if option.get("required")]
    optional = [option["name"] for option in options if not option.get("required")]
    is_named = any(rest.startswith(f"{name}:") for name in [*required, *optional])
    # Among words that were typed without names, a required option's name is just a word.
    plain, values = _named(rest, [*required, *optional] if is_named else optional)
    values |= _placed(plain, (required or optional[:1]) if not is_named else [])
    if plain and not values:
        raise UserError(f"/{path} takes nothing more.")
    missing = [name for name in required if not values.get(name)]
    if missing:
        usage = " ".join(required + [f"[{name}]" for name in optional])
        raise UserError(f"Type it as: /{path} {usage}")
    return values


def _named(rest: str, names: list[str]) -> tuple[str, dict[str, str]]:
    if not names:
        return rest, {}
    parts = re.split(rf"(?:^|\s)({'|'.join(map(re.escape, names))}):", rest)
    pairs = zip(parts[1::2], parts[2::2], strict=True)
    return parts[0].strip(), {name: value.strip() for name, value in pairs}


def _placed(plain: str, names: list[str]) -> dict[str, str]:
    """Give each name a word in turn, the last one the rest."""
    return dict(zip(names, plain.split(None, len(names) - 1), strict=False)) if names and plain else {}


def choice_meant(option: str, typed: str, offered: Sequence[Choice]) -> Choice:
    """Find the first offered choice that what was typed is part of; raises UserError."""
    wanted = _bare(typed)
    for choice in offered:
        if wanted in _bare(choice.name) or wanted in _bare(str(choice.value)):
            return choice
    names = ", ".join(choice.name for choice in offered[:_NAMED_CHOICES])
    raise UserError(f"No {option} is called {typed}; offered are: {names}.")


def button_meant(typed: str, labels: Sequence[str]) -> str:
    """Find the one button whose label begins as typed; raises UserError."""
    fitting = [label for label in labels if label.lower().startswith(typed.lower())]
    exact = [label for label in fitting if label.lower() == typed.lower()]
    if len(exact or fitting) == 1:
        return (exact or fitting)[0]
    if not labels:
        raise UserError("There is no button to press.")
    raise UserError(f"There is no such button; type: {' or '.join(f'press {label}' for label in labels)}")


def _bare(words: str) -> str:
    return "".join(char for char in words.casefold() if char.isalnum())


def value_of(option: Json, typed: str, person_of: Callable[[str], Any]) -> Any:
    """Turn what was typed for one option into what Discord's client would send; raises UserError."""
    name, kind = option["name"], option["type"]
    if kind == USER:
        return person_of(typed)
    if kind == INTEGER:
        if not re.fullmatch(r"-?[0-9]{1,15}", typed):
            raise UserError(f"{name} takes a whole number.")
        return int(typed)
    if kind != STRING:
        raise UserError(f"{name} cannot be typed here.")
    for choice in option.get("choices") or []:
        if typed.lower() in (str(choice["value"]).lower(), choice["name"].lower()):
            return choice["value"]
    if option.get("choices"):
        raise UserError(f"{name} is one of: {', '.join(str(one['value']) for one in option['choices'])}.")
    return typed
