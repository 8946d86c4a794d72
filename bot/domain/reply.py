"""Hold a phone's answer on its way to somebody in Discord."""

from dataclasses import dataclass, field

from bot.domain.inbound import Picture


@dataclass(frozen=True, slots=True)
class Reply:
    """What a phone answered; its words never show in a repr."""

    id: int
    text_id: int
    person_id: int  # whose phone it came from
    to_id: int  # who sent the text that it answers
    guild_id: int
    proven: bool
    held: bool  # until the phone's owner says that it is theirs
    words: str = field(default="", repr=False)
    pictures: tuple[Picture, ...] = field(default=(), repr=False)
    channel_id: int | None = None  # where its text's sender wants it shown, instead of by DM
