"""List every column that names a guild, and what becomes of its rows once the bot has left it for good.

A new column gets a line here; tests/db/test_guild_tables.py fails until it has one.
"""

from typing import Any, NamedTuple

from sqlalchemy.orm import InstrumentedAttribute

from bot.db.base import Base
from bot.db.tables import (
    AnswerChannel,
    Audit,
    CarrierEntry,
    Consent,
    DomainRequest,
    GuildBlock,
    GuildLeft,
    GuildPolicy,
    ListedSender,
    OptIn,
    OutboxItem,
    Registration,
    Reply,
    TextRow,
    Verification,
)


class Held(NamedTuple):
    """One column that names a guild; `goes` says whether its rows do."""

    column: InstrumentedAttribute[Any]
    goes: bool

    @property
    def table(self) -> type[Base]:
        """Return the table."""
        found: type[Base] = self.column.class_
        return found


GUILD_COLUMNS = (
    Held(OptIn.guild_id, goes=True),
    Held(ListedSender.guild_id, goes=True),
    Held(GuildPolicy.guild_id, goes=True),
    Held(GuildBlock.guild_id, goes=True),
    Held(CarrierEntry.guild_id, goes=True),
    Held(DomainRequest.guild_id, goes=True),
    Held(Audit.guild_id, goes=True),
    Held(OutboxItem.guild_id, goes=True),
    Held(TextRow.guild_id, goes=True),
    Held(Reply.guild_id, goes=True),
    Held(AnswerChannel.guild_id, goes=True),
    Held(GuildLeft.guild_id, goes=True),
    # The phone stays its owner's; where its entry goes, it is to be proved again.
    Held(Registration.carrier_guild, goes=False),
    Held(Verification.carrier_guild, goes=False),
    Held(Verification.guild_id, goes=False),
    # The person's proof of where they agreed.
    Held(Consent.guild_id, goes=False),
)
