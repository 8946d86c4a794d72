"""Name every table and column the store has; migrations/ builds them."""

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from bot.db.base import Base as Base
from bot.db.consent_tables import GuildBlock as GuildBlock
from bot.db.consent_tables import GuildPolicy as GuildPolicy
from bot.db.consent_tables import Introduction as Introduction
from bot.db.consent_tables import ListedSender as ListedSender
from bot.db.consent_tables import UrgentSender as UrgentSender
from bot.db.desk_tables import GuildLeft as GuildLeft
from bot.db.inbound_tables import Inbound as Inbound
from bot.db.inbound_tables import MailFolder as MailFolder
from bot.db.relay_tables import Attempt as Attempt
from bot.db.relay_tables import Lane as Lane
from bot.db.relay_tables import OutboxItem as OutboxItem
from bot.db.reply_tables import AnswerChannel as AnswerChannel
from bot.db.reply_tables import BounceDay as BounceDay
from bot.db.reply_tables import Reply as Reply
from bot.db.reply_tables import ReplyChoice as ReplyChoice
from bot.db.reply_tables import ReplyMute as ReplyMute
from bot.db.reply_tables import Suppression as Suppression
from bot.db.sign_tables import CarrierTest as CarrierTest
from bot.db.sign_tables import DomainRequest as DomainRequest
from bot.db.sign_tables import GatewayDay as GatewayDay
from bot.db.sign_tables import GatewayDoubt as GatewayDoubt
from bot.db.types import ROW_ID, never_used_id


class WrappedKey(Base):
    """A random subkey, wrapped by SECRET_KEY; or a probe, sealed by a key that has sealed values here."""

    __tablename__ = "wrapped_keys"
    name: Mapped[str] = mapped_column(primary_key=True)
    wrapped: Mapped[bytes]


class Registration(Base):
    """One person's proven phone, with the address form that its code proved."""

    __tablename__ = "registrations"
    id: Mapped[int] = mapped_column(ROW_ID, primary_key=True, default=never_used_id)
    version: Mapped[int] = mapped_column(default=1)
    person_id: Mapped[int] = mapped_column(unique=True)
    number_sealed: Mapped[bytes]
    number_index: Mapped[bytes] = mapped_column(unique=True)
    country: Mapped[str]
    carrier: Mapped[str]
    carrier_guild: Mapped[int]
    domain: Mapped[str]
    form: Mapped[str]
    prefix: Mapped[str]
    state: Mapped[str]
    paused_until: Mapped[datetime | None]
    verified_at: Mapped[datetime]
    sign_at: Mapped[datetime | None]  # when a code or an answer last came from it; empty: since verified_at
    end_told: Mapped[str | None]  # the day on which the gateway ends, as the person was told last
    end_days_told: Mapped[int | None]  # and how many days before it
    quiet_start: Mapped[int | None]  # quiet hours, in minutes since midnight of their zone
    quiet_end: Mapped[int | None]
    quiet_zone: Mapped[str | None]
    __table_args__ = (Index("ix_registrations_carrier", "carrier", "carrier_guild"),)


class Verification(Base):
    """A phone that somebody says is theirs, until the code from it is typed."""

    __tablename__ = "verifications"
    id: Mapped[int] = mapped_column(ROW_ID, primary_key=True, default=never_used_id)
    person_id: Mapped[int] = mapped_column(unique=True)
    handle: Mapped[str]
    number_sealed: Mapped[bytes]
    number_index: Mapped[bytes] = mapped_column(unique=True)
    country: Mapped[str]
    carrier: Mapped[str]
    carrier_guild: Mapped[int]
    domain: Mapped[str]
    form: Mapped[str]
    prefix: Mapped[str]
    code_mac: Mapped[bytes]
    tries: Mapped[int] = mapped_column(default=0)
    guild_id: Mapped[int | None]
    wording: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class OptIn(Base):
    """Who may text a person in one guild."""

    __tablename__ = "opt_ins"
    person_id: Mapped[int] = mapped_column(primary_key=True)
    guild_id: Mapped[int] = mapped_column(primary_key=True)
    audience: Mapped[str]
    at: Mapped[datetime]


