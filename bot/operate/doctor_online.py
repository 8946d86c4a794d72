"""Look at what the bot needs of others, mail server and Discord, without sending or connecting for real."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from bot.config import Config
from bot.domain.account import SmtpConfig
from bot.domain.outcome import Reply, Step
from bot.mail.door import Door, Timeouts
from bot.mail.relay_look import look_at_relay
from bot.operate.finding import Finding, away, fine, note, wrong

LONGEST_S = 10.0
FEW_DAYS, SMALL_SKEW_S, LARGE_SKEW_S = 14, 5.0, 60.0
_REFUSED = 401
_FEW_STARTS = 10


async def look_at_mail(config: SmtpConfig) -> list[Finding]:
    """Find the mail server's address, its banner and certificate, and log in."""
    try:
        async with asyncio.timeout(LONGEST_S):
            loop = asyncio.get_running_loop()
            await loop.getaddrinfo(config.host, config.port)
    except (OSError, UnicodeError):
        return [away("mail server's name", "SMTP_HOST is not found in the DNS")]
    found = [fine("mail server's name", "SMTP_HOST is found")]
    look = await look_at_relay(config, datetime.now(UTC), LONGEST_S)
    if look.problem:
        return [*found, away("mail server", f"it does not answer as the settings say: {look.problem}")]
    found.append(fine("mail server", f"it greets{' over TLS' if look.days_left is not None else ''}"))
    if look.days_left is not None and look.days_left < FEW_DAYS:
        found.append(note("mail server", f"its certificate ends in {look.days_left} days"))
    return [*found, await _log_in(config)]


async def _log_in(config: SmtpConfig) -> Finding:
    door = Door(config, Timeouts(connect=LONGEST_S, command=LONGEST_S))
    opened = await door.open()
    if not isinstance(opened, Reply):
        opened.wire.abort()
        how = "takes the login" if config.username else "takes mail without a login"
        return fine("mail login", f"the mail server {how}")
    if opened.step is Step.LOGIN and opened.code is not None:
        return wrong("mail login", f"the mail server refuses SMTP_USERNAME and SMTP_PASSWORD ({opened.code})")
    return away("mail login", f"the mail server broke off ({opened.code or 'no reply'})")


async def look_at_discord(config: Config) -> list[Finding]:
    """Ask Discord whether it knows the token, how often the bot may still start, and what time it is."""
    address = f"{config.discord_api_url.rstrip('/')}/gateway/bot"
    who = {"Authorization": f"Bot {config.discord_token}"}
    try:
        timeout = aiohttp.ClientTimeout(total=LONGEST_S)
        async with aiohttp.ClientSession(timeout=timeout) as http, http.get(address, headers=who) as answer:
            said: Any = await answer.json(content_type=None) if answer.ok else {}
            return list(_judged(answer.status, said, answer.headers.get("Date", "")))
    except (aiohttp.ClientError, OSError, ValueError) as failed:
        return [away("Discord", f"it cannot be reached ({type(failed).__name__})")]


def _judged(status: int, said: Any, date: str) -> Iterator[Finding]:
    if status == _REFUSED:
        yield wrong("Discord", "it refuses DISCORD_TOKEN; copy a new one from the developer portal")
    elif not isinstance(said, dict) or "url" not in said:
        yield away("Discord", f"it does not answer as Discord does ({status})")
    else:
        left = (said.get("session_start_limit") or {}).get("remaining")
        few = isinstance(left, int) and left < _FEW_STARTS
        yield (
            note("Discord", f"only {left} starts are left today")
            if few
            else fine("Discord", "it takes the token")
        )
    skew = _skew_s(date)
    if skew is not None and abs(skew) > LARGE_SKEW_S:
        yield wrong("clock", f"this machine's clock is off by {skew:.0f} s; let it follow NTP")
    elif skew is not None and abs(skew) > SMALL_SKEW_S:
        yield note("clock", f"this machine's clock is off by {skew:.0f} s")
    elif skew is not None:
        yield fine("clock", "this machine's clock is right")


def _skew_s(date: str) -> float | None:
    """Count the seconds by which our clock is ahead of a Date header."""
    try:
        return (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
    except (ValueError, TypeError):
        return None
