"""Settings: read, checked all at once, never printed."""

import base64
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.config import CHECKOUT, Config, ConfigError, Role, load, load_one
from bot.domain.limits import Limits, Rate

# Always the same: they are part of tests' names, on which every worker must agree.
KEY, OTHER_KEY = (base64.urlsafe_b64encode(bytes([letter]) * 32).decode() for letter in b"ab")
ENOUGH = {
    "DISCORD_TOKEN": "canary-token",
    "SECRET_KEY": KEY,
    "SMTP_HOST": "smtp.example.org",
    "SMTP_FROM": "bot@example.org",
}


def config_of(**settings: str) -> Config:
    return load({**ENOUGH, **settings}, dotenv=None)


def problems_of(env: dict[str, str], dotenv: Path | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(env, dotenv=dotenv)
    return caught.value.problems


def test_what_is_required_is_enough() -> None:
    config = config_of()
    assert (config.discord_token, config.secret_keys) == ("canary-token", (KEY,))
    assert (config.smtp.host, config.smtp.port, config.smtp.security) == ("smtp.example.org", 587, "starttls")
    assert (config.smtp.username, config.smtp.password, config.smtp.rate) == (None, None, None)
    assert (config.smtp.connections, config.smtp.pipelining, config.gateway_rate) == (4, True, 60)
    assert config.discord_api_url == "https://discord.com/api/v10"
    assert config.database_url == f"sqlite+aiosqlite:///{CHECKOUT}/textbridge.db"
    assert config.text_expires == timedelta(hours=12)
    assert config.limits == Limits()
    assert config.roles == frozenset(Role)
    assert config.imap is config.http_listen is config.reply_address is config.abuse_contact is None
    assert (config.default_country, config.log_format, config.log_level) == ("US", "text", "info")
    assert config.warnings == ()


def test_every_missing_setting_is_named_at_once() -> None:
    assert [line.partition(":")[0] for line in problems_of({})] == [
        "DISCORD_TOKEN", "SECRET_KEY", "SMTP_HOST", "SMTP_FROM",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "written", "attribute", "value"),
    [
        ("DISCORD_API_URL", "http://127.0.0.1:8080/api/v10/", "discord_api_url", "http://127.0.0.1:8080/api/v10"),
        ("DISCORD_API_URL", "http://[::1]:8080", "discord_api_url", "http://[::1]:8080"),
        ("DISCORD_API_URL", "http://localhost:1", "discord_api_url", "http://localhost:1"),
        ("DISCORD_DEV_GUILD_ID", "123456789012345678", "discord_dev_guild_id", 123456789012345678),
        ("DATABASE_URL", "postgres://u:p@h/d", "database_url", "postgresql+psycopg://u:p@h/d"),
        ("DATABASE_URL", "postgresql://h/d?sslmode=require", "database_url", "postgresql+psycopg://h/d?sslmode=require"),
        ("DATABASE_URL", "postgresql+psycopg:///d?host=/run", "database_url", "postgresql+psycopg:///d?host=/run"),
        ("DATABASE_URL", "sqlite:///a/b.db", "database_url", f"sqlite+aiosqlite:///{CHECKOUT}/a/b.db"),
        ("DATABASE_URL", "sqlite+aiosqlite:////var/b.db", "database_url", "sqlite+aiosqlite:////var/b.db"),
        ("SECRET_KEY", f"{KEY}, {OTHER_KEY}", "secret_keys", (KEY, OTHER_KEY)),
        ("GATEWAY_RATE", "0", "gateway_rate", 0),
        ("TEXT_EXPIRES", "90m", "text_expires", timedelta(minutes=90)),
        ("TEXT_EXPIRES", "2d", "text_expires", timedelta(days=2)),
        ("LIMITS", "off", "limits", None),
        ("LIMITS", "codes=3/d, sender=1/s", "limits",
         Limits(codes=Rate(3, timedelta(days=1)), sender=Rate(1, timedelta(seconds=1)))),
        ("REPLY_ADDRESS", "{token}@sms.example.org", "reply_address", "{token}@sms.example.org"),
        ("TEXTBRIDGE_ROLES", "relay, INBOX", "roles", frozenset({Role.RELAY, Role.INBOX})),
        ("DEFAULT_COUNTRY", "gb", "default_country", "GB"),
        ("CARRIER_EDITORS", "123456789012345678,223456789012345678", "carrier_editors",
         frozenset({123456789012345678, 223456789012345678})),
        ("GATEWAY_DOMAINS", "SMS.example.org, txt.example.net", "gateway_domains",
         frozenset({"sms.example.org", "txt.example.net"})),
        ("HTTP_LISTEN", "127.0.0.1:8080", "http_listen", ("127.0.0.1", 8080)),
        ("HTTP_LISTEN", "[::1]:8080", "http_listen", ("::1", 8080)),
        ("HTTP_LISTEN", "off", "http_listen", None),
        ("LOG_FORMAT", "JSON", "log_format", "json"),
        ("LOG_LEVEL", "debug", "log_level", "debug"),
    ],
)  # fmt: skip
def test_a_setting_is_understood(name: str, written: str, attribute: str, value: object) -> None:
    assert getattr(config_of(**{name: written}), attribute) == value


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("DISCORD_TOKEN", "Bot canary"),
        ("DISCORD_TOKEN", "canary\u00e9"),
        ("DISCORD_API_URL", "http://canary.example.org/api"),
        ("DISCORD_API_URL", "ftp://canary.example.org"),
        ("DISCORD_API_URL", "https://name:canary@discord.com/api"),
        ("DISCORD_API_URL", "https://canary.example.org:port"),
        ("DISCORD_API_URL", "https://"),
        ("DISCORD_DEV_GUILD_ID", "canary"),
        ("DATABASE_URL", "mysql://canary/d"),
        ("DATABASE_URL", "sqlite+aiosqlite://"),
        ("DATABASE_URL", "sqlite+aiosqlite:///:memory:"),
        ("DATABASE_URL", "postgresql://"),
        ("SECRET_KEY", "canary"),
        ("SECRET_KEY", f"{KEY},"),
        ("SECRET_KEY", f"{KEY},{KEY}"),
        ("SMTP_HOST", "https://canary.example.org"),
        ("SMTP_HOST", "canary.example.org:587"),
        ("SMTP_HOST", "can ary"),
        ("SMTP_PORT", "0"),
        ("SMTP_PORT", "65536"),
        ("SMTP_PORT", "\u0665\u0668\u0667"),
        ("SMTP_SECURITY", "canary"),
        ("SMTP_PIPELINING", "on"),
        ("SMTP_FROM", "Canary <bot@example.org>"),
        ("SMTP_FROM", "canary"),
        ("SMTP_FROM", "b\u00f6t@example.org"),
        ("SMTP_FROM", "bot@example.org\r\nBcc: x@example.org"),
        ("SMTP_FROM", f"{'b' * 65}@example.org"),
        ("SMTP_FROM", "bot@example..org"),
        ("SMTP_CONNECTIONS", "0"),
        ("SMTP_RATE", "-1"),
        ("GATEWAY_RATE", "1.5"),
        ("TEXT_EXPIRES", "canary"),
        ("TEXT_EXPIRES", "0h"),
        ("TEXT_EXPIRES", "31d"),
        ("SMTP_CA_FILE", "canary.pem"),
        ("LIMITS", "sender=canary"),
        ("LIMITS", "sender=0/h"),
        ("LIMITS", "canary=3/h"),
        ("LIMITS", "sender=3/h,sender=4/h"),
        ("REPLY_ADDRESS", "canary@example.org"),
        ("REPLY_ADDRESS", "bot@{token}.example.org"),
        ("REPLY_ADDRESS", "{token}{token}@example.org"),
        ("REPLY_ADDRESS", "{token}{x}@example.org"),
        ("IMAP_SECURITY", "starttls"),
        ("TRUSTED_AUTHSERV", "can ary"),
        ("ABUSE_CONTACT", "canary\x1b[2J"),
        ("TEXTBRIDGE_ROLES", "relay,canary"),
        ("TEXTBRIDGE_ROLES", ","),
        ("DEFAULT_COUNTRY", "canary"),
        ("CARRIER_EDITORS", "canary"),
        ("GATEWAY_DOMAINS", "canary"),
        ("GATEWAY_DOMAINS", "x@canary.org"),
        ("HTTP_LISTEN", "canary"),
        ("HTTP_LISTEN", "::1:8080"),
        ("HTTP_LISTEN", "127.0.0.1:99999"),
        ("LOG_FORMAT", "canary"),
        ("LOG_LEVEL", "canary"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not(name: str, written: str) -> None:
    problems = problems_of({**ENOUGH, name: written})
    assert [line.partition(":")[0] for line in problems] == [name]
    assert "canary" not in problems[0].lower()
    assert "\n" not in problems[0]


def test_all_mistakes_come_together() -> None:
    wrong = {"SMTP_PORT": "x", "LIMITS": "x", "SMTP_SECURITY": "none", "DYNO": "worker.1", "LOG_LEVEL": "x"}
    names = {line.partition(":")[0] for line in problems_of({**ENOUGH, **wrong, "SMTP_FROM": ""})}
    assert names == {"SMTP_PORT", "LIMITS", "SMTP_SECURITY", "DATABASE_URL", "LOG_LEVEL", "SMTP_FROM"}


def test_an_empty_value_is_no_value() -> None:
    assert config_of(SMTP_PORT="", SMTP_USERNAME=" ").smtp.port == 587


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_mail_without_tls_stays_on_this_machine(host: str) -> None:
    assert config_of(SMTP_HOST=host, SMTP_SECURITY="none").smtp.security == "none"


@pytest.mark.parametrize("host", ["smtp.example.org", "10.0.0.1", "localhost.example.org", "0.0.0.0"])
def test_mail_without_tls_never_leaves_it(host: str) -> None:
    assert len(problems_of({**ENOUGH, "SMTP_HOST": host, "SMTP_SECURITY": "none"})) == 1
    assert len(problems_of({**ENOUGH, **IMAP, "IMAP_HOST": host, "IMAP_SECURITY": "none"})) == 1


def test_a_sender_too_long_for_a_plus_address_needs_another_for_answers() -> None:
    long = {"SMTP_FROM": f"{'b' * 40}@example.org"}
    assert config_of(**long).imap is None
    (problem,) = problems_of({**ENOUGH, **IMAP, **long})
    assert problem.startswith("REPLY_ADDRESS: ")
    assert config_of(**IMAP, **long, REPLY_ADDRESS="b+{token}@example.org").imap is not None
    assert config_of(**IMAP, SMTP_FROM=f"{'b' * 31}@example.org").imap is not None


IMAP = {"IMAP_HOST": "imap.example.org", "SMTP_USERNAME": "bot", "SMTP_PASSWORD": "canary"}


def test_the_mailbox_has_the_account_of_the_mail_server_unless_told() -> None:
    imap = config_of(**IMAP).imap
    assert imap is not None
    assert (imap.username, imap.password, imap.port, imap.security, imap.folder) == (
        "bot",
        "canary",
        993,
        "tls",
        "INBOX",
    )
    other = config_of(**IMAP, IMAP_USERNAME="box", IMAP_PASSWORD="other", IMAP_FOLDER="Texts").imap
    assert other is not None
    assert (other.username, other.password, other.folder) == ("box", "other", "Texts")


def test_half_an_account_is_none() -> None:
    assert len(problems_of({**ENOUGH, "SMTP_USERNAME": "bot"})) == 1
    assert len(problems_of({**ENOUGH, "SMTP_PASSWORD": "canary"})) == 1
    assert len(problems_of({**ENOUGH, "IMAP_HOST": "imap.example.org"})) == 2


def test_a_store_that_forgets_is_refused_on_a_dyno() -> None:
    assert problems_of({**ENOUGH, "DYNO": "worker.1"})[0].startswith("DATABASE_URL: ")
    assert (
        config_of(DYNO="worker.1", DATABASE_URL="postgres://h/d").database_url == "postgresql+psycopg://h/d"
    )


def written(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return path


def test_a_file_holds_a_value(tmp_path: Path) -> None:
    file = written(tmp_path / "token", "from-file\n")
    env = {name: value for name, value in ENOUGH.items() if name != "DISCORD_TOKEN"}
    assert load({**env, "DISCORD_TOKEN_FILE": str(file)}, dotenv=None).discord_token == "from-file"


@pytest.mark.parametrize("name", ["SMTP_PORT", "LIMITS", "DEFAULT_COUNTRY"])
def test_every_setting_may_come_from_a_file_and_is_checked(tmp_path: Path, name: str) -> None:
    file = written(tmp_path / "value", "canary!")
    assert [line.partition(":")[0] for line in problems_of({**ENOUGH, f"{name}_FILE": str(file)})] == [name]


def test_a_file_that_is_missing_empty_or_one_too_many_is_told(tmp_path: Path) -> None:
    env = {name: value for name, value in ENOUGH.items() if name != "DISCORD_TOKEN"}
    missing = problems_of({**env, "DISCORD_TOKEN_FILE": str(tmp_path / "canary")})
    assert [line.partition(":")[0] for line in missing] == ["DISCORD_TOKEN_FILE"]
    assert "canary" not in missing[0]
    empty = written(tmp_path / "empty", "\n")
    assert len(problems_of({**env, "DISCORD_TOKEN_FILE": str(empty)})) == 1
    assert len(problems_of({**ENOUGH, "DISCORD_TOKEN_FILE": str(empty)})) == 1


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    token = written(tmp_path / "token", "from-file")
    lines = [
        *(f"{name}='{value}'" for name, value in ENOUGH.items()),
        "SMTP_PORT=465",
        "SMTP_PASSWORD='a$b${HOME}#c'",
    ]
    dotenv = written(tmp_path / ".env", "\n".join([*lines, "export SMTP_USERNAME=bot"]))
    assert load({}, dotenv).smtp.port == 465
    assert load({}, dotenv).smtp.password == "a$b${HOME}#c"
    assert load({"SMTP_PORT": "2525", "SMTP_HOST": ""}, dotenv).smtp.port == 2525
    assert load({"DISCORD_TOKEN_FILE": str(token)}, dotenv).discord_token == "from-file"


def test_a_file_without_settings_is_no_mistake(tmp_path: Path) -> None:
    assert load(ENOUGH, tmp_path / "absent").smtp.port == 587


def test_open_files_are_warned_of(tmp_path: Path) -> None:
    dotenv = written(tmp_path / ".env", "SMTP_PORT=465\n", 0o644)
    assert ["chmod 600" in line for line in load(ENOUGH, dotenv).warnings] == [True]
    secret = written(tmp_path / "canary", "bot", 0o640)
    env = {**ENOUGH, "SMTP_USERNAME_FILE": str(secret), "SMTP_PASSWORD": "x"}
    assert ["SMTP_USERNAME_FILE" in line for line in load(env, dotenv=None).warnings] == [True]
    dotenv.chmod(0o600)
    secret.chmod(0o600)
    assert load({**env, "SMTP_PORT": ""}, dotenv).warnings == ()


def test_a_misspelt_setting_is_told_and_no_secret_is_shown(tmp_path: Path) -> None:
    lines = [
        "# mine",
        "SMTP_PROT=465",
        "",
        "canary-secret",
        "canary=x",
        "CANARYCANARYCANARY=",
        "=x",
        "LOG_LEVEL=info",
    ]
    assert problems_of(ENOUGH, written(tmp_path / ".env", "\n".join(lines))) == [
        "SMTP_PROT: there is no such setting; see .env.example",
        ".env line 4 cannot be read; write NAME=value",
        ".env line 5 is no setting of this bot; see .env.example",
        ".env line 6 is no setting of this bot; see .env.example",
        ".env line 7 cannot be read; write NAME=value",
    ]
    assert load({**ENOUGH, "SMTP_PROT": "465"}, None).smtp.port == 587


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_bytes(b"\xff\xfe\x00")
    dotenv.chmod(0o600)
    assert [line.partition(":")[0] for line in problems_of(ENOUGH, dotenv)] == [".env"]


def test_secrets_are_not_in_the_repr() -> None:
    config = config_of(**IMAP, DATABASE_URL="postgres://u:canary@h/d")
    assert "canary" not in repr(config)
    assert KEY not in repr(config)
    assert "canary-token" in repr({"planted": config.discord_token})


def test_one_setting_can_be_read_alone() -> None:
    env: dict[str, Any] = {"DISCORD_TOKEN": "canary-token", "SMTP_PORT": "wrong"}
    assert load_one("DISCORD_TOKEN", env, None) == "canary-token"
    assert load_one("SMTP_HOST", {"SMTP_HOST": "h"}, None) == "h"
    with pytest.raises(ConfigError) as caught:
        load_one("SMTP_PORT", env, None)
    assert len(caught.value.problems) == 1
    with pytest.raises(ConfigError):
        load_one("DISCORD_TOKEN", {}, None)
