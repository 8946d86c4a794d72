"""Name the tables of the way back: mails that came in, and how far each folder was read."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bot.db.base import Base
from bot.db.types import ROW_ID


class Inbound(Base):
    """A mail of ours that came in, so that it acts once: where it lay and a blind index of its Message-ID.

    Nothing of what it says is here.
    """

    __tablename__ = "inbound"
    id: Mapped[int] = mapped_column(ROW_ID, primary_key=True)
    folder_index: Mapped[bytes]
    validity: Mapped[int]
    uid: Mapped[int]
    mail_index: Mapped[bytes] = mapped_column(unique=True)
    state: Mapped[str]
    kind: Mapped[str]
    trust: Mapped[str]
    person_id: Mapped[int]
    text_id: Mapped[int | None]
    at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("folder_index", "validity", "uid"),
        Index("ix_inbound_person", "person_id", "at"),
        Index("ix_inbound_at", "at"),
    )


class MailFolder(Base):
    """How far a mailbox's folder was read; what lay in it before `since` is not ours to read."""

    __tablename__ = "mail_folders"
    folder_index: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    validity: Mapped[int]
    next_uid: Mapped[int]
    since: Mapped[datetime]
    anew_below: Mapped[int]  # UIDs that were given anew: by themselves they do not say what is new
