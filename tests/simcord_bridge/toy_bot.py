"""A small real discord.py bot, run as its own process, that proves the bridge before the product exists."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from typing import Any

import discord
import yarl
from discord import app_commands
from discord.http import Route

CRATES = ("apples", "apricots", "pears")


class Toy(discord.AutoShardedClient):
    """Answer a handful of commands, each in a different way."""

    def __init__(self) -> None:
        super().__init__(intents=discord.Intents(guilds=True), guild_ready_timeout=0.05)
        self.tree = app_commands.CommandTree(self)

    async def before_identify_hook(self, shard_id: int, *, initial: bool = False) -> None:
        """Skip the five seconds that Discord asks for between two shards."""

    async def setup_hook(self) -> None:
        """Register what must be known before the first interaction arrives."""
        # After an invalid session discord.py dials this address, not the one that /gateway/bot gave.
        _, url, _ = await self.http.get_bot_gateway()
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url)
        for command in COMMANDS:
            self.tree.add_command(command)
        self.tree.add_command(Depot())
        self.add_view(CodeView())
        await self.tree.sync()


@app_commands.command(description="Defer, then edit twice.")
async def slow(interaction: discord.Interaction[Toy], words: str) -> None:
    """Answer in three steps."""
    await interaction.response.defer(ephemeral=True, thinking=True)
    await interaction.edit_original_response(content=f"queued: {words}")
    await interaction.edit_original_response(content=f"sent: {words}")
    await interaction.followup.send("a private word more", ephemeral=True)


@app_commands.command(description="Tell members from outsiders.")
async def who(interaction: discord.Interaction[Toy], user: discord.User) -> None:
    """Use the annotation that serves as the membership test."""
    kind = "in" if isinstance(user, discord.Member) else "not in"
    place = interaction.guild.name if interaction.guild else "a DM"
    await interaction.response.send_message(f"{user.name} is {kind} {place}", ephemeral=True)


@app_commands.command(description="Send a DM.")
async def poke(interaction: discord.Interaction[Toy], user: discord.User) -> None:
    """Say whether the DM went."""
    await interaction.response.defer(ephemeral=True)
    try:
        await user.send(f"{interaction.user.name} pokes you")
    except discord.Forbidden as refusal:
        await interaction.edit_original_response(content=f"refused with {refusal.code}")
    else:
        await interaction.edit_original_response(content="poked")


@app_commands.command(description="For admins.")
@app_commands.default_permissions(manage_guild=True)
@app_commands.guild_only()
async def locked(interaction: discord.Interaction[Toy]) -> None:
    """Check again in code what Discord only hides."""
    allowed = interaction.permissions.manage_guild
    await interaction.response.send_message("open" if allowed else "You need Manage Server.", ephemeral=True)


@app_commands.command(description="Never answer.")
async def silent(interaction: discord.Interaction[Toy]) -> None:
    """Leave the person waiting."""


@app_commands.command(description="Ask for something that SimCord does not know.")
async def gap(interaction: discord.Interaction[Toy]) -> None:
    """Call an unknown route and tell the status."""
    try:
        await interaction.client.http.request(Route("GET", "/voice/regions"))
    except discord.HTTPException as refusal:
        await interaction.response.send_message(str(refusal.status), ephemeral=True)


@app_commands.context_menu(name="Greet this person")
async def greet(interaction: discord.Interaction[Toy], target: discord.User) -> None:
    """Greet in public."""
    await interaction.response.send_message(f"hello {target.mention}")


@app_commands.context_menu(name="Keep this")
async def keep(interaction: discord.Interaction[Toy], target: discord.Message) -> None:
    """Repeat a text, which needs no privileged intent here."""
    await interaction.response.send_message(f"kept: {target.content}", ephemeral=True)


@app_commands.command(description="Weigh a file and send it back.")
async def weigh(interaction: discord.Interaction[Toy], file: discord.Attachment) -> None:
    """Download the upload and upload it again."""
    content = await file.read()
    back = discord.File(io.BytesIO(content[::-1]), filename="back.txt", description="backwards")
    await interaction.response.send_message(f"{len(content)} bytes", file=back, ephemeral=True)


COMMANDS: tuple[app_commands.Command[Any, ..., Any] | app_commands.ContextMenu, ...] = (
    slow,
    who,
    poke,
    locked,
    silent,
    gap,
    greet,
    keep,
    weigh,
)


class Depot(app_commands.Group, name="depot", description="Crates."):
    """Hold a nested group, so that options sit two levels deep."""

    crate = app_commands.Group(name="crate", description="One crate.")

    @crate.command(description="Open a crate.")
    async def open(self, interaction: discord.Interaction[Toy], kind: str) -> None:
        """Show the form."""
        await interaction.response.send_modal(CrateForm(kind))

    @open.autocomplete("kind")
    async def _kinds(
        self, interaction: discord.Interaction[Toy], typed: str
    ) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=each.title(), value=each) for each in CRATES if typed in each]


class CrateForm(discord.ui.Modal, title="Open a crate"):
    """Ask with every control that the product uses."""

    number = discord.ui.Label(text="Number", component=discord.ui.TextInput(min_length=3, max_length=20))
    size = discord.ui.Label(
        text="Size",
        component=discord.ui.Select(
            options=[discord.SelectOption(label="Small"), discord.SelectOption(label="Large")]
        ),
    )
    consent = discord.ui.Label(
        text="Consent",
        component=discord.ui.CheckboxGroup(
            required=True, options=[discord.CheckboxGroupOption(label="I agree", value="yes")]
        ),
    )

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    # The one client that shows these forms is Toy, which the base class cannot know.
    async def on_submit(self, interaction: discord.Interaction[Toy]) -> None:
        """Repeat what was filled in and offer the button."""
        parts = (self.number.component, self.size.component, self.consent.component)
        assert isinstance(parts[0], discord.ui.TextInput)
        assert isinstance(parts[1], discord.ui.Select)
        assert isinstance(parts[2], discord.ui.CheckboxGroup)
        said = f"{self.kind} {parts[0].value} {parts[1].values} {parts[2].values}"
        await interaction.response.send_message(said, view=CodeView(), ephemeral=True)


class CodeView(discord.ui.View):
    """Keep working after a restart: no timeout and a fixed custom_id."""

    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.button(label="Enter code", custom_id="toy:code")
    async def enter(self, interaction: discord.Interaction[Toy], _: discord.ui.Button[CodeView]) -> None:
        """Show the second form."""
        await interaction.response.send_modal(CodeForm())


class CodeForm(discord.ui.Modal, title="Enter code"):
    """Ask for one short line, in the older form without a label component."""

    code: discord.ui.TextInput[CodeForm] = discord.ui.TextInput(label="Code", max_length=6)

    # The one client that shows these forms is Toy, which the base class cannot know.
    async def on_submit(self, interaction: discord.Interaction[Toy]) -> None:
        """Repeat the code."""
        await interaction.response.send_message(f"code {self.code.value}", ephemeral=True)


async def main() -> None:
    """Run until SIGTERM."""
    Route.BASE = os.environ["DISCORD_API_URL"]
    async with Toy() as bot:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, lambda: loop.create_task(bot.close()))
        await bot.start(os.environ["DISCORD_TOKEN"])


if __name__ == "__main__":
    discord.utils.setup_logging()
    asyncio.run(main())
