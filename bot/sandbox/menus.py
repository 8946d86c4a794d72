"""Shape what a person chose in a menu: values, people, roles or channels."""

from collections.abc import Sequence
from typing import Any

from bot.sandbox import rules
from bot.sandbox.options import Options
from bot.sandbox.watch import SandboxError
from bot.sandbox.world import Account, Channel, Json, Role

_TAKES: dict[int, type | tuple[type, ...]] = {
    rules.SELECT: str,
    rules.PEOPLE: Account,
    rules.ROLES: Role,
    rules.PEOPLE_AND_ROLES: (Account, Role),
    rules.CHANNELS: Channel,
}


def chosen(menu: Json, arranged: Options, values: Sequence[Any]) -> Json:
    """Check a choice as Discord's client does, and write it as Discord sends it."""
    kind, name = menu["type"], menu["custom_id"]
    if kind not in _TAKES or any(not isinstance(value, _TAKES[kind]) for value in values):
        raise SandboxError(f"{name} takes no such values")
    least = 1 if menu.get("min_values") is None else menu["min_values"]
    if not least <= len(values) <= (menu.get("max_values") or 1):
        raise SandboxError(f"{name} takes {least} to {menu.get('max_values') or 1} values")
    if kind == rules.SELECT:
        if not set(values) <= {option["value"] for option in menu["options"]}:
            raise SandboxError(f"{name} has no such values")
        return {"custom_id": name, "component_type": kind, "values": list(values)}
    ids = [arranged.resolve(value) for value in values]
    return {"custom_id": name, "component_type": kind, "values": ids, "resolved": arranged.resolved}
