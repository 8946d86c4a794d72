"""Hold what a check of `doctor` found."""

from dataclasses import dataclass
from enum import StrEnum

from bot import exits


class Grade(StrEnum):
    """How it is."""

    OK = "ok"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what it looked at, how that is, and a sentence without any value."""

    check: str
    grade: Grade
    says: str
    code: int = exits.OK


def fine(check: str, says: str) -> Finding:
    """Say that all is well."""
    return Finding(check, Grade.OK, says)


def note(check: str, says: str) -> Finding:
    """Say what the operator may want to know."""
    return Finding(check, Grade.NOTE, says)


def wrong(check: str, says: str) -> Finding:
    """Say what the operator has to set right."""
    return Finding(check, Grade.BAD, says, exits.WRONG_SETTINGS)


def away(check: str, says: str) -> Finding:
    """Say which service is away."""
    return Finding(check, Grade.BAD, says, exits.UNAVAILABLE)


def broken(check: str, says: str) -> Finding:
    """Say what must never be."""
    return Finding(check, Grade.BAD, says, exits.BUG)
