"""Read a modal that the bot opened, and shape what a person fills in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.sandbox.watch import SandboxError
from bot.sandbox.wire_posts import numbered
from bot.sandbox.world import Json

ROW, STRING_SELECT, TEXT_INPUT, TEXT, LABEL = 1, 3, 4, 10, 18
RADIO_GROUP, CHECKBOX_GROUP, CHECKBOX = 21, 22, 23
MULTIPLE = {STRING_SELECT, 5, 6, 7, 8, CHECKBOX_GROUP}
MOST_TEXT_CHARACTERS = 4000


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to fill in; `kind` is Discord's component type."""

    custom_id: str
    kind: int
    label: str
    description: str
    required: bool
    shape: Json

    @property
    def values(self) -> list[str]:
        """Return the values on offer."""
        return [option["value"] for option in self.shape.get("options") or []]


@dataclass(frozen=True, slots=True)
class Modal:
    """A form that opened for one person."""

    opened_by: int
    custom_id: str
    title: str
    texts: tuple[str, ...]
    fields: tuple[Field, ...]
    rows: list[Json]

    @classmethod
    def read(cls, opened_by: int, body: Json) -> "Modal":
        """Read the callback's body; `opened_by` is the interaction's id."""
        rows = numbered(body["components"])
        found = [field for row in rows for field in _fields(row)]
        texts = tuple(row["content"] for row in rows if row["type"] == TEXT)
        return cls(opened_by, body["custom_id"], body["title"], texts, tuple(found), rows)

    def field(self, key: str) -> Field:
        """Find a field by custom id, else by label."""
        for field in self.fields:
            if field.custom_id == key:
                return field
        for field in self.fields:
            if field.label == key:
                return field
        raise SandboxError(f"the modal has no {key!r}; it has {[each.custom_id for each in self.fields]}")

    def filled(self, values: Mapping[str, Any], force: bool) -> Json:
        """Shape the submitted form; `force` sends what Discord's own client would not let through."""
        given = {self.field(key).custom_id: value for key, value in values.items()}
        if not force:
            for field in self.fields:
                _check(field, given.get(field.custom_id))
        return {"custom_id": self.custom_id, "components": [_submitted(row, given) for row in self.rows]}


def _fields(row: Json) -> list[Field]:
    inside = row.get("components") or ([row["component"]] if "component" in row else [])
    return [
        Field(
            one["custom_id"],
            one["type"],
            row.get("label") or one.get("label") or "",
            row.get("description") or "",
            one.get("required") is not False and one["type"] != CHECKBOX,
            one,
        )
        for one in inside
    ]


def _submitted(row: Json, given: Mapping[str, Any]) -> Json:
    outer: Json = {"type": row["type"], "id": row["id"]}
    if row["type"] == LABEL:
        outer["component"] = _value(row["component"], given)
    elif row["type"] == ROW:
        outer["components"] = [_value(one, given) for one in row["components"]]
    return outer


def _value(one: Json, given: Mapping[str, Any]) -> Json:
    value = given.get(one["custom_id"])
    inner: Json = {"type": one["type"], "id": one["id"], "custom_id": one["custom_id"]}
    if one["type"] in MULTIPLE:
        chosen = [option["value"] for option in one.get("options") or [] if option.get("default")]
        return inner | {"values": list(chosen if value is None else value)}
    if one["type"] == CHECKBOX:
        return inner | {"value": bool(one.get("default") if value is None else value)}
    if one["type"] == RADIO_GROUP:
        return inner | {"value": value}
    return inner | {"value": (one.get("value") or "") if value is None else value}


def _check(field: Field, value: Any) -> None:
    shown = _value(field.shape, {field.custom_id: value})
    if field.kind in MULTIPLE:
        _check_selection(field, shown["values"])
    elif field.kind == TEXT_INPUT:
        text = shown["value"]
        least = field.shape.get("min_length") or 0
        most = field.shape.get("max_length") or MOST_TEXT_CHARACTERS
        if (field.required and not text) or (text and not least <= len(text) <= most):
            raise SandboxError(f"{field.custom_id} takes {least} to {most} characters, not {len(text)}")
    elif field.kind == RADIO_GROUP and field.required and shown["value"] not in field.values:
        raise SandboxError(f"{field.custom_id} needs one of {field.values}")


def _check_selection(field: Field, chosen: list[str]) -> None:
    if field.values and not set(chosen) <= set(field.values):
        raise SandboxError(f"{field.custom_id} has only {field.values}")
    most = field.shape.get("max_values") or (len(field.values) if field.kind == CHECKBOX_GROUP else 1)
    least = field.shape.get("min_values")
    least = 1 if least is None else least
    empty_allowed = not field.required and not chosen
    if not empty_allowed and not max(least, int(field.required)) <= len(chosen) <= most:
        raise SandboxError(f"{field.custom_id} takes {least} to {most} choices, not {len(chosen)}")
