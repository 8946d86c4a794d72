"""Do what a mail that came in asks for, in the transaction that remembers it."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import notices, texts
from bot.db.texts import Move
from bot.domain.inbound import Arrived, Kind, Trust
from bot.domain.states import State
from bot.services.standing import TEXT_NOTICE

# Only what carries a proof of ours can return a text: anybody can write the rest.
_MAY_RETURN = frozenset({Trust.ADDRESSED, Trust.MAIL_ID})
_RETURNABLE = frozenset({State.QUEUED, State.SENDING, State.ACCEPTED})


async def act(session: AsyncSession, arrived: Arrived, now: datetime) -> None:
    """Act on a mail once: a text that was sent back is marked so, and its sender hears of it."""
    belonging = arrived.belonging
    if arrived.reading.kind is not Kind.BOUNCE or belonging.trust not in _MAY_RETURN:
        return
    if belonging.text_id is None:
        return
    text = (await texts.lock_standings(session, [belonging.text_id])).get(belonging.text_id)
    if text is None or text.state not in _RETURNABLE:
        return
    await texts.move(session, [Move(text.id, State.BOUNCED, arrived.reading.reason, text.parts_sent)], now)
    await notices.add_for_texts(session, TEXT_NOTICE, [(text.sender_id, text.id)], now)
