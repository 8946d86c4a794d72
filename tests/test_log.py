"""Log lines: one a record, in UTC, and never a number, an address or a secret."""

import json
import logging
import re
from collections.abc import Iterator
from datetime import datetime

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from bot.log import QUIET, TextFormatter, configure, mask

NUMBER, ADDRESS = "+12065550142", "canary.person@vtext.example"
KEY = Fernet.generate_key().decode()
SEALED = Fernet(KEY).encrypt(b"dinner at 7").decode()
BOT_TOKEN = "MTE4NzY1NDMyMTA5ODc2NTQzMg.GabcdE.Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4MTIzNDU2"
PLANTED = (NUMBER, ADDRESS, KEY, SEALED, BOT_TOKEN, "2065550142")
DIGITS = re.compile(r"\d")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Give logging back as it was."""
    root = logging.getLogger()
    level, raises = root.level, logging.raiseExceptions
    levels = {name: logging.getLogger(name).level for name in (*QUIET, "bot")}
    logging.getLogger("bot").setLevel(logging.NOTSET)  # whatever other tests left it at
    yield
    root.handlers[:] = [old for old in root.handlers if not isinstance(old.formatter, TextFormatter)]
    root.setLevel(level)
    logging.raiseExceptions = raises
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    logging.captureWarnings(capture=False)


def leak_everything() -> None:
    """Log what must not be seen in words, in arguments, in an exception and in its cause."""
    logger = logging.getLogger("bot.canary")
    for planted in PLANTED:
        logger.warning(f"words {planted} here")  # noqa: G004 - as somebody careless would
        logger.warning("arguments %s %r", planted, {"to": planted})
        logger.warning("too many %s", planted, planted)  # noqa: PLE1205 - as above
        try:
            try:
                raise KeyError(planted)
            except KeyError as cause:
                raise RuntimeError(f"refused: <{planted}>") from cause
        except RuntimeError:
            logger.exception("outbox 42: failed")


def found_in(text: str) -> list[str]:
    return [planted for planted in PLANTED if planted in text]


@pytest.mark.plants
def test_without_the_mask_the_planted_leak_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:]
    root.handlers[:] = [logging.StreamHandler()]
    logging.raiseExceptions = True
    leak_everything()
    root.handlers[:] = before
    assert found_in(capsys.readouterr().err) == list(PLANTED)


@pytest.mark.plants
@pytest.mark.parametrize("log_format", ["text", "json"])
def test_with_the_mask_nothing_is_found(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    configure(log_format, "debug")
    leak_everything()
    written = capsys.readouterr().err
    assert found_in(written) == []
    assert "outbox 42: failed" in written
    assert "RuntimeError" in written
    assert len(written.splitlines()) == 4 * len(PLANTED)


PATTERNS = [
    *("{0}{1}{2}", "+1{0}{1}{2}", "({0}) {1}-{2}", "+1 {0} {1} {2}"),
    *("{0}.{1}.{2}", "1-{0}-{1}-{2}", "+1({0}){1}-{2}", "+1 ({0}) {1} {2}"),
]
area, middle, last = (
    st.from_regex(pattern, fullmatch=True) for pattern in (r"[2-9]\d\d", r"[2-9]\d\d", r"\d{4}")
)


@given(st.sampled_from(PATTERNS), area, middle, last, st.text("abc:;'\"<>\\n[]{}= ", max_size=5))
def test_no_digit_of_a_number_is_left(pattern: str, first: str, second: str, third: str, around: str) -> None:
    number = pattern.format(first, second, third)
    assert not DIGITS.search(mask(f"{around}{number}{around}"))


@given(st.from_regex(r"\+?[1-9][0-9]{6,14}", fullmatch=True))
def test_e164_is_masked_whole(number: str) -> None:
    assert mask(f"to {number}.") == "to <number>."


@given(st.integers(10**15, 10**20 - 1))
def test_discord_ids_stay(snowflake: int) -> None:
    for line in (
        f"text {snowflake}: queued",
        f"({snowflake})",
        f"guild={snowflake},",
        f"{snowflake} {snowflake}",
    ):
        assert mask(line) == line


@given(st.datetimes(datetime(1900, 1, 1), datetime(2099, 12, 31)), st.integers(0, 999_999))
def test_times_ids_and_line_numbers_stay(moment: datetime, small: int) -> None:
    line = f"outbox {small}: retry at {moment} (451 4.7.1 greylisted), line {small}, in send"
    assert mask(line) == line


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-22",
        "at 2026-11-22T15:40:12.123456+00:00 again",
        "3 2026-11-22 4",
        "18:05",
        'File "/app/bot/app.py", line 12345, in run',
        "127.0.0.1:54321",
        "550 5.7.1 relaying denied",
        "+1***0142",
        "@bob_smith in Server name",
        "texts per minute: 60",
    ],
)
def test_what_is_no_number_stays(line: str) -> None:
    assert mask(line) == line


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        (f"sent to {ADDRESS}.", "sent to <address>"),
        ("to <bot+abc@example.org>, ok", "to <<address>>, ok"),
        ('"odd name"@example.org', "<address>"),
        ("b'RCPT TO:<2065550142@vtext.com>\\r\\n'", "b'RCPT TO:<<address>>\\r\\n'"),
        (f"key {KEY} and {SEALED}", "key <key> and <encrypted>"),
        (f"login {BOT_TOKEN}", "login <token>"),
        ("/webhooks/123456789012345678/aW50ZXJhY3Rpb246MTI/x", "/webhooks/123456789012345678/<token>/x"),
        ("postgresql+psycopg://bot:pass@db.example.org/x", "postgresql+psycopg://<account>@db.example.org/x"),
        ("\u0662\u0660\u0666\u0665\u0665\u0665\u0660\u0661\u0664\u0662", "<number>"),
        ("123456789012345678 2065550142 2026-11-22", "123456789012345678 <number> 2026-11-22"),
    ],
)  # fmt: skip
def test_what_must_not_be_seen_is_named_instead(line: str, masked: str) -> None:
    assert mask(line) == masked


@given(st.text(max_size=60))
def test_any_words_are_one_line(words: str) -> None:
    record = logging.LogRecord("bot", logging.INFO, __file__, 1, words, None, None)
    configure("text", "info")
    assert len(logging.getLogger().handlers[0].format(record).splitlines()) == 1


def test_text_says_when_how_grave_and_who(capsys: pytest.CaptureFixture[str]) -> None:
    configure("text", "info")
    logging.getLogger("bot.relay").info("outbox %d: sent\r\nnext", 42)
    line = capsys.readouterr().err
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO bot\.relay: outbox 42: sent\\r\\nnext\n", line
    )


def test_json_says_the_same_as_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json", "info")
    try:
        raise ValueError("why\u2028")
    except ValueError:
        logging.getLogger("bot.relay").warning("outbox %d", 42, exc_info=True, stack_info=True)
    written = capsys.readouterr().err
    assert len(written.splitlines()) == 1
    shown = json.loads(written)
    assert (shown["level"], shown["from"], shown["says"]) == ("warning", "bot.relay", "outbox 42")
    assert "ValueError: why" in shown["trace"]
    assert "Stack (most recent call last)" in shown["trace"]


def test_times_are_utc() -> None:
    configure("text", "info")
    record = logging.LogRecord("bot", logging.INFO, __file__, 1, "x", None, None)
    record.created, record.msecs = 0.25, 250
    assert logging.getLogger().handlers[0].format(record) == "1970-01-01T00:00:00.250Z INFO bot: x"


def test_libraries_never_say_payloads(capsys: pytest.CaptureFixture[str]) -> None:
    configure("text", "debug")
    for name in ("discord.http", "aiosmtplib", "asyncio", "aiosqlite"):
        logging.getLogger(name).debug("payload")
    logging.getLogger("sqlalchemy.engine.Engine").info("SELECT payload")
    logging.getLogger("bot.relay").debug("ours")
    written = capsys.readouterr().err
    assert "payload" not in written
    assert "ours" in written


def test_configuring_again_replaces(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json", "info")
    configure("text", "error")
    logging.getLogger("bot").warning("quiet")
    logging.getLogger("bot").error("once")
    written = capsys.readouterr().err
    assert written.count("once") == 1
    assert "quiet" not in written


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("discord.client", "Attempting a reconnect in %.2fs"),
        ("discord.shard", "Attempting a reconnect for shard ID %s in %.2fs"),
        ("discord.shard", "Failed to connect for shard_id: %s. Retrying..."),
    ],
)
def test_a_reconnect_of_discord_is_one_short_line(
    capsys: pytest.CaptureFixture[str], source: str, words: str, log_format: str
) -> None:
    configure(log_format, "info")
    try:
        raise ConnectionResetError("peer")
    except ConnectionResetError:
        logging.getLogger(source).exception(words, *(1.5 for _ in range(words.count("%"))))
    (line,) = capsys.readouterr().err.splitlines()
    assert words.partition("%")[0] in line
    assert "(ConnectionResetError)" in line
    assert "Traceback" not in line
    assert len(line) < 200


@pytest.mark.parametrize("source", ["discord.client", "bot.discord_role"])
def test_every_other_error_keeps_its_trace(capsys: pytest.CaptureFixture[str], source: str) -> None:
    configure("text", "info")
    try:
        raise ConnectionResetError("peer")
    except ConnectionResetError:
        logging.getLogger(source).exception("Ignoring exception in on_ready")
    assert "Traceback" in capsys.readouterr().err


def test_what_discord_says_at_every_start_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure("text", "debug")
    logger = logging.getLogger("discord.client")
    logger.warning("PyNaCl is not installed, voice will NOT be supported")
    logger.warning("davey is not installed, voice will NOT be supported")
    logger.info("logging in using static token")
    assert capsys.readouterr().err == ""
    logger.warning("something else")
    assert "something else" in capsys.readouterr().err
