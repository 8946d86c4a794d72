"""Name the tables of what phones answer: replies, who wants none, STOPs, texts that came back."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from bot.db.base import Base
from bot.db.types import ROW_ID, never_used_id


class Reply(Base):
    """What a phone answered to a text. Its words and pictures go once they are told."""

    __tablename__ = "replies"
    id: Mapped[int] = mapped_column(ROW_ID, primary_key=True, default=never_used_id)
    text_id: Mapped[int]
    person_id: Mapped[int] = mapped_column(index=True)  # whose phone it came from
    to_id: Mapped[int] = mapped_column(index=True)  # who sent the text
    guild_id: Mapped[int]
    words_sealed: Mapped[bytes | None]
    pictures_sealed: Mapped[bytes | None]
    proven: Mapped[bool]  # it surely came from that phone
    held: Mapped[bool]  # until the phone's owner says that it is theirs
    at: Mapped[datetime] = mapped_column(index=True)


class ReplyMute(Base):
    """Somebody who wants no more answers of one phone to what they had texted by then."""

    __tablename__ = "reply_mutes"
    listener_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    person_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(index=True)


class ReplyChoice(Base):
    """Somebody whose unproven answers go on, marked as such, instead of being held for them."""

    __tablename__ = "reply_choices"
    person_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]


class AnswerChannel(Base):
    """A text whose answers are shown in the channel where it was written."""

    __tablename__ = "answer_channels"
    text_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    guild_id: Mapped[int]
    channel_id: Mapped[int]
    at: Mapped[datetime] = mapped_column(index=True)


class BounceDay(Base):
    """How bad a day (counted in days since 1970, UTC) was for one phone, in halves of a point."""

    __tablename__ = "bounce_days"
    registration_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    halves: Mapped[int]


class Suppression(Base):
    """A number that said STOP, as a blind index alone: it outlives the registration."""

    __tablename__ = "suppressions"
    number_index: Mapped[bytes] = mapped_column(primary_key=True)
    at: Mapped[datetime]  # of the STOP, or of the last code that was asked for since
