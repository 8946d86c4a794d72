"""Tell people what is due: edit an answer, show a phone's answer in a channel, write a DM."""

import asyncio
import logging
import time

import aiohttp
import discord
from discord.http import Route

from bot.commands.answers import NO_PINGS, shortened
from bot.commands.telling import say
from bot.domain.reply import Reply
from bot.services.desk import Desk
from bot.services.notices import Telling, Told

_log = logging.getLogger(__name__)
# Discord's error codes, from its "Opcodes and Status Codes" page.
_UNKNOWN_WEBHOOK, _UNKNOWN_INTERACTION, _INVALID_WEBHOOK_TOKEN, _UNKNOWN_ANSWER = 10015, 10062, 50027, 10008
_ANSWER_GONE = frozenset({_UNKNOWN_WEBHOOK, _UNKNOWN_INTERACTION, _INVALID_WEBHOOK_TOKEN, _UNKNOWN_ANSWER})
_DMS_CLOSED = frozenset({50007, 50278, 10013})
# Asking again and again gets the whole address banned from Discord's API.
REMEMBER_CLOSED_S = 3600
# One slow answer must not keep everybody else's news back.
TELL_WITHIN_S = 30.0


class Voice:
    """Says what is due through a client that is logged in; `owners` hear what the operator is told."""

    def __init__(self, client: discord.Client, desk: Desk, owners: list[int]) -> None:
        self._client, self._desk, self._owners = client, desk, owners
        self._closed_dms: dict[int, float] = {}

    async def tell(self, telling: Telling) -> Told:
        """Edit the answer where it can be, else write a DM where the notice is worth one."""
        try:
            async with asyncio.timeout(TELL_WITHIN_S):
                return await self._tell(telling)
        except (discord.DiscordServerError, discord.RateLimited, aiohttp.ClientError, OSError) as away:
            _log.info("discord: telling is put off (%s)", type(away).__name__)
            return Told.LATER
        except discord.HTTPException as refused:
            _log.warning("discord: telling was refused (%d, code %d)", refused.status, refused.code)
            return Told.LATER if refused.status in (401, 429) else Told.CLOSED

    async def _tell(self, telling: Telling) -> Told:
        if telling.answer is not None and await self._edit(telling.answer.token, telling.words):
            return Told.TOLD
        if not telling.by_dm:
            return Told.TOLD
        if telling.reply is not None and await self._show(telling, telling.reply):
            return Told.TOLD
        if telling.person_id < 0:
            return await self._tell_admins(-telling.person_id, telling)
        people = [telling.person_id] if telling.person_id else self._owners
        outcomes = [await self._write(person, telling) for person in people]
        return Told.TOLD if Told.TOLD in outcomes else Told.CLOSED

    async def _show(self, telling: Telling, reply: Reply) -> bool:
        """Show an answer in the channel of its text where both sides want that; else it goes by DM."""
        if reply.channel_id is None or reply.held or not reply.proven:
            return False
        await self._desk.refresh()
        if not self._desk.shelf.policies.of(reply.guild_id).answers_here:
            return False
        channel = self._client.get_partial_messageable(reply.channel_id, guild_id=reply.guild_id)
        once = telling.once or None
        try:
            # Whoever left the server would never read it there.
            await self._client.http.get_member(reply.guild_id, reply.to_id)
            pings = discord.AllowedMentions(users=[discord.Object(reply.to_id)], everyone=False, roles=False)
            await say(channel.send, telling, in_channel=True, allowed_mentions=pings, nonce=once)
        except (discord.Forbidden, discord.NotFound) as closed:
            _log.info("discord: a channel takes no answers (code %d)", closed.code)
            return False
        return True

    async def _tell_admins(self, guild_id: int, telling: Telling) -> Told:
        """Post where a server's admins want to read it, else write its owner, who is one of them."""
        await self._desk.refresh()
        log = self._desk.shelf.policies.of(guild_id).log_channel
        if log is not None:
            try:
                channel = self._client.get_partial_messageable(log, guild_id=guild_id)
                await channel.send(shortened(telling.words), allowed_mentions=NO_PINGS, suppress_embeds=True)
            except (discord.Forbidden, discord.NotFound) as closed:
                _log.info("discord: a server's log channel takes no reports (code %d)", closed.code)
            else:
                return Told.TOLD
        guild = self._client.get_guild(guild_id)
        return await self._write(guild.owner_id, telling) if guild and guild.owner_id else Told.CLOSED

    async def _edit(self, token: str, words: str) -> bool:
        # Needs no more than application id and token, so it works after a restart too.
        route = Route(
            "PATCH",
            "/webhooks/{webhook_id}/{webhook_token}/messages/@original",
            webhook_id=self._client.application_id or 0,
            webhook_token=token,
        )
        content = {"content": shortened(words), "allowed_mentions": NO_PINGS.to_dict()}
        try:
            await self._client.http.request(route, json=content)
        except discord.HTTPException as gone:
            if gone.code in _ANSWER_GONE or gone.status in (401, 403, 404):
                return False
            raise
        return True

    async def _write(self, person_id: int, telling: Telling) -> Told:
        if self._closed_dms.get(person_id, 0.0) > time.monotonic():
            return Told.CLOSED
        try:
            channel = await self._client.create_dm(discord.Object(person_id))
            # Discord shows one post of those that it takes under the same nonce within some minutes.
            await say(channel.send, telling, nonce=telling.once or None)
        except discord.HTTPException as closed:
            if closed.code not in _DMS_CLOSED:
                raise
            self._forget_old_closed()
            self._closed_dms[person_id] = time.monotonic() + REMEMBER_CLOSED_S
            return Told.CLOSED
        return Told.TOLD

    def _forget_old_closed(self) -> None:
        now = time.monotonic()
        self._closed_dms = {person: until for person, until in self._closed_dms.items() if until > now}
