"""Name the table of the guilds that the bot has left."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from bot.db.base import Base


class GuildLeft(Base):
    """A guild that the bot is not in any more, since when."""

    __tablename__ = "guilds_left"
    guild_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
