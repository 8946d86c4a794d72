"""Name a modal's controls the way a person sees them: by label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def labels(modal: dict[str, Any]) -> dict[str, str]:
    """Map each visible label of a modal to the custom_id of its control."""
    found: dict[str, str] = {}
    for part in modal["components"]:
        if "component" in part:
            found[part["label"]] = part["component"]["custom_id"]
        for control in part.get("components", ()):
            found[control["label"]] = control["custom_id"]
    return found


def by_custom_id(modal: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Turn values keyed by label into values keyed by custom_id."""
    known = labels(modal)
    missing = values.keys() - known.keys()
    assert not missing, f"the modal shows {sorted(known)}, not {sorted(missing)}"
    return {known[label]: value for label, value in values.items()}
