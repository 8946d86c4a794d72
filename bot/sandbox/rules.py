"""Find what Discord would refuse in a post, a modal, choices or components."""

from collections.abc import Iterator
from typing import Any

from bot.sandbox.refusals import Fault
from bot.sandbox.world import Json

ROW, BUTTON, SELECT, TEXT_INPUT, LABEL, CHECKBOX_GROUP = 1, 2, 3, 4, 18, 22
PEOPLE, ROLES, PEOPLE_AND_ROLES, CHANNELS = 5, 6, 7, 8
PICKERS = frozenset({PEOPLE, ROLES, PEOPLE_AND_ROLES, CHANNELS})
LINK, PREMIUM = 5, 6
Path = tuple[str | int, ...]


def bounded(value: Any, path: Path, most: int, least: int = 0) -> Iterator[Fault]:
    """Check a string's length in code points."""
    if not isinstance(value, str):
        yield Fault(path, "STRING_TYPE_CONVERT", "Could not interpret value as string.")
    elif not least <= len(value) <= most:
        yield Fault(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")


def counted(values: Any, path: Path, most: int, least: int = 0) -> Iterator[Fault]:
    """Check a list's length."""
    if not isinstance(values, list):
        yield Fault(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType.")
    elif not least <= len(values) <= most:
        yield Fault(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")


def post(body: Json) -> list[Fault]:
    """Check a post's content, embeds and components."""
    faults = list(bounded(body.get("content") or "", ("content",), 2000))
    faults += counted(body.get("embeds") or [], ("embeds",), 10)
    for index, embed in enumerate(body.get("embeds") or []):
        faults += bounded(embed.get("title", ""), ("embeds", index, "title"), 256)
        faults += bounded(embed.get("description", ""), ("embeds", index, "description"), 4096)
    rows = body.get("components") or []
    faults += counted(rows, ("components",), 40 if body.get("flags", 0) & 1 << 15 else 5)
    for index, row in enumerate(rows):
        faults += _row(row, ("components", index))
    return faults + _unique(rows, ("components",))


def modal(body: Json) -> list[Fault]:
    """Check a modal's title, custom id and rows."""
    faults = list(bounded(body.get("title"), ("title",), 45, 1))
    faults += bounded(body.get("custom_id"), ("custom_id",), 100, 1)
    rows = body.get("components") or []
    faults += counted(rows, ("components",), 5, 1)
    for index, row in enumerate(rows):
        path: Path = ("components", index)
        if row.get("type") == LABEL:
            faults += bounded(row.get("label"), (*path, "label"), 45, 1)
            faults += bounded(row.get("description") or "-", (*path, "description"), 100, 1)
            faults += _component(row.get("component") or {}, (*path, "component"))
        elif row.get("type") == ROW:
            faults += _row(row, path)
    return faults + _unique(rows, ("components",))


def choices(values: Any) -> list[Fault]:
    """Check what an autocomplete offers."""
    faults = list(counted(values, ("choices",), 25))
    for index, choice in enumerate(values if isinstance(values, list) else []):
        faults += bounded(choice.get("name"), ("choices", index, "name"), 100, 1)
        if isinstance(choice.get("value"), str):
            faults += bounded(choice["value"], ("choices", index, "value"), 100, 1)
    return faults


def _row(row: Json, path: Path) -> Iterator[Fault]:
    if row.get("type") != ROW:
        return
    inside = row.get("components")
    yield from counted(inside, (*path, "components"), 5, 1)
    for index, component in enumerate(inside or []):
        yield from _component(component, (*path, "components", index))


def _component(one: Json, path: Path) -> Iterator[Fault]:
    kind = one.get("type")
    if kind == BUTTON:
        yield from _button(one, path)
        return
    yield from bounded(one.get("custom_id"), (*path, "custom_id"), 100, 1)
    is_menu = kind == SELECT or kind in PICKERS
    yield from bounded(one.get("placeholder") or "", (*path, "placeholder"), 150 if is_menu else 100)
    if kind in PICKERS:
        yield from _defaults(one, path)
    if kind in (SELECT, CHECKBOX_GROUP):
        yield from _options(one, path, 25 if kind == SELECT else 10)
    elif kind == TEXT_INPUT:
        yield from bounded(one.get("value") or "", (*path, "value"), 4000)
        yield from bounded(one.get("label") or "-", (*path, "label"), 45, 1)
        for name in ("min_length", "max_length"):
            if not 0 <= (one.get(name) or 0) <= 4000:
                yield Fault(
                    (*path, name), "NUMBER_TYPE_MAX", "int value should be less than or equal to 4000."
                )


def _button(one: Json, path: Path) -> Iterator[Fault]:
    yield from bounded(one.get("label") or "", (*path, "label"), 80)
    if not one.get("label") and not one.get("emoji") and one.get("style") != PREMIUM:
        yield Fault(path, "BUTTON_COMPONENT_INVALID", "A button must have a label or an emoji.")
    if one.get("style") == LINK:
        yield from bounded(one.get("url"), (*path, "url"), 512, 1)
    elif one.get("style") != PREMIUM:
        yield from bounded(one.get("custom_id"), (*path, "custom_id"), 100, 1)


def _options(one: Json, path: Path, most: int) -> Iterator[Fault]:
    options = one.get("options")
    yield from counted(options, (*path, "options"), most, 1)
    values = [option.get("value") for option in options or []]
    if len(set(values)) != len(values):
        yield Fault((*path, "options"), "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "Values must be unique.")
    for index, option in enumerate(options or []):
        yield from bounded(option.get("label"), (*path, "options", index, "label"), 100, 1)
        yield from bounded(option.get("value"), (*path, "options", index, "value"), 100, 1)
        yield from bounded(option.get("description") or "", (*path, "options", index, "description"), 100)


def _defaults(one: Json, path: Path) -> Iterator[Fault]:
    """Check who is chosen already: of the kinds that the menu offers, and not more than it takes."""
    kinds = {PEOPLE: {"user"}, ROLES: {"role"}, PEOPLE_AND_ROLES: {"user", "role"}, CHANNELS: {"channel"}}
    chosen = one.get("default_values") or []
    yield from counted(chosen, (*path, "default_values"), one.get("max_values") or 1)
    for index, each in enumerate(chosen):
        if each.get("type") not in kinds[one["type"]]:
            where = (*path, "default_values", index)
            yield Fault(where, "SELECT_DEFAULT_VALUE_TYPE", "Default value type is not valid for this menu.")


def walk(components: list[Json]) -> Iterator[Json]:
    """Yield every component, outer before inner."""
    for one in components:
        yield one
        yield from walk(one.get("components") or [])
        yield from walk([one["component"]] if one.get("component") else [])
        yield from walk([one["accessory"]] if one.get("accessory") else [])


def _unique(components: list[Json], path: Path) -> list[Fault]:
    ids = [one["custom_id"] for one in walk(components) if one.get("custom_id")]
    if len(set(ids)) == len(ids):
        return []
    return [Fault(path, "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")]
