"""The panel of /bridge settings with its menus, buttons and forms, and the pages of /bridge audit."""

import re
from collections.abc import Mapping
from typing import Any

import aiohttp
import discord

from bot.commands.answers import NO_PINGS, Form, answer
from bot.commands.kept_buttons import KeptButton, KeptMenu, row_of
from bot.commands.rights import admin_guild
from bot.domain.permission import DEFAULT, Policy
from bot.services import bridge, bridge_pages
from bot.services.bounds import most_an_hour
from bot.services.desk import Desk

_ROLES, _LOG = "textbridge:bridge:roles", "textbridge:bridge:log"
_FIRST_WORDS = "Reports of unwanted texts in this server are posted here from now on."
_LABELS = {
    "sender": "Texts an hour from one member",
    "pair": "Texts an hour to the same person",
    "recipient": "Texts an hour to one person in all",
    "guild": "Texts an hour from this server",
}


async def show_panel(interaction: discord.Interaction, desk: Desk, note: str = "") -> None:
    """Fill in the deferred answer with the settings as they are, below a note."""
    guild = admin_guild(interaction)
    await desk.refresh()
    policy = desk.shelf.policies.of(guild)
    words = bridge_pages.settings(policy, desk.rules.limits, desk.now())
    blocked = await desk.read(bridge_pages.blocked, guild)
    await answer(interaction, "\n".join(filter(None, (note, words, blocked))), _panel(policy))


async def _change(interaction: discord.Interaction, desk: Desk, changes: Mapping[str, Any]) -> None:
    """Change settings with the rights of this moment, and show what they are now."""
    guild, actor = admin_guild(interaction), interaction.user.id
    await desk.change(bridge.change, guild, actor, "settings", changes, desk.now())
    await show_panel(interaction, desk)


class RolesMenu(KeptMenu, template=_ROLES):
    """Chooses whose members may send."""

    async def pressed(self, interaction: discord.Interaction, desk: Desk, found: re.Match[str]) -> None:
        """Keep the roles."""
        admin_guild(interaction)
        await interaction.response.defer()
        await _change(interaction, desk, {"roles": frozenset(role.id for role in self.chosen)})


class LogMenu(KeptMenu, template=_LOG):
    """Chooses where reports are posted."""

    async def pressed(self, interaction: discord.Interaction, desk: Desk, found: re.Match[str]) -> None:
        """Keep the channel, once something could be written there."""
        before = desk.shelf.policies.of(admin_guild(interaction)).log_channel
        await interaction.response.defer()
        channel = self.chosen[0].id if self.chosen else None
        if channel and channel != before and not await _could_write(interaction.client, channel):
            refused = f"The bot can't write in <#{channel}>. Let it view that channel and write there."
            await show_panel(interaction, desk, refused)
            return
        await _change(interaction, desk, {"log_channel": channel})


async def _could_write(client: discord.Client, channel: int) -> bool:
    try:
        await client.get_partial_messageable(channel).send(_FIRST_WORDS, allowed_mentions=NO_PINGS)
    except (discord.HTTPException, aiohttp.ClientError, OSError):
        return False
    return True


class SettingsButton(KeptButton, template=r"textbridge:bridge:(?P<what>on|off|limits|gates|here|dm)"):
    """Switches texting, or opens a form; the id holds which."""

    async def pressed(self, interaction: discord.Interaction, desk: Desk, found: re.Match[str]) -> None:
        """Do it."""
        policy = desk.shelf.policies.of(admin_guild(interaction))
        match found["what"]:
            case "limits":
                await interaction.response.send_modal(LimitsForm(desk, policy))
            case "gates":
                await interaction.response.send_modal(GatesForm(desk, policy))
            case "here" | "dm" as answers:
                await interaction.response.defer()
                await _change(interaction, desk, {"answers_here": answers == "here"})
            case switch:
                await interaction.response.defer()
                await _change(interaction, desk, {"texting": switch == "on"})


class _Fields(Form):
    """A form of short fields that may all stay empty."""

    def __init__(self, kind: str, desk: Desk) -> None:
        super().__init__(kind)
        self._desk = desk
        self._fields: dict[str, discord.ui.TextInput[Any]] = {}

    def _ask(self, name: str, label: str, value: str, hint: str) -> None:
        field = discord.ui.TextInput[Any](
            custom_id=name, required=False, max_length=9, default=value, placeholder=hint
        )
        self._fields[name] = field
        self.add_item(discord.ui.Label(text=label, component=field))

    @property
    def typed(self) -> dict[str, str]:
        """Return what was typed."""
        return {name: field.value for name, field in self._fields.items()}