class Block(Base):
    """A sender whose texts a person does not want."""

    __tablename__ = "blocks"
    person_id: Mapped[int] = mapped_column(primary_key=True)
    blocked_id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class Consent(Base):
    """The ledger of what a person agreed to or withdrew: rows are only ever added."""

    __tablename__ = "consents"
    id: Mapped[int] = mapped_column(ROW_ID, primary_key=True)
    person_id: Mapped[int] = mapped_column(index=True)
    kind: Mapped[str]
    wording: Mapped[str]
    guild_id: Mapped[int | None]
    other_id: Mapped[int | None]  # whom else it is about
    at: Mapped[datetime]


class TextRow(Base):
    """One /text. Its id is the Discord interaction's, so a replayed event acts once."""

    __tablename__ = "texts"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sender_id: Mapped[int]
    recipient_id: Mapped[int] = mapped_column(index=True)
    guild_id: Mapped[int]
    state: Mapped[str]
    reason: Mapped[str]
    parts: Mapped[int]
    parts_sent: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    answer_sealed: Mapped[bytes | None]
    answer_until: Mapped[datetime | None]
    __table_args__ = (
        Index("ix_texts_sender", "sender_id", "id"),
        Index("ix_texts_answer_until", "answer_until"),
        Index("ix_texts_state", "state", "changed_at"),
    )


class Notice(Base):
    """What the bot has to say unasked; told_at is empty until Discord took it."""

    __tablename__ = "notices"
    id: Mapped[int] = mapped_column(ROW_ID, primary_key=True)
    person_id: Mapped[int] = mapped_column(index=True)  # 0: the operator; below 0: the admins of that guild
    kind: Mapped[str]
    text_id: Mapped[int | None]
    request_id: Mapped[int | None]  # an admin's request that is answered by a button
    reply_id: Mapped[int | None]  # a phone's answer, which holds the words
    words: Mapped[str]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    parked: Mapped[bool] = mapped_column(default=False)
    told_at: Mapped[datetime | None]
    __table_args__ = (Index("ix_notices_untold", "told_at", "parked", "due_at"),)


class Usage(Base):
    """A counter over a window; `key` says whose and of what."""

    __tablename__ = "usages"
    key: Mapped[str] = mapped_column(String, primary_key=True)
    started_at: Mapped[datetime]
    used: Mapped[int]
    ends_at: Mapped[datetime] = mapped_column(index=True)


class CodeUse(Base):
    """The times of recent codes for one number or person: exact over any window."""

    __tablename__ = "code_uses"
    key: Mapped[str] = mapped_column(String, primary_key=True)
    times: Mapped[str]
    last_at: Mapped[datetime] = mapped_column(index=True)


class CarrierEntry(Base):
    """A change to a shipped carrier, or a carrier of our own; guild 0 is shared; empty means as shipped."""

    __tablename__ = "carrier_entries"
    guild_id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String, primary_key=True)
    name: Mapped[str | None]
    country: Mapped[str | None]
    domain: Mapped[str | None]
    form: Mapped[str | None]
    mms_domain: Mapped[str | None]
    status: Mapped[str | None]
    status_date: Mapped[str | None]
    enabled: Mapped[bool | None]
    removed: Mapped[bool] = mapped_column(default=False)
    demoted: Mapped[str | None]  # why the look-ups marked it failing; empty once somebody set a status
    changed_by: Mapped[int]
    changed_at: Mapped[datetime]


class DomainLook(Base):
    """What look-ups have found of a domain: when it was there last, and how many nights it was gone since."""

    __tablename__ = "domain_looks"
    domain: Mapped[str] = mapped_column(String, primary_key=True)
    looked_at: Mapped[datetime]
    good_at: Mapped[datetime | None]
    gone_at: Mapped[datetime | None]  # the first of these nights
    nights: Mapped[int] = mapped_column(default=0)
    demoted_at: Mapped[datetime | None]


class GatewayDomain(Base):
    """A domain that a carrier editor put on the operator's list at run time."""

    __tablename__ = "gateway_domains"
    domain: Mapped[str] = mapped_column(String, primary_key=True)
    added_by: Mapped[int]
    at: Mapped[datetime]


class Audit(Base):
    """Who changed what: never a number, a recipient or a body."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(ROW_ID, primary_key=True)
    guild_id: Mapped[int] = mapped_column(index=True)
    actor_id: Mapped[int]
    action: Mapped[str]
    subject: Mapped[str]
    before: Mapped[str]
    after: Mapped[str]
    at: Mapped[datetime]


class Mark(Base):
    """A small fact about the deployment: the digest of the synced commands, the catalogue's version."""

    __tablename__ = "marks"
    name: Mapped[str] = mapped_column(String, primary_key=True)
    value: Mapped[str]
