"""At the demo's prompt a form is filled in line by line, and a wrong line is asked again."""

import io

import pytest

from bot.domain.errors import UserError
from bot.sandbox.forms import fill_in
from bot.sandbox.modal import CHECKBOX_GROUP, LABEL, STRING_SELECT, TEXT_INPUT, Modal
from bot.sandbox.transcript import Transcript
from bot.sandbox.world import Json


def field(kind: int, name: str, *options: str) -> Json:
    shown = [{"label": option.title(), "value": option} for option in options]
    component = {"type": kind, "custom_id": name, "required": True, "options": shown}
    return {"type": LABEL, "label": name.title(), "component": component}


FORM = Modal.read(
    1,
    {
        "custom_id": "form",
        "title": "Register",
        "components": [
            field(TEXT_INPUT, "number"),
            field(STRING_SELECT, "form", "trunk", "country"),
            field(CHECKBOX_GROUP, "consent", "agreed"),
        ],
    },
)


async def filled(*lines: str) -> tuple[dict[str, object], str]:
    typed, out = list(lines), io.StringIO()

    async def ask(words: str) -> str:
        out.write(f"{words}\n")
        return typed.pop(0)

    values = await fill_in(FORM, ask, Transcript(out))
    assert typed == []
    return values, out.getvalue()


async def test_each_field_is_a_line() -> None:
    values, _ = await filled("206 555 0100", "2", "yes")
    assert values == {"number": "206 555 0100", "form": ["country"], "consent": ["agreed"]}


async def test_a_choice_that_is_not_there_is_asked_again() -> None:
    values, said = await filled("206 555 0100", "", "0", "3", "x", "²", "1", "maybe", "y")
    assert (values["form"], values["consent"]) == (["trunk"], ["agreed"])
    assert said.count("Type a number from 1 to 2.") == 5
    assert said.count("Type yes or no.") == 1


async def test_without_agreement_the_form_is_not_sent() -> None:
    with pytest.raises(UserError, match="Without your agreement"):
        await filled("206 555 0100", "1", "no")
