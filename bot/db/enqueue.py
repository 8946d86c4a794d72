"""Put mails into the outbox, each with its turn in its lane."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.store import vault_of
from bot.db.tables import OutboxItem
from bot.domain.states import Item

CODE_PRIORITY, CHAT_PRIORITY = 0, 1


@dataclass(frozen=True, slots=True)
class NewItem:
    """A mail to keep until it is sent. Its words never show in a repr."""

    queue: int
    priority: int
    sender_id: int
    guild_id: int | None
    domain: str
    part: int
    words: str = field(repr=False)
    mail_id: str
    due_at: datetime
    expires_at: datetime
    text_id: int | None = None
    verification_id: int | None = None
    registration_id: int | None = None
    registration_version: int | None = None


async def add(session: AsyncSession, items: Sequence[NewItem]) -> None:
    """Put mails into the outbox, sealed."""
    vault = vault_of(session)
    for item in items:
        session.add(
            OutboxItem(
                queue=item.queue,
                priority=item.priority,
                text_id=item.text_id,
                verification_id=item.verification_id,
                registration_id=item.registration_id,
                registration_version=item.registration_version,
                sender_id=item.sender_id,
                guild_id=item.guild_id,
                domain=item.domain,
                part=item.part,
                turn=int(item.due_at.timestamp() * 1_000_000),
                words_sealed=vault.seal(item.words),
                mail_id=item.mail_id,
                state=Item.WAITING,
                due_at=item.due_at,
                expires_at=item.expires_at,
            )
        )
    await session.flush()
