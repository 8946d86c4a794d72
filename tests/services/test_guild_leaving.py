"""What belongs to a guild is deleted 30 days after the bot left it, and not where it came back."""

import asyncio
from dataclasses import dataclass, field

import pytest

from bot.db import people
from bot.db.tables import Audit, CarrierEntry, Consent, GuildLeft, OptIn, OutboxItem, Registration, TextRow
from bot.domain.catalogue import Form
from bot.domain.consent import EVERYONE
from bot.domain.words import CARRIER_GONE, REFUSAL
from bot.services import carriers, guild_leaving, phone
from bot.services.carrier_change import Actor, Change
from bot.services.day_watch import DayWatch
from tests.services.world import ANN, BOB, CARL, GUILD, OTHER_GUILD, World

ADMIN = Actor(5, GUILD, is_editor=False, is_admin=True)


@dataclass
class Days:
    """The daily pass, and where the bot is."""

    world: World
    present: frozenset[int] | None = frozenset({GUILD, OTHER_GUILD})
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.watch = DayWatch(
            self.world.store, lambda: self.present, asyncio.Event(), self.world.clock, self.stop
        )

    async def after(self, **how: float) -> None:
        self.world.clock.forward(**how)
        await self.watch.one_pass()


@pytest.fixture
def days(world: World) -> Days:
    return Days(world)


async def settle_in(world: World) -> None:
    await world.register(BOB)
    await world.write(phone.allow, BOB, OTHER_GUILD, EVERYONE, world.clock())
    add = Change(name="Ours", domain="one.example.net", country="US", form=Form.NATIONAL)
    await world.write(carriers.add, world.shelf, ADMIN, add, world.clock(), confirmed=True)
    await world.write(world.shelf.refresh)
    (own,) = await world.rows(CarrierEntry)
    await world.register(CARL, carrier_slug=own.slug)
    await world.text(ANN, BOB)
    await world.text(ANN, BOB, guild_id=OTHER_GUILD)


async def test_thirty_days_after_it_left_what_belongs_to_the_guild_is_gone(world: World, days: Days) -> None:
    await settle_in(world)
    await days.after(days=1)
    days.present = frozenset({OTHER_GUILD})
    await days.after(seconds=1)
    await days.after(days=30, seconds=-1)
    assert len(await world.rows(OptIn, OptIn.guild_id == GUILD)) == 2
    await days.after(days=1)
    for table, where in (
        (OptIn, OptIn.guild_id == GUILD),
        (CarrierEntry, CarrierEntry.guild_id == GUILD),
        (Audit, Audit.guild_id == GUILD),
        (TextRow, TextRow.guild_id == GUILD),
        (OutboxItem, OutboxItem.guild_id == GUILD),
        (GuildLeft, GuildLeft.guild_id == GUILD),
    ):
        assert await world.rows(table, where) == [], table
    # What is the people's own stays, and so does the other guild.
    assert [row.guild_id for row in await world.rows(OptIn)] == [OTHER_GUILD]
    assert len(await world.rows(TextRow)) == 1
    assert {row.guild_id for row in await world.rows(Consent, Consent.person_id == BOB)} == {
        GUILD,
        OTHER_GUILD,
    }
    phones = {row.person_id: row.state for row in await world.rows(Registration)}
    assert phones == {BOB: "active", CARL: "unproven"}
    assert [notice.words for notice in await world.notices(CARL)] == [CARRIER_GONE]
    assert await world.refused(ANN, BOB) == REFUSAL


async def test_coming_back_in_time_keeps_all_and_the_days_count_anew(world: World, days: Days) -> None:
    await settle_in(world)
    await days.after(days=1)
    for _ in range(2):
        days.present = frozenset({OTHER_GUILD})
        await days.after(days=29)
        days.present = frozenset({GUILD, OTHER_GUILD})
        await days.after(days=20)
    assert len(await world.rows(OptIn, OptIn.guild_id == GUILD)) == 2
    assert await world.rows(GuildLeft) == []


async def test_a_guild_that_was_left_while_the_bot_was_off_counts_from_the_next_start(
    world: World, days: Days
) -> None:
    await settle_in(world)
    days.present = None
    await days.after(days=100)
    assert await world.rows(GuildLeft) == []
    days.present = frozenset({OTHER_GUILD})
    await days.after(seconds=1)
    assert [row.guild_id for row in await world.rows(GuildLeft)] == [GUILD]
    assert len(await world.rows(OptIn, OptIn.guild_id == GUILD)) == 2


async def test_many_guilds_at_once(world: World, days: Days) -> None:
    guilds = range(1000, 1000 + 3 * guild_leaving.AT_ONCE)
    for guild in guilds:
        await world.write(people.allow, ANN, guild, EVERYONE, world.clock())
    await days.after(days=1)
    await days.after(days=31)
    assert await world.rows(OptIn) == []
