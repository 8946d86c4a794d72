"""Log formats, text or JSON, one line a record; numbers, addresses and secrets are masked in every one."""

import json
import logging
import re
import time
from typing import Literal

# These write payloads, statements and credentials below the level named here.
QUIET = {
    "aiohttp": logging.INFO,
    "aiosmtplib": logging.INFO,
    "aiosqlite": logging.INFO,
    "alembic": logging.WARNING,
    "asyncio": logging.INFO,
    "discord": logging.INFO,
    "imapclient": logging.WARNING,
    "psycopg": logging.INFO,
    "sqlalchemy": logging.WARNING,
}
# discord.py tells these with pages of traceback at every attempt; what kind of error it was is enough.
_RECONNECTS = ("Attempting a reconnect", "Failed to connect for shard_id")
# Nothing an operator could act on: the bot neither speaks nor logs in any other way.
_NEEDLESS = ("PyNaCl is not installed", "davey is not installed", "logging in using static token")
_DATE = r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?![\d-])"
_TIME = r"\d\d:\d\d(?::\d\d)?(?:[.,]\d{1,6})?(?:[+-]\d\d:?\d\d)?(?!\d)"
_SNOWFLAKE = r"\d{16,}"
_KEPT = rf"(?<!\d)(?:{_SNOWFLAKE}|{_DATE}|{_TIME})"
_BETWEEN = r"[ \t\u00a0()\-\u2010-\u2015]"
# Seven digits or more, however they are grouped; a group after a gap is none where a date or an id begins.
_PHONE = (
    rf"(?:\+?[(]?(?!{_SNOWFLAKE})\d(?:\d|{_BETWEEN}{{1,3}}(?!{_KEPT})\d){{6,}}"
    r"|\+?(?:\d{1,3}[.])?\d{3}[.]\d{3}[.]\d{4}(?!\d))"
)
_NUMBERS = re.compile(rf"(?P<kept>{_KEPT})|{_PHONE}")
_SECRETS = (
    (re.compile(r"gAAAA[\w-]{20,}={0,2}"), "<encrypted>"),
    (re.compile(r"(?<![\w-])[\w-]{43}=(?![\w=-])"), "<key>"),
    (re.compile(r"(?<![\w-])[\w-]{18,}\.[\w-]{6,7}\.[\w-]{20,}"), "<token>"),
    (re.compile(r"(?P<kept>/(?:webhooks|interactions)/\d+/)[\w.~%+=-]+"), "<token>"),
    (re.compile(r"aW50ZXJhY3Rpb2[\w+/=-]+"), "<token>"),
    (re.compile(r"(?P<kept>[\"']token[\"']: ?[\"'])[^\"']+"), "<token>"),
    (re.compile(r"(?P<kept>://)[^\s/@]*@"), "<account>@"),
    (
        re.compile(r'(?:"[^"\n]{0,64}"|[^\s@<>()"\',;:\\]+)@(?:\[[^\]\s]*\]|[^\s@<>()"\',;:\\\]}]+)'),
        "<address>",
    ),
)


def mask(line: str) -> str:
    """Replace whatever looks like a phone number, a mail address or a secret."""
    for pattern, shown in _SECRETS:
        line = pattern.sub(rf"\g<kept>{shown}" if "kept" in pattern.groupindex else shown, line)
    return _NUMBERS.sub(lambda found: found["kept"] or "<number>", line)


class TextFormatter(logging.Formatter):
    """Writes `2026-11-22T15:40:00.123Z INFO bot.relay: words`."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        """Put one record on one masked line."""
        words = _one_line(mask(_whole(self, record)))
        return f"{self.formatTime(record)} {record.levelname} {record.name}: {words}"


class JsonFormatter(TextFormatter):
    """Writes one JSON object: `at`, `level`, `from`, `says`, and `trace` where something was raised."""

    def format(self, record: logging.LogRecord) -> str:
        """Put one record into one masked JSON object."""
        shown = {
            "at": self.formatTime(record),
            "level": record.levelname.lower(),
            "from": record.name,
            "says": mask(_words(record)),
        }
        trace = _trace(self, record)
        if trace:
            shown["trace"] = mask(trace)
        return json.dumps(shown, ensure_ascii=True)


def configure(log_format: Literal["text", "json"] | str, level: str) -> None:
    """Send every record to standard error in one format; may be called again."""
    shown = logging.StreamHandler()
    shown.addFilter(_is_needed)
    shown.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(shown)
    root.setLevel(level.upper())
    for name, lowest in QUIET.items():
        logging.getLogger(name).setLevel(max(lowest, root.level))
    logging.captureWarnings(capture=True)
    # What logging prints about a failure of its own holds the raw arguments.
    logging.raiseExceptions = False


def _whole(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return "\n".join(filter(None, (_words(record), _trace(formatter, record))))


def _is_needed(record: logging.LogRecord) -> bool:
    return record.name != "discord.client" or not str(record.msg).startswith(_NEEDLESS)


def _is_reconnect(record: logging.LogRecord) -> bool:
    return record.name.startswith("discord.") and str(record.msg).startswith(_RECONNECTS)


def _words(record: logging.LogRecord) -> str:
    try:
        kind = record.exc_info[0] if record.exc_info and _is_reconnect(record) else None
        return f"{record.getMessage()} ({kind.__name__})" if kind else record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"(arguments do not fit) {record.msg}"


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    has_trace = record.exc_info and record.exc_info[0] and not _is_reconnect(record)
    raised = formatter.formatException(record.exc_info) if record.exc_info and has_trace else ""
    stack = formatter.formatStack(record.stack_info) if record.stack_info else ""
    return "\n".join(filter(None, (raised, stack)))


def _one_line(words: str) -> str:
    """Escape what could begin another line or steer a terminal."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in words
    )
