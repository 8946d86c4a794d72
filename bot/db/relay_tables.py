"""Name the tables that the relay works on: mails that wait, their lanes, and what went wrong with them."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from bot.db.base import Base
from bot.db.types import ROW_ID


def _open_index(name: str, *columns: str, where: str = "turn IS NOT NULL") -> Index:
    """Index what still waits or is held: what came to its end costs nothing more."""
    condition = text(where)
    return Index(f"ix_outbox_{name}", *columns, sqlite_where=condition, postgresql_where=condition)


class OutboxItem(Base):
    """A mail waiting. It names a registration and its version, never an address."""

    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(ROW_ID, primary_key=True)
    queue: Mapped[int]  # the recipient for chat, minus the person for a code: one open row of each at a time
    priority: Mapped[int]
    text_id: Mapped[int | None] = mapped_column(ForeignKey("texts.id", ondelete="CASCADE"))
    verification_id: Mapped[int | None]
    registration_id: Mapped[int | None]
    registration_version: Mapped[int | None]
    sender_id: Mapped[int]
    guild_id: Mapped[int | None]
    domain: Mapped[str]
    part: Mapped[int]
    # Its place in the lane, in microseconds since 1970, so that nobody's many delay another's one
    # (db/enqueue.py); empty once the mail came to its end.
    turn: Mapped[int | None]
    first_of_pair: Mapped[bool] = mapped_column(
        default=True
    )  # nothing else waited from this sender to this queue
    words_sealed: Mapped[bytes | None]
    mail_id: Mapped[str]
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(default=0)
    ambiguous: Mapped[int] = mapped_column(default=0)  # lines that broke after the final dot
    lost: Mapped[int] = mapped_column(default=0)  # relays that died while they held it
    due_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    lease_owner: Mapped[int | None]
    leased_at: Mapped[datetime | None]
    let_in_by: Mapped[int | None]  # the listed person or role by which the text may reach its recipient
    __table_args__ = (
        _open_index(
            "claim", "domain", "priority", "turn", "id", "due_at", "queue", where="state = 'waiting'"
        ),
        _open_index("queue", "queue", "turn", "id", "first_of_pair"),
        _open_index("sender", "sender_id", "turn", "queue"),
        _open_index("expires", "expires_at"),
        _open_index("lease", "lease_owner", where="lease_owner IS NOT NULL"),
        _open_index("codes", "queue", where="priority = 0"),
        _open_index("held", "due_at", "queue", where="state = 'held'"),
        Index("ix_outbox_text", "text_id", "part"),
    )


class Lane(Base):
    """The pace and the breaker of one gateway, by its domain; of the mail account under an empty one."""

    __tablename__ = "lanes"
    domain: Mapped[str] = mapped_column(String, primary_key=True)
    recent: Mapped[str] = mapped_column(default="")  # how many went in which second of the last minute
    closed_until: Mapped[datetime | None]  # the breaker is open; then one mail may try
    closings: Mapped[int] = mapped_column(default=0)  # in a row, since the gateway last took a mail
    refused: Mapped[str] = mapped_column(default="")  # the queues that it refused since then, a few


class Attempt(Base):
    """What one try came to when it was anything but a plain success."""

    __tablename__ = "attempts"
    id: Mapped[int] = mapped_column(ROW_ID, primary_key=True)
    outbox_id: Mapped[int] = mapped_column(index=True)
    text_id: Mapped[int | None]
    mail_id: Mapped[str]
    outcome: Mapped[str]
    step: Mapped[str]
    code: Mapped[int | None]
    at: Mapped[datetime] = mapped_column(index=True)
