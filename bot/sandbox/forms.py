"""Let somebody fill a modal in, a line for each field."""

from collections.abc import Awaitable, Callable
from typing import Any

from bot.sandbox.modal import CHECKBOX_GROUP, MULTIPLE, Field, Modal
from bot.sandbox.transcript import Transcript

Ask = Callable[[str], Awaitable[str]]
_YES = {"y", "yes", "x"}


async def fill_in(modal: Modal, ask: Ask, show: Transcript) -> dict[str, Any]:
    """Show the form and ask for each field; returns what `Person.submit` takes."""
    show.answers("\n".join([f"**{modal.title}**", *modal.texts]))
    return {field.custom_id: await _value(field, ask, show) for field in modal.fields}


async def _value(field: Field, ask: Ask, show: Transcript) -> Any:
    label = f"   {field.label or field.custom_id}"
    if field.kind not in MULTIPLE:
        return await ask(f"{label}:")
    options = field.shape.get("options") or []
    if field.kind == CHECKBOX_GROUP:
        return [
            option["value"]
            for option in options
            if (await ask(f"{label}: {option['label']}? (yes/no)")).lower() in _YES
        ]
    for number, option in enumerate(options, 1):
        show.line(f"   {number}. {option['label']}")
    chosen = await ask(f"{label}? (1 to {len(options)})")
    found = options[int(chosen) - 1 : int(chosen)] if chosen.isdecimal() and int(chosen) else []
    return [option["value"] for option in found]
