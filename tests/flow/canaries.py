"""Look for planted secrets in whatever can be read: text, bytes, database files, dumps."""

import re
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bot.db.tables import Base
from tests.db.stores import psycopg_url

NATIONAL = "2065550142"
NUMBER = f"+1{NATIONAL}"
BODY = "the heron lands at midnight"


@dataclass(frozen=True, slots=True)
class Canary:
    """One secret and every form that would give it away."""

    name: str
    forms: tuple[str, ...]

    def is_in(self, content: bytes) -> bool:
        """Tell whether content holds one of the forms, as text or as hexadecimal digits of it."""
        lowered = content.lower()
        for form in (each.encode() for each in self.forms):
            written = form.lower()
            # Digits count only where they stand alone: ids and times are long.
            alone = rb"(?<!\d)" + re.escape(written) + rb"(?!\d)"
            if written in lowered and (not form.isdigit() or re.search(alone, lowered)):
                return True
            if form.hex().encode() in content:
                return True
        return False


def canaries(codes: list[str], tokens: list[str], keys: list[str]) -> tuple[Canary, ...]:
    """Name every secret of a session."""
    number = (
        NUMBER,
        NATIONAL,
        f"1{NATIONAL}",
        "206 555 0142",
        "(206) 555-0142",
        "206-555-0142",
        "206.555.0142",
    )
    return (
        Canary("number", number),
        Canary("body", (BODY, BODY.replace(" ", "=20"), "heron lands")),
        Canary("code", tuple(codes)),
        Canary("token", tuple(tokens)),
        Canary("key", tuple(keys)),
    )


def found(content: str | bytes, secrets: tuple[Canary, ...]) -> list[str]:
    """Name the secrets that content gives away."""
    octets = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return [each.name for each in secrets if each.is_in(octets)]


def bytes_of_store(store_url: str) -> bytes:
    """Read everything the store keeps: SQLite's files as they are, or all of PostgreSQL's tables."""
    if store_url.startswith("postgresql"):
        return _dump(store_url)
    path = Path(store_url.partition(":///")[2])
    files = sorted(path.parent.glob(f"{path.name}*"))
    assert f"{path.name}-wal" in {each.name for each in files}
    return b"\n".join(each.read_bytes() for each in files)


def _dump(store_url: str) -> bytes:
    copied = []
    with psycopg.connect(psycopg_url(store_url)) as connection:
        for table in Base.metadata.sorted_tables:
            with connection.cursor().copy(f"COPY {table.name} TO STDOUT") as rows:
                copied += [bytes(row) for row in rows]
    return b"".join(copied)


def store_with_a_leak(store_url: str, words: str, folder: Path) -> bytes:
    """Plant words in a plain column (of a copy, or undone again) and read everything once more."""
    statement = "INSERT INTO marks (name, value) VALUES ('leak', {})"
    if store_url.startswith("postgresql"):
        with psycopg.connect(psycopg_url(store_url), autocommit=True) as connection:
            connection.execute(statement.format("%s"), (words,))
            leaked = _dump(store_url)
            connection.execute("DELETE FROM marks WHERE name = 'leak'")
        return leaked
    path, copy = Path(store_url.partition(":///")[2]), folder / "leak.db"
    for end in ("", "-wal"):
        shutil.copyfile(f"{path}{end}", f"{copy}{end}")
    connection = sqlite3.connect(copy)
    connection.execute(statement.format("?"), (words,))
    connection.commit()
    leaked = bytes_of_store(f"sqlite+aiosqlite:///{copy}")
    connection.close()
    return leaked
