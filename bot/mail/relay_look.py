"""Look at the mail server as anybody may: its banner and its certificate; nobody logs in."""

import asyncio
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.domain.account import SmtpConfig
from bot.mail.door import make_tls_context

LONGEST_S = 10.0
_LONGEST_LINE_CHARS = 512
_MOST_LINES = 100


@dataclass(frozen=True, slots=True)
class RelayLook:
    """What was seen; `problem` says what went wrong, and what came before it is kept."""

    banner: str = ""
    certificate: str = ""
    days_left: int | None = None
    problem: str = ""


async def look_at_relay(config: SmtpConfig, now: datetime, longest_s: float = LONGEST_S) -> RelayLook:
    """Connect, read the banner, upgrade as the settings say, and leave."""
    seen: dict[str, Any] = {}
    try:
        async with asyncio.timeout(longest_s):
            await _look(config, now, seen)
    except ssl.SSLCertVerificationError as refused:
        seen["problem"] = f"its certificate is not accepted: {refused.verify_message}"
    except (OSError, EOFError, ValueError, asyncio.IncompleteReadError) as failed:
        seen.setdefault("problem", f"it cannot be talked to ({type(failed).__name__})")
    return RelayLook(**seen)


async def _look(config: SmtpConfig, now: datetime, seen: dict[str, Any]) -> None:
    tls = make_tls_context(config.ca_file) if config.security != "none" else None
    at_once = tls if config.security == "tls" else None
    reader, writer = await asyncio.open_connection(config.host, config.port, ssl=at_once)
    try:
        seen["banner"] = await _reply(reader)
        if not seen["banner"].startswith("2"):
            seen["problem"] = "it does not greet as a mail server that takes mail"
            return
        if config.security == "starttls" and tls is not None:
            for command in (f"EHLO {config.sender.rpartition('@')[2]}", "STARTTLS"):
                writer.write(f"{command}\r\n".encode("ascii"))
                reply = await _reply(reader)
                if not reply.startswith("2"):
                    seen["problem"] = f"it refuses {command.partition(' ')[0]}"
                    return
            await writer.start_tls(tls, server_hostname=config.host)
        seen.update(_certificate(writer.get_extra_info("peercert"), now))
    finally:
        writer.transport.abort()


async def _reply(reader: asyncio.StreamReader) -> str:
    """Read a reply; what it returns is its last line."""
    for _ in range(_MOST_LINES):
        line = (await reader.readuntil(b"\n")).decode("ascii", "replace").rstrip()
        if line[3:4] != "-":
            return "".join(char if char.isprintable() else "?" for char in line[:_LONGEST_LINE_CHARS])
    raise ValueError("a reply without an end")


def _certificate(shown: dict[str, Any] | None, now: datetime) -> dict[str, Any]:
    if not shown:
        return {}
    names = [value for pairs in shown.get("subject", ()) for kind, value in pairs if kind == "commonName"]
    names += [value for kind, value in shown.get("subjectAltName", ()) if kind == "DNS"]
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), UTC)
    return {"certificate": ", ".join(dict.fromkeys(names[:5])), "days_left": (ends - now).days}