class LimitsForm(_Fields, title="How many texts"):
    """Asks for the server's own limits."""

    def __init__(self, desk: Desk, policy: Policy) -> None:
        super().__init__("limits", desk)
        for name, label in _LABELS.items():
            own = getattr(policy, f"{name}_limit")
            most = most_an_hour(desk.rules.limits, name)
            hint = f"at most {most}" if most is not None else "any number"
            self._ask(name, label, "" if own is None else str(own), hint)

    async def on_submit(self, interaction: discord.Interaction, /) -> None:
        """Keep them."""
        admin_guild(interaction)
        limits = bridge.limits_from(self.typed, self._desk.rules.limits)
        await interaction.response.defer()
        await _change(interaction, self._desk, limits)


class GatesForm(_Fields, title="Who is new here"):
    """Asks how old an account must be, and how long a member must have been here."""

    def __init__(self, desk: Desk, policy: Policy) -> None:
        super().__init__("gates", desk)
        days, minutes = str(policy.account_age.days), str(int(policy.time_here.total_seconds()) // 60)
        usual = str(DEFAULT.account_age.days), str(int(DEFAULT.time_here.total_seconds()) // 60)
        self._ask("days", "A sender's account is at least this old, days", days, f"usually {usual[0]}")
        self._ask("minutes", "and in this server for so many minutes", minutes, f"usually {usual[1]}")

    async def on_submit(self, interaction: discord.Interaction, /) -> None:
        """Keep them."""
        admin_guild(interaction)
        gates = bridge.gates_from(self.typed["days"], self.typed["minutes"])
        await interaction.response.defer()
        await _change(interaction, self._desk, gates)


def _panel(policy: Policy) -> discord.ui.View:
    role, channel = discord.SelectDefaultValueType.role, discord.SelectDefaultValueType.channel
    roles = [discord.SelectDefaultValue(id=one, type=role) for one in sorted(policy.roles)]
    log = [discord.SelectDefaultValue(id=policy.log_channel, type=channel)] if policy.log_channel else []
    who = discord.ui.RoleSelect[Any](
        custom_id=_ROLES,
        placeholder="Who may send: every member",
        min_values=0,
        max_values=bridge.MOST_ROLES,
        default_values=roles,
    )
    where = discord.ui.ChannelSelect[Any](
        custom_id=_LOG,
        placeholder="Where reports are posted",
        min_values=0,
        default_values=log,
        channel_types=[discord.ChannelType.text],
    )
    switch, label = ("off", "Switch texting off") if policy.texting else ("on", "Switch texting on")
    answers = ("dm", "Answers by DM only") if policy.answers_here else ("here", "Allow answers in channels")
    return row_of(
        RolesMenu(who),
        LogMenu(where),
        SettingsButton(f"textbridge:bridge:{switch}", label),
        SettingsButton("textbridge:bridge:limits", "Limits"),
        SettingsButton("textbridge:bridge:gates", "New members"),
        SettingsButton(f"textbridge:bridge:{answers[0]}", answers[1]),
    )


class AuditButton(KeptButton, template=r"textbridge:audit:(?P<number>\d{1,6})"):
    """Turns to a page of the audit; the id holds its number."""

    async def pressed(self, interaction: discord.Interaction, desk: Desk, found: re.Match[str]) -> None:
        """Show the page in the old one's place."""
        await interaction.response.defer()
        await show_audit(interaction, desk, int(found["number"]))


async def show_audit(interaction: discord.Interaction, desk: Desk, number: int = 1) -> None:
    """Fill in the deferred answer with a page of the audit and its buttons."""
    page = await desk.read(bridge_pages.audit, admin_guild(interaction), number)
    back, on = (f"textbridge:audit:{place}" for place in (max(page.number - 1, 0), page.number + 1))
    buttons = row_of(
        AuditButton(back, "Back", disabled=page.number <= 1),
        AuditButton(on, "Next", disabled=page.number >= page.last),
    )
    await answer(interaction, page.words, buttons if page.last > 1 else None)


BRIDGE_ITEMS = (RolesMenu, LogMenu, SettingsButton, AuditButton)
