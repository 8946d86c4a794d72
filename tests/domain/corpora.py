"""Open what stands beside the checkout, or skip where it is missing (a failure under CI)."""

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2].parent / "shared"


def shared(path: str) -> Path:
    """Name a file of the shared folder."""
    found = SHARED / path
    if not found.exists():
        reason = f"shared/{path} is not beside the checkout"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def corpus(path: str) -> Path:
    """Name a file of the shared corpora."""
    return shared(f"corpora/{path}")
