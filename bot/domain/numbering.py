"""Tell by a registration's version whether it was of another number then."""

from typing import Final

# A version grows by one with each change of a registration, and by so many where the number is another one.
ANOTHER_NUMBER: Final = 65_536


def same_number(version: int | None, other: int) -> bool:
    """Tell whether a registration had one number at two versions."""
    return version is not None and version // ANOTHER_NUMBER == other // ANOTHER_NUMBER


def had_another(version: int) -> bool:
    """Tell whether a registration was of another number before."""
    return version >= ANOTHER_NUMBER
