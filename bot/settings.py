"""The table of settings: name, how it is written, default, and one line of explanation."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bot.domain import setting as rule
from bot.domain.limits import parse_duration, parse_limits

CHECKOUT = Path(__file__).resolve().parents[1]
_POSTGRES = {"postgres", "postgresql", "postgresql+psycopg"}
_SQLITE = {"sqlite", "sqlite+aiosqlite"}


class Role(StrEnum):
    """What a process does."""

    DISCORD = "discord"
    RELAY = "relay"
    INBOX = "inbox"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, also read from the file that NAME_FILE names; `rule` raises ValueError with what to do."""

    name: str
    rule: Callable[[str], object]
    default: str
    explanation: str
    required: bool = False


def database_url(written: str) -> str:
    """Read the store's URL and name its driver; a relative SQLite path means the checkout."""
    scheme, _, rest = written.partition("://")
    if not written.isprintable():
        rest = ""
    if scheme in _POSTGRES and rest.strip("/"):
        return f"postgresql+psycopg://{rest}"
    path, mark, query = rest.removeprefix("/").partition("?")
    if scheme not in _SQLITE or not rest.startswith("/") or path in {"", ":memory:"}:
        raise ValueError("use sqlite+aiosqlite:///file.db or postgresql://name:password@host/database")
    return f"sqlite+aiosqlite:///{CHECKOUT / path}{mark}{query}"


def _ca_file(written: str) -> str:
    path = CHECKOUT / written
    if not path.is_file():
        raise ValueError("name a PEM file that exists")
    return str(path)


def _pipelining(written: str) -> bool:
    return rule.choice("auto", "off")(written) == "auto"


def _process(written: str) -> bool:
    return rule.choice("auto", "off")(written) == "auto"


def _roles(written: str) -> frozenset[Role]:
    roles = rule.each(rule.choice(*Role))(written)
    if not roles:
        raise ValueError("name at least one of discord, relay, inbox")
    return frozenset(map(Role, roles))


SETTINGS = (
    Setting(
        "DISCORD_TOKEN",
        rule.token,
        "",
        "The bot's token: Discord's developer portal, Bot > Reset Token.",
        True,
    ),
    Setting(
        "DISCORD_API_URL",
        rule.api_url,
        "https://discord.com/api/v10",
        "Base of Discord's HTTP API; for compatible servers. https, or http to this machine.",
    ),
    Setting(
        "DISCORD_DEV_GUILD_ID",
        rule.snowflake,
        "",
        "While developing: offer the commands in this server only, at once.",
    ),
    Setting(
        "DATABASE_URL",
        database_url,
        "sqlite+aiosqlite:///textbridge.db",
        "The store: a file in the clone's folder, or postgresql://name:password@host/database.",
    ),
    Setting(
        "SECRET_KEY",
        rule.fernet_keys,
        "",
        "Encrypts what is stored; `python3 -m bot keys new` makes one. With commas: the first encrypts.",
        True,
    ),
    Setting(
        "SMTP_HOST", rule.host, "", "The mail server that takes the texts, such as smtp.gmail.com.", True
    ),
    Setting("SMTP_PORT", rule.port, "587", "Its port: 587 for starttls, 465 for tls."),
    Setting(
        "SMTP_SECURITY",
        rule.choice("starttls", "tls", "none"),
        "starttls",
        "starttls (required, certificate checked), tls, or none (this machine only).",
    ),
    Setting("SMTP_USERNAME", rule.text, "", "The account's name; with Gmail the whole address."),
    Setting(
        "SMTP_PASSWORD", rule.text, "", "Its password; with Gmail an app password, never the account's own."
    ),
    Setting(
        "SMTP_PIPELINING",
        _pipelining,
        "auto",
        "auto uses PIPELINING where the mail server offers it; off never does.",
    ),
    Setting(
        "SMTP_PROCESS",
        _process,
        "auto",
        "auto sends from a process of its own where there are several processors; off saves its 30 MiB.",
    ),
    Setting("SMTP_FROM", rule.addr_spec, "", "The address that phones see, such as bot@example.org.", True),
    Setting(
        "SMTP_CONNECTIONS", rule.number(1, 100), "4", "Connections to the mail server that are kept open."
    ),
    Setting(
        "SMTP_RATE",
        rule.number(1, 1_000_000),
        "",
        "Texts per minute for the whole mail account; empty for no bound.",
    ),
    Setting("SMTP_CA_FILE", _ca_file, "", "A PEM file of further certificate authorities to trust for mail."),
    Setting(
        "GATEWAY_RATE",
        rule.number(0, 1_000_000),
        "60",
        "Texts per minute to one gateway's domain; 0 for no bound.",
    ),
    Setting(
        "TEXT_EXPIRES", parse_duration, "12h", "A text this long past due is not sent any more: 90m, 12h, 2d."
    ),
    Setting(
        "LIMITS",
        parse_limits,
        "sender=30/h,pair=20/h,recipient=60/h,guild=600/h,codes=20/h",
        "This deployment's bounds (per s, m, h, d); the unnamed keep their default; off for load tests; "
        "deployment=5000/h bounds all texts.",
    ),
    Setting(
        "REPLY_ADDRESS",
        rule.reply_address,
        "",
        "Where answers go: bot+{token}@example.org or {token}@sms.example.org; empty: SMTP_FROM with a plus.",
    ),
    Setting(
        "IMAP_HOST",
        rule.host,
        "",
        "The mailbox that replies and bounces reach, such as imap.gmail.com; empty: none is read.",
    ),
    Setting("IMAP_PORT", rule.port, "993", "Its port."),
    Setting(
        "IMAP_SECURITY",
        rule.choice("tls", "none"),
        "tls",
        "tls (certificate checked), or none (this machine only).",
    ),
    Setting("IMAP_USERNAME", rule.text, "", "The mailbox's account; empty: SMTP_USERNAME."),
    Setting("IMAP_PASSWORD", rule.text, "", "Its password; empty: SMTP_PASSWORD."),
    Setting(
        "IMAP_FOLDER", rule.text, "INBOX", "The folder to read; what is not the bot's in it stays as it is."
    ),
    Setting(
        "TRUSTED_AUTHSERV",
        rule.host,
        "",
        "What the mailbox's server calls itself in Authentication-Results, such as mx.google.com.",
    ),
    Setting(
        "ABUSE_CONTACT",
        rule.text,
        "",
        "Whom /help names for reports of abuse; empty: the owner.",
    ),
    Setting(
        "TEXTBRIDGE_ROLES", _roles, "discord,relay,inbox", "What this process does; inbox reads the mailbox."
    ),
    Setting(
        "DEFAULT_COUNTRY", rule.country, "US", "The country of numbers written without one, as two letters."
    ),
    Setting(
        "CARRIER_EDITORS",
        rule.each(rule.snowflake),
        "",
        "Discord ids that may edit the carriers for everyone, beside the application's owner and team.",
    ),
    Setting(
        "GATEWAY_DOMAINS",
        rule.each(rule.domain),
        "",
        "Domains texts may be sent to besides those of the shipped catalogue.",
    ),
    Setting(
        "HTTP_LISTEN",
        rule.listen,
        "off",
        "Not in use yet: where /healthz, /readyz and /metrics answer, such as 127.0.0.1:8080.",
    ),
    Setting("LOG_FORMAT", rule.choice("text", "json"), "text", "text, or json with one object a line."),
    Setting(
        "LOG_LEVEL",
        rule.choice("debug", "info", "warning", "error"),
        "info",
        "debug, info, warning or error.",
    ),
)
BY_NAME = {setting.name: setting for setting in SETTINGS}
