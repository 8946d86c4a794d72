"""/carrier import and export: the list of carriers as a CSV file."""

import asyncio
import io

import aiohttp
import discord
from discord import app_commands

from bot.commands.answers import NO_PINGS, NotAllowed, answer, hold
from bot.commands.confirm import Confirms
from bot.domain.carrier_csv import MOST_BYTES, Sheet, write_sheet
from bot.domain.errors import UserError
from bot.services import carrier_difference as words
from bot.services import carrier_import
from bot.services.carrier_change import Actor, Ask, Done
from bot.services.carrier_plan import Plan, Wrong, exported
from bot.services.desk import Desk
from bot.services.shelf import SHARED

DOWNLOAD_WITHIN_S = 20.0
# A file stays in memory until its button is pressed: an older one makes way.
MOST_WAITING = 8
_UNREAD = "Discord did not hand over the file. Please run the command again."


class CarrierFiles:
    """The two commands, which join the group of /carrier and its checks."""

    def __init__(self, desk: Desk, confirms: Confirms) -> None:
        self._desk, self._confirms = desk, confirms
        self._waiting: dict[tuple[int, int], tuple[bytes, str]] = {}

    def join(self, group: app_commands.Group) -> None:
        """Add the commands."""
        take: app_commands.Command[app_commands.Group, ..., None] = app_commands.Command(
            name="import",
            description="Import carriers from a CSV file; shows first what it changes",
            callback=self._import,
        )
        give: app_commands.Command[app_commands.Group, ..., None] = app_commands.Command(
            name="export",
            description="Export the carriers that you may change as a CSV file",
            callback=self._export,
        )
        group.add_command(take)
        group.add_command(give)

    @app_commands.describe(file="A CSV file like the one that /carrier export gives")
    async def _import(self, interaction: discord.Interaction, file: discord.Attachment) -> None:
        """Show what a file changes, and a button that does it."""
        await hold(interaction)
        content = await _content(file)
        plan = await self._plan(interaction, await carrier_import.read(content))
        if isinstance(plan, Wrong):
            raise UserError(words.problems(plan))
        if not plan.wants:
            await answer(interaction, f"{words.counted(plan)} There is nothing to import.")
            return
        key = self._keep(interaction, content, plan.digest)

        async def go_on(press: discord.Interaction, confirmed: bool) -> Done | Ask:
            return await self._carry_out(press, key)

        button = self._confirms.button(go_on, interaction.user.id)
        await answer(interaction, f"{words.shown(plan)}\nImport it?", button)

    def _keep(self, interaction: discord.Interaction, content: bytes, digest: str) -> tuple[int, int]:
        person = interaction.user.id
        older = [key for key in self._waiting if key[0] == person]
        while older or len(self._waiting) >= MOST_WAITING:
            del self._waiting[older.pop() if older else next(iter(self._waiting))]
        self._waiting[person, interaction.id] = content, digest
        return person, interaction.id

    async def _carry_out(self, press: discord.Interaction, key: tuple[int, int]) -> Done | Ask:
        if key not in self._waiting:
            raise UserError("That file is not there any more. Please run /carrier import again.")
        content, digest = self._waiting.pop(key)
        sheet = await carrier_import.read(content)
        actor, now = _actor(self._desk, press), self._desk.now()
        plan, hit = await carrier_import.carry_out(
            digest,
            lambda: self._plan(press, sheet),
            lambda plan: self._desk.change(carrier_import.write, plan, actor, now),
        )
        return Done(words.done(plan, actor, hit))

    async def _plan(self, interaction: discord.Interaction, sheet: Sheet) -> Plan | Wrong:
        desk = self._desk
        await desk.refresh()
        return await carrier_import.plan(desk.shelf, sheet, _actor(desk, interaction), desk.now())

    async def _export(self, interaction: discord.Interaction) -> None:
        """Give the file."""
        await hold(interaction)
        actor = _actor(self._desk, interaction)
        await self._desk.refresh()
        rows = await asyncio.to_thread(
            exported, self._desk.shelf, SHARED if actor.is_editor else actor.guild_id
        )
        whose = "shared carriers" if actor.is_editor else "carriers of this server's own"
        file = discord.File(io.BytesIO(await asyncio.to_thread(write_sheet, rows)), "carriers.csv")
        await interaction.edit_original_response(
            content=f"{len(rows):,} {whose}. Change the file and give it to /carrier import.",
            attachments=[file],
            allowed_mentions=NO_PINGS,
        )


def _actor(desk: Desk, interaction: discord.Interaction) -> Actor:
    if interaction.guild_id is None:
        raise NotAllowed("This works in a server only. Type it in a server.")
    person = interaction.user.id
    return Actor(person, interaction.guild_id, person in desk.editors, interaction.permissions.manage_guild)


async def _content(file: discord.Attachment) -> bytes:
    if file.size > MOST_BYTES:
        raise UserError("The file is larger than 1 MiB. Split it, and import each part.")
    try:
        async with asyncio.timeout(DOWNLOAD_WITHIN_S):
            return await file.read()
    except (discord.HTTPException, aiohttp.ClientError, OSError) as lost:
        raise UserError(_UNREAD) from lost
