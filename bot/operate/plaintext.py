"""Look for phone numbers and secrets that stand in clear in files and tables; says where, never what."""

import gzip
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from bot.domain.phone import Number, national_digits

CHUNK_BYTES, OVERLAP_BYTES = 1024 * 1024, 256
FEWEST_DIGITS = 7
# What logs, backups and copies of a store are commonly called.
SUFFIXES = (".bak", ".backup", ".db", ".dump", ".err", ".gz", ".log", ".out", ".sql", ".sqlite", ".sqlite3")
# Digits, also in groups with up to three signs between two of them.
_GROUPS = re.compile(rb"\d+(?:[ \t().\-/]{1,3}\d+){0,6}")
_DIGITS = re.compile(rb"\d+")
_DIALLED_BEFORE = ("", "00", "011")


class Finder:
    """Knows what must not be found. Neither it nor what it says gives that away."""

    def __init__(self, numbers: Iterable[Number], secrets: Iterable[str]) -> None:
        self._numbers = {spelling.encode() for number in numbers for spelling in _spellings(number)}
        self._secrets = [secret.encode() for secret in secrets if len(secret) >= FEWEST_DIGITS]
        self._longest = max(map(len, self._numbers), default=0)

    def __repr__(self) -> str:
        """Leave everything out."""
        return "Finder()"

    def found_in(self, content: bytes) -> set[str]:
        """Name what kinds of things stand there in clear: number, secret."""
        found = {"secret"} if any(secret in content for secret in self._secrets) else set()
        if any(self._is_known(group) for group in _GROUPS.findall(content)):
            found.add("number")
        return found

    def _is_known(self, group: bytes) -> bool:
        """Tell whether digits are a number, alone or as neighbouring groups of one."""
        if len(group) < FEWEST_DIGITS:
            return False
        runs = _DIGITS.findall(group)
        for start in range(len(runs)):
            joined = b""
            for run in runs[start:]:
                joined += run
                if joined in self._numbers:
                    return True
                if len(joined) > self._longest:
                    break
        return False

    def found_in_file(self, path: Path) -> set[str]:
        """Look through a file, also a packed one; raises OSError where it cannot be read."""
        found: set[str] = set()
        before = b""
        with _opened(path) as content:
            while chunk := content.read(CHUNK_BYTES):
                found |= self.found_in(before + chunk)
                before = chunk[-OVERLAP_BYTES:]
        return found

    def found_in_cells(self, cells: Iterable[object]) -> set[str]:
        """Look through values of a table, each by itself: in a file they stand side by side."""
        plain = (cell if isinstance(cell, bytes) else str(cell).encode("utf-8", "replace") for cell in cells)
        return self.found_in(b"\n\n\n\n".join(plain))


def _opened(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _spellings(number: Number) -> Iterator[str]:
    international = number.e164.removeprefix("+")
    yield from (f"{before}{international}" for before in _DIALLED_BEFORE)
    national = national_digits(number)
    if len(national) >= FEWEST_DIGITS:
        yield from (national, f"0{national}")


def files_to_look_at(store: Path | None, folders: Collection[Path], more: Collection[Path]) -> list[Path]:
    """List the store's own files, what looks like a log or a backup in folders, and what was named."""
    found = {path for path in more if path.is_file()}
    found |= {inner for path in more if path.is_dir() for inner in path.rglob("*") if inner.is_file()}
    for folder in folders:
        found |= {path for path in folder.glob("*") if path.name.endswith(SUFFIXES) and path.is_file()}
    if store is not None:
        found |= {path for path in store.parent.glob(f"{store.name}*") if path.is_file()}
    return sorted(found)
