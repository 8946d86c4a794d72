"""A small real discord.py client with one command of each kind that Textbridge uses."""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from typing import Any

import discord
import yarl
from discord import app_commands
from discord.http import Route

from bot.sandbox.discord_server import Discord

CARRIERS = ["T-Mobile", "T-Mobile prepaid", "Verizon"]


class Consent(discord.ui.Modal, title="Register"):
    """A form as `/phone register` opens it."""

    number = discord.ui.Label(
        text="Number", component=discord.ui.TextInput(custom_id="number", min_length=7, max_length=20)
    )
    form = discord.ui.Label(
        text="Form",
        component=discord.ui.Select(
            custom_id="form",
            required=False,
            options=[
                discord.SelectOption(label="national", value="n"),
                discord.SelectOption(label="+", value="p"),
            ],
        ),
    )
    consent = discord.ui.Label(
        text="Consent",
        description="Texts may reach you",
        component=discord.ui.CheckboxGroup(
            custom_id="consent",
            required=True,
            options=[discord.CheckboxGroupOption(label="I agree", value="yes")],
        ),
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        """Say what was typed and offer the button."""
        parts: list[Any] = [self.number.component, self.form.component, self.consent.component]
        number, form, consent = parts
        await interaction.response.send_message(
            f"{number.value} {','.join(form.values)} {','.join(consent.values)}",
            view=Buttons(),
            ephemeral=True,
        )


class Buttons(discord.ui.View):
    """A button that must work after a restart."""

    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.button(label="Enter code", custom_id="enter-code")
    async def enter(self, interaction: discord.Interaction, button: discord.ui.Button[Any]) -> None:
        """Open the form again."""
        await interaction.response.send_modal(Consent())

    @discord.ui.button(label="Count", custom_id="count")
    async def count(self, interaction: discord.Interaction, button: discord.ui.Button[Any]) -> None:
        """Change the post that carries the button."""
        await interaction.response.edit_message(content="counted")


class SmallBot(discord.AutoShardedClient):
    """The client; `acted` says what it did, `ready` is set when every shard is in."""

    def __init__(self, intents: discord.Intents | None = None) -> None:
        super().__init__(
            intents=intents or discord.Intents.none(),
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=0.05,
            max_ratelimit_timeout=60,
        )
        self.tree = app_commands.CommandTree(self)
        self.acted: list[str] = []
        self.all_ready = asyncio.Event()
        self.failed = asyncio.Event()
        self.go_on = asyncio.Event()
        self.errors: list[Exception] = []
        self.task: asyncio.Task[None] | None = None
        add_commands(self)
        self.tree.error(self.note_error)

    async def ended(self) -> None:
        """Wait until the connection is given up; raise what ended it."""
        if self.task:
            async with asyncio.timeout(10):
                await asyncio.shield(self.task)

    async def note_error(self, interaction: discord.Interaction, error: Exception) -> None:
        """Keep what a command raised."""
        self.errors.append(error)
        self.failed.set()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Log in without Discord's five seconds between shards."""

    async def setup_hook(self) -> None:
        """Keep the button working after a restart."""
        self.add_view(Buttons())
        await self.tree.sync()

    async def on_ready(self) -> None:
        """Tell that every shard is in."""
        self.all_ready.set()


def add_commands(bot: SmallBot) -> None:
    """Register one command of each kind."""
    tree = bot.tree

    @tree.command(description="Defer, then answer")
    async def text(
        interaction: discord.Interaction,
        user: discord.User,
        message: str,
        attachment: discord.Attachment | None = None,
    ) -> None:
        await interaction.response.defer(ephemeral=True)
        bot.acted.append(message)
        here = "member" if isinstance(user, discord.Member) else "outsider"
        size = len(await attachment.read()) if attachment else 0
        await interaction.edit_original_response(content=f"on its way to {user.name}, {here}, {size}")
        await bot.go_on.wait()
        await interaction.edit_original_response(content="handed over")
        await interaction.followup.send("more", ephemeral=True)
        await interaction.followup.send("for all to see")

    phone = app_commands.Group(name="phone", description="Your phone")

    @phone.command(description="Register")
    async def register(interaction: discord.Interaction, carrier: str | None = None) -> None:
        await interaction.response.send_modal(Consent())

    @register.autocomplete("carrier")
    async def carriers(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        fitting = [name for name in CARRIERS if typed.lower() in name.lower().replace("-", "")]
        return [app_commands.Choice(name=name, value=name.lower()) for name in fitting]

    tree.add_command(phone)

    @tree.command(description="Write a DM")
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)
    async def dm(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("writing")
        try:
            await interaction.user.send("a **notice**")
        except discord.Forbidden as refused:
            await interaction.edit_original_response(content=f"closed {refused.code}")

    @tree.command(description="Hidden")
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.guild_only()
    async def admin(interaction: discord.Interaction, count: int, sure: bool = False) -> None:
        may = interaction.permissions.manage_guild
        await interaction.response.send_message(f"{count} {sure} {may}", ephemeral=True)

    @tree.command(description="Answer what Discord refuses")
    async def wrong(interaction: discord.Interaction, length: int) -> None:
        try:
            await interaction.response.send_message("x" * length)
        except discord.HTTPException as refused:
            await interaction.response.send_message(
                f"{refused.status} {refused.code}", file=discord.File(io.BytesIO(b"why"), "why.txt")
            )

    @tree.context_menu(name="Text this person")
    async def person_menu(interaction: discord.Interaction, user: discord.User) -> None:
        await interaction.response.send_message(f"to {user.name}", ephemeral=True)

    @tree.context_menu(name="Send to my phone")
    async def post_menu(interaction: discord.Interaction, post: discord.Message) -> None:
        await interaction.response.send_message(f"sent {post.content}", ephemeral=True)


@contextlib.asynccontextmanager
async def running(
    server: Discord, token: str | None = None, bot: SmallBot | None = None
) -> AsyncIterator[SmallBot]:
    """Run the client against a pretend Discord until the block ends."""
    base, default = Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE = server.api_url
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(server.websocket_url)
    bot = bot or SmallBot()
    bot.task = task = asyncio.create_task(bot.start(token or server.token))
    waiter = asyncio.create_task(bot.all_ready.wait())
    try:
        await asyncio.wait({task, waiter}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        yield bot
    finally:
        waiter.cancel()
        await bot.close()
        await asyncio.gather(task, return_exceptions=True)
        Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = base, default
