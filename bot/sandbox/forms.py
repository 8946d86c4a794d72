"""Let somebody fill a modal in, a line for each field."""

from collections.abc import Awaitable, Callable
from typing import Any

from bot.domain.errors import UserError
from bot.sandbox.modal import CHECKBOX_GROUP, MULTIPLE, Field, Modal
from bot.sandbox.transcript import Transcript

Ask = Callable[[str], Awaitable[str]]
_YES, _NO = {"y", "yes", "x"}, {"n", "no"}


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
        ticked = [
            option["value"] for option in options if await _yes(f"{label}: {option['label']}?", ask, show)
        ]
        if field.required and not ticked:
            raise UserError("Without your agreement no code is sent. Type the command again if you agree.")
        return ticked
    for number, option in enumerate(options, 1):
        show.line(f"   {number}. {option['label']}")
    return [options[await _number(f"{label}?", len(options), ask, show) - 1]["value"]]


async def _number(question: str, most: int, ask: Ask, show: Transcript) -> int:
    while True:
        answer = await ask(f"{question} (1 to {most})")
        if answer.isdecimal() and 1 <= int(answer) <= most:
            return int(answer)
        show.line(f"   Type a number from 1 to {most}.")


async def _yes(question: str, ask: Ask, show: Transcript) -> bool:
    while True:
        answer = (await ask(f"{question} (yes/no)")).lower()
        if answer in _YES | _NO:
            return answer in _YES
        show.line("   Type yes or no.")
