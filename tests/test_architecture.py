"""The arrows between the rooms hold, and the check finds what it looks for."""

from pathlib import Path

import pytest

from tests.architecture import MAX_LINES, breaches

CHECKOUT = Path(__file__).resolve().parents[1]
SOURCES = sorted(path.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / "bot").rglob("*.py"))
DOC = '"""Do one thing."""\n'


def test_the_rooms_are_looked_at() -> None:
    assert "bot/config.py" in SOURCES
    assert any(source.startswith("bot/domain/") for source in SOURCES)


@pytest.mark.parametrize("source", SOURCES)
def test_no_file_breaks_a_rule(source: str) -> None:
    assert breaches(source, (CHECKOUT / source).read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("bot/domain/a.py", "import asyncio"),
        ("bot/domain/a.py", "import urllib.request"),
        ("bot/domain/a.py", "from urllib import request"),
        ("bot/domain/a.py", "from bot.db import store"),
        ("bot/domain/a.py", "from os import environ"),
        ("bot/domain/a.py", "from datetime import datetime\nnoon = datetime.now()"),
        ("bot/domain/a.py", "import datetime\nnoon = datetime.date.today()"),
        ("bot/services/a.py", "import discord"),
        ("bot/services/a.py", "import email.message"),
        ("bot/services/a.py", "from bot.mail.smtp import send"),
        ("bot/services/a.py", "from bot import config"),
        ("bot/services/a.py", "def late() -> None:\n    import aiosmtplib"),
        ("bot/services/a.py", "import time\nnow = time.time()"),
        ("bot/services/a.py", "from time import time"),
        ("bot/services/a.py", "from random import choice"),
        ("bot/commands/a.py", "from bot.db.store import Store"),
        ("bot/commands/a.py", "from bot import mail"),
        ("bot/db/a.py", "from bot.mail import smtp"),
        ("bot/db/a.py", "from bot.services import texting"),
        ("bot/mail/a.py", "import bot.db.store"),
        ("bot/mail/a.py", "from bot.services.texting import accept"),
        ("bot/operate/a.py", "from bot.sandbox import demo"),
        ("bot/operate/a.py", "import bot.commands.text"),
        ("bot/operate/a.py", "import os\nhome = os.environ['HOME']"),
        ("bot/app.py", "from bot.sandbox.world import World"),
        ("bot/app.py", "import discord"),
        ("bot/app.py", "import aiosmtplib"),
        ("bot/app.py", "from imapclient import IMAPClient"),
        ("bot/services/a.py", "import imapclient"),
        ("bot/inbox_role.py", "import imapclient"),
        ("bot/sandbox/a.py", "import discord"),
        ("bot/sandbox/a.py", "import os\nhome = os.getenv('HOME')"),
        ("bot/db/a.py", "print('here')"),
        ("bot/db/a.py", "from .store import Store"),
        ("bot/new.py", "from bot import db"),
    ],
)
def test_a_planted_breach_is_found(path: str, line: str) -> None:
    assert breaches(path, DOC) == []
    assert len(breaches(path, f"{DOC}{line}\n")) >= 1


def test_a_file_without_a_job_or_an_end_is_found() -> None:
    assert breaches("bot/db/a.py", "x = 1\n") == ["bot/db/a.py: has no docstring that says its one job"]
    assert len(breaches("bot/db/a.py", DOC + "x = 1\n" * MAX_LINES)) == 1
    assert breaches("bot/db/a.py", DOC + "x = 1\n" * (MAX_LINES - 1)) == []


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        ("bot/mail/a.py", "import time\nfrom bot.domain.phone import Number\nt = time.time()"),
        ("bot/commands/a.py", "import discord\nfrom bot.services import texting"),
        ("bot/__main__.py", "import os\nprint(os.environ)\nfrom bot.sandbox import demo"),
        ("bot/domain/a.py", "from urllib.parse import urlsplit\nimport phonenumbers"),
    ],
)
def test_what_is_allowed_is_not_found(path: str, lines: str) -> None:
    assert breaches(path, f"{DOC}{lines}\n") == []


def test_every_room_has_its_tests() -> None:
    inside = [Path(source) for source in SOURCES if not source.endswith("__init__.py")]
    rooms = {path.parts[1] for path in inside if len(path.parts) > 2}
    assert [room for room in sorted(rooms) if not any((CHECKOUT / "tests" / room).glob("test_*.py"))] == []
