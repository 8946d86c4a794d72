"""Environment and .env to one frozen Config; every mistake is reported in one error, no value is printed."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.domain.account import ImapConfig, SmtpConfig
from bot.domain.errors import ConfigError
from bot.domain.limits import Limits
from bot.domain.returns import default_pattern
from bot.domain.setting import is_loopback
from bot.environment import Written, gather
from bot.settings import BY_NAME, CHECKOUT, SETTINGS, Role, Setting

__all__ = [
    "SETTINGS",
    "Config",
    "ConfigError",
    "ImapConfig",
    "Role",
    "Setting",
    "SmtpConfig",
    "load",
    "load_one",
]

DOTENV = CHECKOUT / ".env"


def dotenv_path(env: Mapping[str, str]) -> Path:
    """Return where the settings are written: the checkout's .env, or the file that BOT_DOTENV names."""
    return CHECKOUT / (env.get("BOT_DOTENV") or DOTENV.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Every setting; `gateway_rate` is texts per minute and 0 for no bound, `limits` is None for off."""

    discord_token: str = field(repr=False)
    discord_api_url: str = BY_NAME["DISCORD_API_URL"].default
    discord_dev_guild_id: int | None = None
    database_url: str = field(repr=False)
    secret_keys: tuple[str, ...] = field(repr=False)
    smtp: SmtpConfig
    gateway_rate: int = 60
    text_expires: timedelta = timedelta(hours=12)
    limits: Limits | None = field(default_factory=Limits)
    reply_address: str | None = None
    imap: ImapConfig | None = None
    trusted_authserv: str | None = None
    abuse_contact: str | None = None
    roles: frozenset[Role] = frozenset(Role)
    default_country: str = "US"
    carrier_editors: frozenset[int] = frozenset()
    gateway_domains: frozenset[str] = frozenset()
    http_listen: tuple[str, int] | None = None
    log_format: str = "text"
    log_level: str = "info"
    warnings: tuple[str, ...] = ()


def load(env: Mapping[str, str] | None = None, dotenv: Path | None = DOTENV) -> Config:
    """Read and check every setting; raises ConfigError with all that is wrong."""
    env = os.environ if env is None else env
    found = gather(env, dotenv_path(env) if dotenv is DOTENV else dotenv, CHECKOUT)
    values = {setting.name: _read(setting, found) for setting in SETTINGS}
    _check_together(values, found.problems, on_dyno=bool(env.get("DYNO")))
    if found.problems:
        raise ConfigError(found.problems)
    return _build(values, tuple(found.warnings))


def load_one(name: str, env: Mapping[str, str] | None = None, dotenv: Path | None = DOTENV) -> Any:
    """Read one setting where the others do not matter; raises ConfigError where it is missing or wrong."""
    env = os.environ if env is None else env
    found = gather(env, dotenv_path(env) if dotenv is DOTENV else dotenv, CHECKOUT)
    value = _read(BY_NAME[name], found)
    problems = [line for line in found.problems if line.startswith((f"{name}:", f"{name}_FILE:"))]
    if problems:
        raise ConfigError(problems)
    return value


def _read(setting: Setting, found: Written) -> Any:
    """Turn a setting's text into its value; a mistake is noted, and no Config is built then."""
    written = found.values.get(setting.name, setting.default)
    if not written:
        noted = any(line.startswith((f"{setting.name}:", f"{setting.name}_FILE:")) for line in found.problems)
        if setting.required and not noted:
            found.problems.append(
                f"{setting.name}: it is required; run `python3 -m bot setup` or see .env.example"
            )
        return None
    try:
        return setting.rule(written)
    except ValueError as wrong:
        found.problems.append(f"{setting.name}: {wrong}")
        return None


def _check_together(values: Mapping[str, Any], problems: list[str], *, on_dyno: bool) -> None:
    """Note what is wrong between settings; one that is wrong by itself is noted already and is None here."""
    wrong = {line.partition(":")[0].removesuffix("_FILE") for line in problems}
    if on_dyno and (values["DATABASE_URL"] or "").startswith("sqlite"):
        problems.append(
            "DATABASE_URL: this host forgets its files at every restart; use a postgresql:// address"
        )
    for security, host in (("SMTP_SECURITY", "SMTP_HOST"), ("IMAP_SECURITY", "IMAP_HOST")):
        if values[security] == "none" and values[host] and not is_loopback(values[host]):
            problems.append(f"{security}: none is for a server on this machine only; use another")
    account = bool(values["SMTP_USERNAME"]), bool(values["SMTP_PASSWORD"])
    if len(set(account)) > 1 and not wrong & {"SMTP_USERNAME", "SMTP_PASSWORD"}:
        problems.append("SMTP_PASSWORD: set SMTP_USERNAME and SMTP_PASSWORD together, or neither")
    if values["IMAP_HOST"] and values["SMTP_FROM"] and not values["REPLY_ADDRESS"]:
        problem = problem_of("REPLY_ADDRESS", default_pattern(values["SMTP_FROM"]))
        if problem and "REPLY_ADDRESS" not in wrong:
            problems.append("REPLY_ADDRESS: SMTP_FROM is too long for a plus-address; set another")
    for name in ("IMAP_USERNAME", "IMAP_PASSWORD"):
        fallback = name.replace("IMAP", "SMTP")
        if values["IMAP_HOST"] and not (values[name] or values[fallback] or wrong & {name, fallback}):
            problems.append(f"{name}: a mailbox needs an account; set it, or {fallback}")


def _build(values: Mapping[str, Any], warnings: tuple[str, ...]) -> Config:
    return Config(
        discord_token=values["DISCORD_TOKEN"],
        discord_api_url=values["DISCORD_API_URL"],
        discord_dev_guild_id=values["DISCORD_DEV_GUILD_ID"],
        database_url=values["DATABASE_URL"],
        secret_keys=values["SECRET_KEY"],
        smtp=_build_smtp(values),
        gateway_rate=values["GATEWAY_RATE"],
        text_expires=values["TEXT_EXPIRES"],
        limits=values["LIMITS"],
        reply_address=values["REPLY_ADDRESS"],
        imap=_build_imap(values) if values["IMAP_HOST"] else None,
        trusted_authserv=values["TRUSTED_AUTHSERV"],
        abuse_contact=values["ABUSE_CONTACT"],
        roles=values["TEXTBRIDGE_ROLES"],
        default_country=values["DEFAULT_COUNTRY"],
        carrier_editors=values["CARRIER_EDITORS"] or frozenset(),
        gateway_domains=values["GATEWAY_DOMAINS"] or frozenset(),
        http_listen=values["HTTP_LISTEN"],
        log_format=values["LOG_FORMAT"],
        log_level=values["LOG_LEVEL"],
        warnings=warnings,
    )


def _build_smtp(values: Mapping[str, Any]) -> SmtpConfig:
    return SmtpConfig(
        host=values["SMTP_HOST"],
        port=values["SMTP_PORT"],
        security=values["SMTP_SECURITY"],
        username=values["SMTP_USERNAME"],
        password=values["SMTP_PASSWORD"],
        sender=values["SMTP_FROM"],
        connections=values["SMTP_CONNECTIONS"],
        rate=values["SMTP_RATE"],
        pipelining=values["SMTP_PIPELINING"],
        own_process=values["SMTP_PROCESS"],
        ca_file=values["SMTP_CA_FILE"],
    )


def _build_imap(values: Mapping[str, Any]) -> ImapConfig:
    return ImapConfig(
        host=values["IMAP_HOST"],
        port=values["IMAP_PORT"],
        security=values["IMAP_SECURITY"],
        username=values["IMAP_USERNAME"] or values["SMTP_USERNAME"],
        password=values["IMAP_PASSWORD"] or values["SMTP_PASSWORD"],
        folder=values["IMAP_FOLDER"],
    )


def problem_of(name: str, written: str) -> str | None:
    """Say what is wrong with one setting's text, or None."""
    found = Written(values={name: written})
    _read(BY_NAME[name], found)
    return found.problems[0].partition(": ")[2] if found.problems else None
