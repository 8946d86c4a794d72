"""What the source of bot/ must never do, read from its syntax tree; says each breach in one line."""

import ast
from collections.abc import Iterator
from pathlib import Path

MAX_LINES = 250
# The Discord connection: what the client does and says, keeping it up, where it is, what it is given.
CLIENT = {"client", "discord_role", "discord_reach", "discord_commands", "discord_voice"}
BESIDE = {"config", "environment", "exits", "log", "settings"}
# What a room, or a file beside the rooms, may import of ours; itself always.
ALLOWED = {
    "domain": set(),
    "db": {"domain"},
    "mail": {"domain"},
    "services": {"db", "domain"},
    "commands": {"services", "domain"},
    "operate": {"services", "db", "domain", "mail", "app", "loop", *BESIDE},
    "client": {
        "commands",
        "services",
        "domain",
        "loop",
        "discord_reach",
        "discord_commands",
        "discord_voice",
    },
    "discord_commands": {"services"},
    "discord_voice": {"commands", "services", "domain"},
    "discord_reach": {"domain"},
    "discord_role": {"client", "discord_reach", "services", "domain", "operate", "loop", *BESIDE},
    "relay_role": {"services", "db", "domain", "mail", "loop", *BESIDE},
    "inbox_role": {"services", "db", "domain", "mail", "loop", *BESIDE},
    "together": {*CLIENT, "relay_role", "inbox_role", "services", "db", "loop", *BESIDE},
    "app": {
        *CLIENT,
        *("relay_role", "inbox_role", "together", "services", "db", "domain", "operate", "loop"),
        *BESIDE,
    },
    "settings": {"domain"},
    "environment": {"settings"},
    "config": {"domain", "environment", "settings"},
    "carriers": {"domain"},
    "bootstrap": set(),
    "exits": set(),
    "log": set(),
    "loop": set(),
}
ANYTHING = {"sandbox", "__main__"}
FRAMEWORKS = {
    "aiohttp",
    "aiosmtplib",
    "alembic",
    "discord",
    "dns",
    "dotenv",
    "imapclient",
    "psycopg",
    "sqlalchemy",
    "aiosqlite",
}
SYSTEM = {"asyncio", "logging", "os", "pathlib", "shutil", "subprocess", "tempfile", "threading", "time"}
NETWORK = {"http", "imaplib", "smtplib", "socket", "ssl", "urllib.request"}
CHANCE = {"cryptography", "random", "secrets", "uuid"}
DRIVERS = FRAMEWORKS | SYSTEM | NETWORK | CHANCE | {"sqlite3"}
OUTSIDE = {"discord", "dns", "aiosmtplib", "smtplib", "imapclient", "imaplib", "aiohttp", "email"}
ONLY_IN = {
    "discord": {*CLIENT, "commands"},
    "aiosmtplib": {"mail"},
    "imapclient": {"mail"},
    "dns": {"mail"},
    "dotenv": {"environment", "operate"},
}
READS_ENVIRONMENT = {"config", "__main__"}
EDGES = {"app", "relay_role", "inbox_role", *CLIENT, "mail", "__main__", "operate", "sandbox", "log"}
PRINTS = {"__main__", "operate", "sandbox"}
CLOCKS = {"now", "utcnow", "today"}


def room_of(path: str) -> str:
    """Return the room of `bot/db/store.py`, the name of a file beside the rooms."""
    parts = Path(path).parts
    return parts[1] if len(parts) > 2 else Path(path).stem


def breaches(path: str, source: str) -> list[str]:
    """Name every rule that a source file of bot/ breaks."""
    tree = ast.parse(source)
    room = room_of(path)
    found = [*_shape(tree, source), *_imports(room, tree), *_edges(room, tree)]
    return [f"{path}: {breach}" for breach in found]


def imported(tree: ast.Module) -> Iterator[str]:
    """Yield the full name of all that is imported, anywhere in the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." if node.level else node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names if not node.level)


def _shape(tree: ast.Module, source: str) -> Iterator[str]:
    if not ast.get_docstring(tree):
        yield "has no docstring that says its one job"
    if (lines := len(source.splitlines())) > MAX_LINES:
        yield f"has {lines} lines, {MAX_LINES} at most"


def _imports(room: str, tree: ast.Module) -> Iterator[str]:
    for name in sorted(set(imported(tree))):
        top = name.partition(".")[0]
        if name == ".":
            yield "imports relatively"
        elif top == "bot" and "." in name:
            other = name.split(".")[1]
            if room not in ANYTHING and other != room and other not in ALLOWED.get(room, set()):
                yield f"{room} must not import {other}"
        elif room == "domain" and _is_one_of(name, DRIVERS):
            yield f"domain must not import {name}"
        elif room == "services" and _is_one_of(name, OUTSIDE):
            yield f"services must not import {name}"
        elif top in ONLY_IN and room not in ONLY_IN[top]:
            yield f"{room} must not import {name}"
        elif top == "random" and room not in EDGES:
            yield "takes randomness from nowhere"


def _is_one_of(name: str, modules: set[str]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def _edges(room: str, tree: ast.Module) -> Iterator[str]:
    names = set(imported(tree))
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "getenv" | "environb" | "putenv"):
                if room not in READS_ENVIRONMENT:
                    yield f"line {node.lineno}: reads the environment"
            case ast.Attribute(value=ast.Name(id="datetime" | "date"), attr=attr) if attr in CLOCKS:
                if room not in EDGES:
                    yield f"line {node.lineno}: reads the clock"
            case ast.Attribute(value=ast.Attribute(attr="datetime" | "date"), attr=attr) if attr in CLOCKS:
                if room not in EDGES:
                    yield f"line {node.lineno}: reads the clock"
            case ast.Attribute(value=ast.Name(id="time"), attr="time" | "time_ns"):
                if room not in EDGES and "time" in names:
                    yield f"line {node.lineno}: reads the clock"
            case ast.Call(func=ast.Name(id="print")) if room not in PRINTS:
                yield f"line {node.lineno}: prints"
    if {"os.environ", "os.getenv"} & names and room not in READS_ENVIRONMENT:
        yield "imports the environment"
    if {"time.time", "time.time_ns"} & names and room not in EDGES:
        yield "imports the clock"
