"""/phone: a person's own registration."""

import discord
from discord import app_commands

from bot.commands.answers import answer, hold
from bot.commands.choices import country_of, register_choices
from bot.commands.phone_buttons import phone_buttons
from bot.commands.phone_control import PhoneControl
from bot.commands.phone_menus import show_listed
from bot.commands.register import CodeForm, NumberForm
from bot.domain.consent import EVERYONE, LISTED, NOBODY
from bot.domain.errors import UserError
from bot.services import phone
from bot.services.desk import Desk
from bot.services.offers import service_for
from bot.services.registration import carrier_to_register


class PhoneGroup(app_commands.Group):
    """The commands; each answers only the person who typed it."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(name="phone", description="Your own phone: register it, pause it, remove it")
        self._desk = desk
        PhoneControl(desk).join(self)

    @app_commands.command(description="Register your phone, so that people here can text it")
    @app_commands.describe(carrier="Your phone company; type a few letters of it")
    async def register(self, interaction: discord.Interaction, carrier: str | None = None) -> None:
        """Open the form; the number is never a slash option, since those are briefly visible."""
        desk = self._desk
        await desk.glance()
        if carrier is None:
            country, today = country_of(interaction, desk.default_country), desk.now().date()
            carrier = service_for(desk.shelf, interaction.guild_id, country, today).slug
        found, _, warning = carrier_to_register(desk.shelf, interaction.guild_id, carrier, desk.now())
        in_guild = interaction.guild_id is not None
        await interaction.response.send_modal(NumberForm(desk, found, warning, in_guild=in_guild))

    @register.autocomplete("carrier")
    async def carriers(self, interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """Offer carriers, those of the person's country first."""
        return register_choices(self._desk, interaction, typed)

    @app_commands.command(description="Type the code that your phone got")
    async def verify(self, interaction: discord.Interaction) -> None:
        """Open the form for the code, for whoever lost the button."""
        await interaction.response.send_modal(CodeForm(self._desk))

    @app_commands.command(description="Show what is registered for you")
    async def show(self, interaction: discord.Interaction) -> None:
        """Show the registration, masked."""
        await hold(interaction)
        desk = self._desk
        said = await desk.read(phone.show, interaction.user.id, desk.shelf, desk.now(), interaction.guild_id)
        helps = await desk.read(phone.helps, interaction.user.id)
        await answer(interaction, said, phone_buttons(prove=helps.prove, hold=helps.hold))

    @app_commands.command(description="List your last 20 texts and what became of them")
    async def sent(self, interaction: discord.Interaction) -> None:
        """List the last texts."""
        await hold(interaction)
        await answer(interaction, await self._desk.read(phone.sent, interaction.user.id))

    @app_commands.command(description="Delete your number and everything that belongs to it")
    async def remove(self, interaction: discord.Interaction) -> None:
        """Delete the registration."""
        await hold(interaction)
        await answer(interaction, await self._desk.write(phone.remove, interaction.user.id, self._desk.now()))

    @app_commands.command(description="Take no texts for a while")
    @app_commands.describe(hours="For how many hours; leave it out to pause until /phone resume")
    async def pause(self, interaction: discord.Interaction, hours: int | None = None) -> None:
        """Pause texts."""
        await hold(interaction)
        desk = self._desk
        await answer(interaction, await desk.write(phone.pause, interaction.user.id, hours, desk.now()))

    @app_commands.command(description="Take texts again")
    async def resume(self, interaction: discord.Interaction) -> None:
        """Resume texts."""
        await hold(interaction)
        await answer(interaction, await self._desk.write(phone.resume, interaction.user.id))

    @app_commands.command(description="Say who in this server may text you")
    @app_commands.describe(who="Everyone here who may send texts, people and roles you list, or nobody")
    @app_commands.choices(
        who=[
            app_commands.Choice(name="Everyone in this server", value=EVERYONE),
            app_commands.Choice(name="People and roles I list", value=LISTED),
            app_commands.Choice(name="Nobody in this server", value=NOBODY),
        ]
    )
    async def allow(self, interaction: discord.Interaction, who: str = EVERYONE) -> None:
        """Opt in to this server, or out of it."""
        await hold(interaction)
        if interaction.guild_id is None:
            raise UserError("Use /phone allow in the server whose members may text you.")
        desk, person = self._desk, interaction.user.id
        chosen = await desk.write(phone.allow, person, interaction.guild_id, who, desk.now())
        await show_listed(interaction, chosen)

    @app_commands.command(description="Take no more texts from somebody")
    @app_commands.describe(user="Whose texts you don't want; they aren't told")
    async def block(self, interaction: discord.Interaction, user: discord.User) -> None:
        """Block a sender."""
        await hold(interaction)
        desk = self._desk
        await answer(interaction, await desk.write(phone.block, interaction.user.id, user.id, desk.now()))

    @app_commands.command(description="Take texts from somebody again")
    @app_commands.describe(user="Whom you blocked")
    async def unblock(self, interaction: discord.Interaction, user: discord.User) -> None:
        """Lift a block."""
        await hold(interaction)
        await answer(interaction, await self._desk.write(phone.unblock, interaction.user.id, user.id))
