"""Hold the pretend Discord's state: application, accounts, guilds, commands, posts, interactions."""

import random
import string
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.sandbox.watch import Watch

Json = dict[str, Any]

DISCORD_EPOCH_MS = 1_420_070_400_000
ACKNOWLEDGE_WITHIN = timedelta(seconds=3)
TOKEN_LIFE = timedelta(minutes=15)
ALL_PERMISSIONS = (1 << 53) - 1
ADMINISTRATOR = 1 << 3
MANAGE_GUILD = 1 << 5
MEMBER_PERMISSIONS = 1 << 10 | 1 << 11 | 1 << 31  # view channel, send messages, use application commands
EPHEMERAL = 1 << 6
LOADING = 1 << 7


@dataclass(slots=True)
class Account:
    """One Discord account, a person's or a bot's."""

    id: int
    username: str
    global_name: str | None = None
    locale: str = "en-US"
    bot: bool = False
    dms_open: bool = True


@dataclass(slots=True)
class Role:
    """A guild's role; the one with the guild's own id is everybody's."""

    id: int
    name: str
    permissions: int


@dataclass(slots=True)
class Channel:
    """A guild's text channel, or the DM of one person with the bot (guild_id None)."""

    id: int
    name: str
    guild_id: int | None = None
    recipient_id: int | None = None


@dataclass(slots=True)
class Membership:
    """One account's place in one guild."""

    account_id: int
    joined_at: datetime
    role_ids: list[int] = field(default_factory=list)
    nick: str | None = None
    timed_out_until: datetime | None = None


@dataclass(slots=True, eq=False)
class Guild:
    """A server: its owner, roles, channels and members."""

    id: int
    name: str
    owner_id: int
    locale: str = "en-US"
    roles: dict[int, Role] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    members: dict[int, Membership] = field(default_factory=dict)

    def permissions(self, account_id: int) -> int:
        """Compute what this member may do, as Discord does without channel overwrites."""
        if account_id == self.owner_id:
            return ALL_PERMISSIONS
        granted = self.roles[self.id].permissions
        for role_id in self.members[account_id].role_ids:
            granted |= self.roles[role_id].permissions
        return ALL_PERMISSIONS if granted & ADMINISTRATOR else granted


@dataclass(slots=True, eq=False)
class Post:
    """What stands in a channel: content, components and every content it had."""

    id: int
    channel_id: int
    guild_id: int | None
    author_id: int
    created_at: datetime
    content: str = ""
    flags: int = 0
    components: list[Json] = field(default_factory=list)
    embeds: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    pinged: list[int] = field(default_factory=list)
    pings_everyone: bool = False
    history: list[str] = field(default_factory=list)
    edited_at: datetime | None = None
    deleted: bool = False
    metadata: Json | None = None
    webhook: bool = False
    viewer_id: int | None = None

    @property
    def ephemeral(self) -> bool:
        """Tell whether only the person who asked sees it."""
        return bool(self.flags & EPHEMERAL)

    @property
    def loading(self) -> bool:
        """Tell whether it still reads "thinking…"."""
        return bool(self.flags & LOADING)


@dataclass(slots=True, eq=False)
class Interaction:
    """One thing a person did that the bot must answer, and what the bot answered so far."""

    id: int
    token: str
    type: int
    account_id: int
    guild_id: int | None
    channel_id: int
    created_at: datetime
    metadata: Json
    source: Post | None = None
    answer_type: int | None = None
    answered_at: datetime | None = None
    original: Post | None = None
    followups: list[Post] = field(default_factory=list)
    modal: Json | None = None
    choices: list[Json] | None = None


class World:
    """Everything the pretend Discord remembers; no network, clock and randomness come in."""

    def __init__(self, rng: random.Random, now: Callable[[], datetime]) -> None:
        self.rng = rng
        self.now = now
        self.watch = Watch()
        self._ids = 0
        self.accounts: dict[int, Account] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self._dms: dict[int, Channel] = {}
        self.commands: dict[int | None, dict[int, Json]] = {None: {}}
        self.posts: dict[int, Post] = {}
        self.nonces: dict[tuple[int, str] | None, int] = {}
        self.files: dict[int, bytes] = {}
        self.interactions: dict[int, Interaction] = {}
        self.by_token: dict[str, Interaction] = {}
        self.unknown_routes: list[str] = []
        self.refused: list[str] = []
        self.broken: list[str] = []
        self.logins_left = 1000
        self.team: list[int] = []
        self.bot = self.add_account("textbridge", bot=True)
        self.application_id = self.bot.id
        self.owner = self.add_account(f"owner{rng.randrange(10_000)}")
        self.bot_token = self.secret(24) + "." + self.secret(6) + "." + self.secret(38)

    def new_id(self, age: timedelta = timedelta()) -> int:
        """Make a snowflake of the given age; ids of now grow."""
        self._ids += 1
        ms = int((self.now() - age).timestamp() * 1000) - DISCORD_EPOCH_MS
        return ms << 22 | self._ids & 0x3FFFFF

    def secret(self, length: int) -> str:
        """Make a random token of letters and digits."""
        return "".join(self.rng.choices(string.ascii_letters + string.digits, k=length))

    def _past(self) -> timedelta:
        return timedelta(days=self.rng.randrange(200, 2000), milliseconds=self.rng.randrange(86_400_000))

    def add_account(
        self, username: str, global_name: str | None = None, locale: str = "en-US", bot: bool = False
    ) -> Account:
        """Create an account."""
        account = Account(self.new_id(self._past()), username, global_name, locale, bot)
        self.accounts[account.id] = account
        return account

    def add_guild(self, name: str, owner_id: int, locale: str = "en-US") -> Guild:
        """Create a guild with one channel, its owner and the bot as members."""
        guild = Guild(self.new_id(self._past()), name, owner_id, locale)
        guild.roles[guild.id] = Role(guild.id, "@everyone", MEMBER_PERMISSIONS)
        self.guilds[guild.id] = guild
        self.commands[guild.id] = {}
        self.add_channel(guild, "general")
        self.join(guild, owner_id)
        self.join(guild, self.bot.id)
        return guild

    def add_channel(self, guild: Guild, name: str) -> Channel:
        """Add a text channel to a guild."""
        channel = Channel(self.new_id(self._past()), name, guild.id)
        guild.channels[channel.id] = self.channels[channel.id] = channel
        return channel

    def join(self, guild: Guild, account_id: int, permissions: int = 0) -> Membership:
        """Let an account join; further permissions come as a role of its own."""
        member = guild.members.setdefault(account_id, Membership(account_id, self.now() - self._past()))
        if permissions:
            role = Role(self.new_id(), f"role{len(guild.roles)}", permissions)
            guild.roles[role.id] = role
            member.role_ids.append(role.id)
        return member

    def dm_channel(self, account_id: int) -> Channel:
        """Find or open the DM between the bot and an account."""
        if account_id not in self._dms:
            channel = Channel(self.new_id(), "", None, account_id)
            self._dms[account_id] = self.channels[channel.id] = channel
        return self._dms[account_id]

    def commands_of(self, guild_ids: Iterable[int | None]) -> list[Json]:
        """List registered commands, those of the first scope first."""
        return [command for scope in guild_ids for command in self.commands.get(scope, {}).values()]

    def add_interaction(self, interaction: Interaction) -> None:
        """Remember an interaction under its id and its token."""
        self.interactions[interaction.id] = interaction
        self.by_token[interaction.token] = interaction


def utc_now() -> datetime:
    """Read the machine's clock, the default for a World."""
    return datetime.now(UTC)
