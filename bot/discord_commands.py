"""Give Discord the commands where they changed, and take away those that earlier settings gave elsewhere."""

import hashlib
import json
import logging
from typing import Any

import discord
from discord import app_commands
from discord.http import Route

from bot.services.desk import Desk
from bot.services.synced import changed_since_sync, forget_synced, note_synced, synced_elsewhere

_log = logging.getLogger(__name__)
_MAY_PASS = frozenset({401, 429, 500, 502, 503, 504})
_RATE_LIMITED = 429


async def sync(
    client: discord.Client, tree: app_commands.CommandTree[Any], desk: Desk, guild_id: int | None
) -> None:
    """Offer the commands in one guild, or everywhere; raises HTTPException where another try may do."""
    guild = discord.Object(guild_id) if guild_id is not None else None
    if guild is not None:
        tree.copy_global_to(guild=guild)
    payload: list[Any] = [command.to_dict(tree) for command in tree.get_commands(guild=guild)]
    if await _give(client, desk, guild_id, payload):
        await _take_away_elsewhere(client, desk, guild_id)


async def _give(client: discord.Client, desk: Desk, guild_id: int | None, payload: list[Any]) -> bool:
    """Give them where they changed or Discord lost them; False where it refuses them."""
    application_id = client.application_id or 0
    digest = hashlib.sha256(json.dumps(payload, sort_keys=True, default=str).encode()).hexdigest()
    changed = await desk.read(changed_since_sync, application_id, guild_id, digest)
    if not changed and await _all_there(client, guild_id, payload):
        return True
    try:
        await client.http.request(_route("PUT", client, guild_id), json=payload)
    except discord.HTTPException as refused:
        if refused.status in _MAY_PASS - {_RATE_LIMITED}:
            raise
        hint = "; add the bot to the server of DISCORD_DEV_GUILD_ID and restart it" if guild_id else ""
        _log.error("discord: it refused the commands (%d, code %d)%s", refused.status, refused.code, hint)
        return False
    await desk.write(note_synced, application_id, guild_id, digest)
    _log.info("discord: synced %d commands", len(payload))
    return True


async def _all_there(client: discord.Client, guild_id: int | None, payload: list[Any]) -> bool:
    try:
        there = await client.http.request(_route("GET", client, guild_id))
    except discord.HTTPException:
        return False  # then give them again: that does no harm
    return {command.get("name") for command in there} >= {command["name"] for command in payload}


async def _take_away_elsewhere(client: discord.Client, desk: Desk, guild_id: int | None) -> None:
    """Empty the places that this store remembers from other settings: each command would show twice."""
    application_id = client.application_id or 0
    for place in await desk.read(synced_elsewhere, application_id, guild_id):
        try:
            await client.http.request(_route("PUT", client, place), json=[])
        except discord.HTTPException as refused:
            _log.warning("discord: it kept commands of earlier settings (%d)", refused.status)
            if refused.status in _MAY_PASS:
                continue  # the next start tries again; a server that the bot has left never will
        await desk.write(forget_synced, application_id, place)


def _route(method: str, client: discord.Client, guild_id: int | None) -> Route:
    within = f"/guilds/{guild_id}" if guild_id is not None else ""
    return Route(method, f"/applications/{client.application_id}{within}/commands")
