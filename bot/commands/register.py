"""The forms and the button of a registration: number and consent, then the code."""

import discord

from bot.commands.answers import Form, Quiet, answer, hold
from bot.domain.catalogue import Carrier, Kind, forms_to_try
from bot.domain.catalogue import Form as AddressForm
from bot.domain.consent import consent_words
from bot.services import registration
from bot.services.desk import Desk

ENTER_CODE_ID = "textbridge:enter-code"
_AGREED = "agreed"
_FORM_WORDS = {
    AddressForm.NATIONAL: "As dialled at home, without the country code",
    AddressForm.TRUNK: "As dialled at home, with the leading 0",
    AddressForm.COUNTRY: "With the country code, without +",
    AddressForm.PLUS: "With + and the country code",
    AddressForm.PREFIX: "With the carrier's own prefix",
}


class EnterCodeButton(Quiet):
    """The button under "a code is on its way"; its fixed id makes it work after a restart."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(timeout=None)
        self._desk = desk

    @discord.ui.button(label="Enter code", style=discord.ButtonStyle.primary, custom_id=ENTER_CODE_ID)
    async def enter_code(
        self, interaction: discord.Interaction, _button: "discord.ui.Button[EnterCodeButton]"
    ) -> None:
        """Open the form for the code."""
        await interaction.response.send_modal(CodeForm(self._desk))


class CodeForm(Form, title="Enter the code from your phone"):
    """Asks for the six digits."""

    def __init__(self, desk: Desk) -> None:
        super().__init__("code")
        self._desk = desk
        self._code = discord.ui.TextInput[CodeForm](custom_id="code", max_length=32, placeholder="123456")
        self.add_item(discord.ui.Label(text="The six digits", component=self._code))

    async def on_submit(self, interaction: discord.Interaction, /) -> None:
        """Check the code."""
        await hold(interaction)
        desk = self._desk
        checked = await desk.write(
            registration.check_code, interaction.user.id, self._code.value, desk.shelf, desk.now()
        )
        await answer(interaction, checked.sentence)


class NumberForm(Form, title="Register your phone"):
    """Asks for number, agreement and, where nobody knows it, the form of the address."""

    def __init__(self, desk: Desk, carrier: Carrier, warning: str | None, *, in_guild: bool) -> None:
        super().__init__("number")
        self._desk, self._carrier = desk, carrier
        self._number = discord.ui.TextInput[NumberForm](custom_id="number", max_length=64)
        self._consent = discord.ui.CheckboxGroup[NumberForm](
            custom_id="consent",
            required=True,
            options=[discord.CheckboxGroupOption(label="I agree", value=_AGREED)],
        )
        self._forms: discord.ui.Select[NumberForm] | None = None
        service = carrier.name if carrier.kind is Kind.SERVICE else ""
        wording = consent_words(in_guild, service)
        words = f"{warning}\n\n{wording}" if warning else wording
        whose = "Your phone number" if service else f"Your {carrier.name} number"
        self.add_item(discord.ui.TextDisplay(words))
        self.add_item(discord.ui.Label(text=whose[:45], component=self._number))
        if len(forms_to_try(carrier)) > 1:
            self._add_forms(forms_to_try(carrier))
        self.add_item(discord.ui.Label(text="Your agreement", component=self._consent))

    def _add_forms(self, forms: tuple[AddressForm, ...]) -> None:
        options = [discord.SelectOption(label=_FORM_WORDS[form], value=form) for form in forms]
        options[0].default = True
        self._forms = discord.ui.Select(custom_id="form", options=options)
        asked = "If no code comes, register again with the other one."
        self.add_item(
            discord.ui.Label(text="How your carrier writes numbers", description=asked, component=self._forms)
        )

    async def on_submit(self, interaction: discord.Interaction, /) -> None:
        """Send the code."""
        await hold(interaction)
        desk, now = self._desk, self._desk.now()
        chosen = self._forms.values[0] if self._forms is not None and self._forms.values else None
        ask = registration.Ask(
            person_id=interaction.user.id,
            handle=interaction.user.name,
            typed_number=self._number.value,
            guild_id=interaction.guild_id,
            carrier_slug=self._carrier.slug,
            form=AddressForm(chosen) if chosen else None,
            consented=_AGREED in self._consent.values,
        )
        sentence = await desk.write(
            registration.begin, ask, desk.shelf, desk.rules.limits, desk.default_country, now
        )
        await answer(interaction, sentence, EnterCodeButton(desk))
