"""Reach Discord, or a server that speaks as it does: which addresses are dialled, how answers are read."""

import json
import logging
import re
from typing import Any

import aiohttp
import discord.http
import discord.webhook.async_
import yarl

from bot.domain.setting import is_loopback

_log = logging.getLogger(__name__)
_HAS_VERSION = re.compile(r"/v[0-9]+$")
_ACCEPTED = 2  # Discord's membership state of a team member who said yes


class NotDiscord(Exception):
    """What answers at DISCORD_API_URL does not speak as Discord does."""


class ForbiddenAddress(Exception):
    """The server names a websocket that is neither encrypted nor on this machine."""


def read_loosely() -> None:
    """Let discord.py read JSON by what it is; it wants the bare media type, without a charset."""
    for module in (discord.http, discord.webhook.async_):
        vars(module)["json_or_text"] = json_or_text


async def json_or_text(response: aiohttp.ClientResponse) -> dict[str, Any] | str:
    """Read the body of an answer."""
    written = await response.text(encoding="utf-8")
    if written[:1] in ("{", "[") or response.content_type == "application/json":
        try:
            read: dict[str, Any] = json.loads(written)
        except ValueError:
            return written
        return read
    return written


def with_version(base: str) -> str | None:
    """Complete an API address that stops before its version, as some programs write it; else None."""
    base = base.rstrip("/")
    if _HAS_VERSION.search(base):
        return None
    return f"{base}/v10" if base.endswith("/api") else f"{base}/api/v10"


def may_dial(address: yarl.URL) -> bool:
    """Tell whether the token may go there: encrypted, or not beyond this machine."""
    if address.scheme in ("wss", "https"):
        return bool(address.host)
    return address.scheme in ("ws", "http") and is_loopback(address.host or "")


def gateway_address(answered: Any) -> yarl.URL:
    """Read the websocket's address from `GET /gateway/bot`; raises ForbiddenAddress."""
    try:
        address = yarl.URL(str(answered.get("url", "")))
    except ValueError:
        address = yarl.URL()
    if not may_dial(address):
        raise ForbiddenAddress
    return address


def dialled(address: yarl.URL, gateway: yarl.URL) -> yarl.URL:
    """Choose what to dial for an address that discord.py made; the gateway's own query is kept."""
    if not may_dial(address):
        # READY says where to resume, which is checked like the first address.
        _log.warning("discord: the address to resume at is not encrypted; using the first one")
    elif address.with_query(None) != gateway.with_query(None):
        return address
    return gateway.update_query(address.query)


def completed(about: dict[str, Any]) -> Any:
    """Fill in what discord.py insists on knowing of an application and this bot has no use for."""
    nobody = {"id": "0", "username": "nobody", "discriminator": "0", "avatar": None}
    unsaid = {"name": "", "description": "", "icon": None, "verify_key": ""}
    flags = {"bot_public": True, "bot_require_code_grant": False}
    return {**unsaid, **flags, **about, "owner": about.get("owner") or nobody, "team": None}


def owners_of(about: dict[str, Any]) -> list[int]:
    """Name the application's owner, or the members of its team who accepted."""
    team = about.get("team")
    if not team:
        owner = about.get("owner")
        return [int(owner["id"])] if owner else []
    members = team.get("members") or []
    return [int(one["user"]["id"]) for one in members if one.get("membership_state", _ACCEPTED) == _ACCEPTED]


def owner_handle(about: dict[str, Any]) -> str:
    """Name the application's owner as people can find them; a team's handle is nobody's."""
    return "" if about.get("team") else str((about.get("owner") or {}).get("username") or "")
