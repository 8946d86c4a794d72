"""Work out where texts stand from their mails, and leave word for their senders."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import notices, texts
from bot.domain.states import State, parts_sent, text_state

TEXT_NOTICE = "text"


async def update_standings(
    session: AsyncSession, text_ids: Collection[int], now: datetime, reasons: Mapping[int, str] | None = None
) -> int:
    """Move texts to where their mails say they stand; a change becomes a notice. Returns how many moved."""
    if not text_ids:
        return 0
    moved = 0
    # Locked before the mails are read: of two who end the last mails at once, the second sees both ends.
    standings = await texts.lock_standings(session, text_ids)
    for text_id, items in (await texts.part_states(session, text_ids)).items():
        text = standings.get(text_id)
        if text is None or text.state not in (State.QUEUED, State.HELD, State.SENDING):
            continue
        state = text_state(items)
        reason = (reasons or {}).get(text_id, text.reason if state == State.QUEUED else "")
        changed = await texts.set_state(session, text_id, state, reason, parts_sent(items), now)
        # Of parts that went one by one the sender need not hear.
        if changed and (state != text.state or reason != text.reason):
            await notices.add(session, text.sender_id, TEXT_NOTICE, now, text_id=text_id)
            moved += 1
    return moved


async def note_standing(session: AsyncSession, text_id: int, sender_id: int, now: datetime) -> None:
    """Leave word for a sender of where a text stands, though it did not move."""
    await notices.add(session, sender_id, TEXT_NOTICE, now, text_id=text_id)
