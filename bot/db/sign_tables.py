"""Name the tables of gateways' signs of life and doubts, of tests, and of requests for domains."""

from datetime import datetime

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from bot.db.base import Base
from bot.db.types import ROW_ID, never_used_id


class GatewayDay(Base):
    """What one gateway showed on one day (counted in days since 1970, UTC)."""

    __tablename__ = "gateway_days"
    domain: Mapped[str] = mapped_column(String, primary_key=True)
    day: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    codes_sent: Mapped[int] = mapped_column(default=0)
    codes_typed: Mapped[int] = mapped_column(default=0)
    replies: Mapped[int] = mapped_column(default=0)
    refused_person: Mapped[int] = mapped_column(default=0)
    refused_content: Mapped[int] = mapped_column(default=0)
    refused_sender: Mapped[int] = mapped_column(default=0)
    refused_gone: Mapped[int] = mapped_column(default=0)
    bounced_person: Mapped[int] = mapped_column(default=0)
    bounced_content: Mapped[int] = mapped_column(default=0)
    bounced_sender: Mapped[int] = mapped_column(default=0)
    bounced_gone: Mapped[int] = mapped_column(default=0)
    last_sign_at: Mapped[datetime | None]  # of a code typed back, or a reply
    __table_args__ = (Index("ix_gateway_days_day", "day"),)


class GatewayDoubt(Base):
    """A gateway whose codes have stopped coming back; gone with its next sign of life."""

    __tablename__ = "gateway_doubts"
    domain: Mapped[str] = mapped_column(String, primary_key=True)
    since: Mapped[datetime]


class DomainRequest(Base):
    """An admin's wish for a domain on the operator's list; the owner answers it once."""

    __tablename__ = "domain_requests"
    id: Mapped[int] = mapped_column(ROW_ID, primary_key=True, default=never_used_id)
    guild_id: Mapped[int]
    domain: Mapped[str]
    asked_by: Mapped[int]
    asked_at: Mapped[datetime] = mapped_column(index=True)
    answer: Mapped[str | None]  # empty while it waits
    __table_args__ = (
        Index(
            "ix_domain_requests_open",
            "guild_id",
            "domain",
            unique=True,
            sqlite_where=text("answer IS NULL"),
            postgresql_where=text("answer IS NULL"),
        ),
    )


class CarrierTest(Base):
    """The way that the text of a /carrier test takes, which need not be that of the phone's registration."""

    __tablename__ = "carrier_tests"
    text_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    domain: Mapped[str]
    form: Mapped[str]
    prefix: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)
