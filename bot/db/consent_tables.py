"""Name the tables of who may text whom beyond opt-ins and blocks, and of what guilds' admins set."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from bot.db.base import Base


class ListedSender(Base):
    """Somebody, or a role, that a person lists in one guild; it counts where their audience says "listed"."""

    __tablename__ = "listed_senders"
    person_id: Mapped[int] = mapped_column(primary_key=True)
    guild_id: Mapped[int] = mapped_column(primary_key=True)
    subject_id: Mapped[int] = mapped_column(primary_key=True)
    is_role: Mapped[bool]


class UrgentSender(Base):
    """Somebody whose texts reach a person in quiet hours too."""

    __tablename__ = "urgent_senders"
    person_id: Mapped[int] = mapped_column(primary_key=True)
    granted_id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class Introduction(Base):
    """The text with which a sender first reached a person: it says how to stop, the later ones do not."""

    __tablename__ = "introductions"
    person_id: Mapped[int] = mapped_column(primary_key=True)
    sender_id: Mapped[int] = mapped_column(primary_key=True)
    text_id: Mapped[int] = mapped_column(index=True)


class GuildPolicy(Base):
    """What a guild's admins set; empty means the bot's own default."""

    __tablename__ = "guild_policies"
    guild_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    texting: Mapped[bool] = mapped_column(default=True)
    paused_until: Mapped[datetime | None]
    log_channel_id: Mapped[int | None]
    sender_roles: Mapped[str] = mapped_column(default="")  # role ids with commas between; empty: everyone
    account_days: Mapped[int | None]
    member_minutes: Mapped[int | None]
    sender_limit: Mapped[int | None]  # texts an hour, each below the operator's
    pair_limit: Mapped[int | None]
    recipient_limit: Mapped[int | None]
    guild_limit: Mapped[int | None]
    answers_here: Mapped[bool] = mapped_column(default=False)  # answers may be shown in channels
    version: Mapped[int] = mapped_column(index=True)  # the mark "policies" when it was last changed


class GuildBlock(Base):
    """A member whom a guild's admins let send no texts there."""

    __tablename__ = "guild_blocks"
    guild_id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(primary_key=True, index=True)
    blocked_by: Mapped[int]
    at: Mapped[datetime]
