"""Work out where texts stand from their mails, and leave word for their senders."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import listing, notices, outbox, texts
from bot.db.texts import Move
from bot.domain.standing import Standing
from bot.domain.states import MUST_KNOW, Item, State, parts_sent, text_state
from bot.domain.words import UNSURE

TEXT_NOTICE = "text"
_MOVABLE = (State.QUEUED, State.HELD, State.SENDING)


async def update_standings(
    session: AsyncSession, text_ids: Collection[int], now: datetime, reasons: Mapping[int, str] | None = None
) -> int:
    """Move texts to where their mails say they stand; a change becomes a notice. Returns how many moved."""
    if not text_ids:
        return 0
    # Locked before the mails are read: of two who end the last mails at once, the second sees both ends.
    standings = await texts.lock_standings(session, text_ids)
    moves: list[Move] = []
    word: list[tuple[int, int]] = []
    for text_id, items in (await texts.part_states(session, text_ids)).items():
        text = standings.get(text_id)
        if text is None or text.state not in _MOVABLE:
            continue
        state, sent = text_state(items), parts_sent(items)
        reason = (reasons or {}).get(text_id, text.reason if state in (State.QUEUED, State.HELD) else "")
        if (state, reason, sent) == (text.state, text.reason, text.parts_sent):
            continue
        moves.append(Move(text_id, state, reason, sent))
        # Of parts that went one by one the sender need not hear, nor of what no answer can show any more.
        if (state, reason) != (text.state, text.reason) and (text.open(now) or state in MUST_KNOW):
            word.append((text.sender_id, text_id))
    await texts.move(session, moves, now)
    unsaid = [one.text_id for one in moves if one.state in MUST_KNOW and not one.parts_sent]
    if unsaid:
        await listing.forget_introductions(session, unsaid)
    await notices.add_for_texts(session, TEXT_NOTICE, word, now)
    return len(word)


async def note_taken(session: AsyncSession, text_ids: Collection[int], now: datetime) -> tuple[set[int], int]:
    """Move texts whose only mail was taken: most of them, so all at once.

    Returns those it settled, and how many senders hear of it; the others are for update_standings().
    """
    taken = await texts.accept_whole(session, text_ids, now) if text_ids else {}
    word = [(sender, text_id) for text_id, (sender, until) in taken.items() if until and until > now]
    await notices.add_for_texts(session, TEXT_NOTICE, word, now)
    return set(taken), len(word)


async def say_why_they_wait(
    session: AsyncSession, waiting: Collection[Standing], reason: str, now: datetime
) -> int:
    """Give texts that wait a reason, and leave word of it once; returns how many had another one before."""
    new = [text for text in waiting if text.reason != reason]
    moves = [Move(text.id, text.state, reason, text.parts_sent) for text in new]
    await texts.move(session, moves, now)
    await notices.add_for_texts(session, TEXT_NOTICE, [(t.sender_id, t.id) for t in new if t.open(now)], now)
    return len(new)


async def note_standing(session: AsyncSession, text_id: int, sender_id: int, now: datetime) -> None:
    """Leave word for a sender of where a text stands, though it did not move."""
    await notices.add(session, sender_id, TEXT_NOTICE, now, text_id=text_id)


def _gone(text: Standing) -> bool:
    """Tell whether a text went, or may have, as far as is known."""
    unsure = text.state == State.FAILED and text.reason == UNSURE
    return text.state in (State.QUEUED, State.SENDING, State.ACCEPTED) or unsure


async def note_answered(session: AsyncSession, text_id: int, now: datetime) -> None:
    """Move a text to "answered": the phone has it, whatever was thought before."""
    text = (await texts.lock_standings(session, [text_id])).get(text_id)
    # While parts of it wait, that is what its answer in Discord says.
    back = (State.BOUNCED, State.EXPIRED)
    if text is not None and text.state != State.QUEUED and (text.state in back or _gone(text)):
        await _move_on(session, text, State.REPLIED, "", now)


async def note_returned(session: AsyncSession, text_id: int, reason: str, now: datetime) -> bool:
    """Move a text that its carrier sent back; False where it had not gone, or is answered or back already.

    Mails are ended before the text is locked: whoever records what came of mails does it in that order.
    """
    seen = (await texts.standings(session, [text_id])).get(text_id)
    if seen is None or not _gone(seen):
        return False
    await outbox.end_waiting(session, Item.CANCELLED, text_id=text_id)
    text = (await texts.lock_standings(session, [text_id])).get(text_id)
    if text is None or not _gone(text):
        return False
    await _move_on(session, text, State.BOUNCED, reason, now)
    return True


async def _move_on(session: AsyncSession, text: Standing, state: State, reason: str, now: datetime) -> None:
    await texts.move(session, [Move(text.id, state, reason, text.parts_sent)], now)
    if text.open(now) or state in MUST_KNOW:
        await note_standing(session, text.id, text.sender_id, now)


async def cancel_waiting(session: AsyncSession, person_id: int, now: datetime) -> None:
    """Cancel every text that waits for a person, and tell its sender."""
    hit = await outbox.end_waiting(session, Item.CANCELLED, queue=person_id)
    await update_standings(session, hit.keys(), now, {text: UNSURE for text, unsure in hit.items() if unsure})
