"""/carrier: the list of carriers, for admins and carrier editors."""

from dataclasses import replace

import discord
from discord import app_commands

from bot.commands.answers import answer, hold
from bot.commands.carrier_pages import show_page
from bot.commands.choices import carrier_choices
from bot.commands.confirm import Act, Confirms
from bot.commands.rights import acting
from bot.commands.text import guild_name, open_answer
from bot.domain.catalogue import Form, Status
from bot.services import carrier_list, carrier_test, carriers
from bot.services.carrier_change import Actor, Ask, Change
from bot.services.carrier_list import Wanted
from bot.services.carrier_test import Probe
from bot.services.desk import Desk
from bot.services.notices import words_for

_STATUSES = [app_commands.Choice(name=status.value, value=status.value) for status in Status]
_FORMS = [
    app_commands.Choice(name="as dialled at home, without the country code", value=Form.NATIONAL.value),
    app_commands.Choice(name="as dialled at home, with the leading 0", value=Form.TRUNK.value),
    app_commands.Choice(name="with the country code, without +", value=Form.COUNTRY.value),
    app_commands.Choice(name="with + and the country code", value=Form.PLUS.value),
]


class CarrierGroup(app_commands.Group):
    """The commands. Discord hides them from members without Manage Server, but is not relied on for it."""

    def __init__(self, desk: Desk, confirms: Confirms) -> None:
        super().__init__(
            name="carrier",
            description="The carriers that phones can be registered with",
            guild_only=True,
            default_permissions=discord.Permissions(manage_guild=True),
        )
        self._desk, self._confirms = desk, confirms

    async def interaction_check(self, interaction: discord.Interaction, /) -> bool:
        """Check the permission here too: Integrations settings can widen what Discord shows."""
        if interaction.type is not discord.InteractionType.autocomplete:
            self._actor(interaction)
        return True

    def _actor(self, interaction: discord.Interaction) -> Actor:
        return acting(interaction, self._desk)

    async def _do(self, interaction: discord.Interaction, act: Act) -> None:
        await hold(interaction)
        result = await act(interaction, False)
        button = self._confirms.button(act, interaction.user.id) if isinstance(result, Ask) else None
        await answer(interaction, result.sentence, button)

    @app_commands.command(name="list", description="List carriers with their status")
    @app_commands.describe(
        country="Two letters, such as US", status="Only these", search="Part of a name or domain"
    )
    @app_commands.choices(status=_STATUSES)
    async def list_all(
        self,
        interaction: discord.Interaction,
        country: str | None = None,
        status: str | None = None,
        search: str | None = None,
    ) -> None:
        """List what this server sees."""
        await hold(interaction)
        # The buttons' ids hold what is written here.
        place = country.strip().upper() if country else None
        wanted = Wanted(place or None, Status(status) if status else None, search)
        await show_page(interaction, self._desk, wanted)

    @app_commands.command(description="Show what is known of a carrier, with dates and evidence")
    async def show(self, interaction: discord.Interaction, carrier: str) -> None:
        """Show one entry."""
        await hold(interaction)
        desk = self._desk
        await desk.refresh()
        actor = self._actor(interaction)
        await answer(
            interaction, await desk.read(carrier_list.describe, desk.shelf, actor, carrier, desk.now())
        )

    @app_commands.command(description="Add a carrier")
    @app_commands.describe(
        name="What people look for",
        domain="Its e-mail gateway, such as tmomail.net",
        country="Two letters, such as US",
        form="How it writes numbers before the @",
        mms_domain="Its gateway for pictures",
    )
    @app_commands.choices(form=_FORMS)
    async def add(
        self,
        interaction: discord.Interaction,
        name: str,
        domain: str,
        country: str | None = None,
        form: str | None = None,
        mms_domain: str | None = None,
    ) -> None:
        """Add an entry."""
        desk = self._desk
        change = Change(
            name, domain, country or desk.default_country, Form(form) if form else None, mms_domain
        )
        await self._do(
            interaction,
            lambda press, yes: desk.change(
                carriers.add, desk.shelf, self._actor(press), change, desk.now(), confirmed=yes
            ),
        )

    @app_commands.command(description="Change a carrier; people who use it are told where it matters")
    @app_commands.choices(form=_FORMS, status=_STATUSES)
    async def edit(
        self,
        interaction: discord.Interaction,
        carrier: str,
        name: str | None = None,
        domain: str | None = None,
        form: str | None = None,
        status: str | None = None,
    ) -> None:
        """Change an entry."""
        desk = self._desk
        change = Change(
            name, domain, form=Form(form) if form else None, status=Status(status) if status else None
        )
        await self._do(
            interaction,
            lambda press, yes: desk.change(
                carriers.edit, desk.shelf, self._actor(press), carrier, change, desk.now(), confirmed=yes
            ),
        )

    @app_commands.command(description="Switch a carrier off")
    async def disable(self, interaction: discord.Interaction, carrier: str) -> None:
        """Switch an entry off."""
        await self._switch(interaction, carrier, on=False)

    @app_commands.command(
        description="Switch a carrier on, also one that is said to fail, after you saw the evidence"
    )
    async def enable(self, interaction: discord.Interaction, carrier: str) -> None:
        """Switch an entry on."""
        await self._switch(interaction, carrier, on=True)

    async def _switch(self, interaction: discord.Interaction, carrier: str, *, on: bool) -> None:
        desk = self._desk
        await self._do(
            interaction,
            lambda press, yes: desk.change(
                carriers.switch, desk.shelf, self._actor(press), carrier, on, desk.now(), confirmed=yes
            ),
        )

    @app_commands.command(description="Remove a carrier")
    async def remove(self, interaction: discord.Interaction, carrier: str) -> None:
        """Remove an entry."""
        desk = self._desk
        await self._do(
            interaction,
            lambda press, yes: desk.change(
                carriers.remove, desk.shelf, self._actor(press), carrier, desk.now(), confirmed=yes
            ),
        )

    @app_commands.command(
        name="test", description="Send a text to your own phone through a carrier's gateway"
    )
    async def test_it(self, interaction: discord.Interaction, carrier: str) -> None:
        """Test an entry's gateway; the answer climbs the ladder like that of /text."""
        await hold(interaction)
        desk, until = self._desk, open_answer(interaction, self._desk.now())
        actor = replace(self._actor(interaction), guild_name=await guild_name(interaction))
        probe = Probe(interaction.id, actor, interaction.user.name, carrier, until)
        async with desk.answering(interaction.id):
            text = await desk.write(carrier_test.send, probe, desk.rules, desk.now())
            await answer(interaction, words_for(text))

    @test_it.autocomplete("carrier")
    @show.autocomplete("carrier")
    @edit.autocomplete("carrier")
    @disable.autocomplete("carrier")
    @remove.autocomplete("carrier")
    async def carriers_seen(
        self, interaction: discord.Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        """Offer every entry this server sees, closed ones too."""
        return carrier_choices(self._desk, interaction, typed, everything=True)

    @enable.autocomplete("carrier")
    async def carriers_to_enable(
        self, interaction: discord.Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        """Offer an editor what was removed, too."""
        is_editor = interaction.user.id in self._desk.editors
        return carrier_choices(self._desk, interaction, typed, everything=True, removed=is_editor)
