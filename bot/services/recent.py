"""Show a person who texted them, and let them block or report the sender of one of these texts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import carriers, limits, notices, texts
from bot.domain.errors import UserError
from bot.domain.standing import Standing
from bot.services.phone import block

LAST_TEXTS = 20

MOST_REPORTS, REPORTS_PER = 5, timedelta(days=1)
GONE = "That text is no longer known. Use /phone block with the sender's name."


@dataclass(frozen=True, slots=True)
class Recent:
    """The lines to show, and the texts that they are about, in order."""

    words: str
    text_ids: Sequence[int]


async def recent(session: AsyncSession, person_id: int, server: Callable[[int], str]) -> Recent:
    """List the last texts that reached a person, or wait for them: from whom, where and when."""
    found = await texts.sent_to(session, person_id, LAST_TEXTS)
    if not found:
        return Recent("Nobody has texted you in the last 90 days.", [])
    lines = [
        f"{place}. <@{text.sender_id}> in {server(text.guild_id)}, <t:{int(text.created_at.timestamp())}:R>"
        for place, text in enumerate(found, 1)
    ]
    return Recent("\n".join(lines), [text.id for text in found])


async def one(session: AsyncSession, person_id: int, text_id: int) -> Standing:
    """Find a text that came to this person. Raises UserError."""
    text = (await texts.standings(session, [text_id])).get(text_id)
    if text is None or text.recipient_id != person_id:
        raise UserError(GONE)
    return text


async def block_sender(session: AsyncSession, person_id: int, text_id: int, now: datetime) -> str:
    """Take no more texts from whoever sent this one."""
    text = await one(session, person_id, text_id)
    return await block(session, person_id, text.sender_id, now)


async def report(session: AsyncSession, person_id: int, text_id: int, now: datetime, *, named: bool) -> str:
    """Tell a guild's admins of a sender, with the time, and only where they will of whoever reports.

    It stands in the guild's audit, and goes to its log channel or its owner.
    """
    text = await one(session, person_id, text_id)
    again = await limits.use(session, f"report:{person_id}:{text_id}", 1, timedelta(days=30), now)
    if again is not None:
        return "You have reported that text already; the admins have it."
    full = await limits.use(session, f"reports:{person_id}", MOST_REPORTS, REPORTS_PER, now)
    if full is not None:
        raise UserError(
            f"You've reported a lot today. The next one can go <t:{int(full.timestamp()) + 1}:R>."
        )
    who, when = f"<@{person_id}>" if named else "A member", int(text.created_at.timestamp())
    reporter = person_id if named else 0
    after = {"at": when}
    await carriers.audit(session, text.guild_id, reporter, "report", str(text.sender_id), {}, after, now)
    words = (
        f"{who} reports a text that <@{text.sender_id}> sent <t:{when}:f>. /bridge block stops them from "
        f"texting here."
    )
    await notices.add(session, -text.guild_id, notices.REPORT, now, words=words)
    what = "with your name" if named else "without your name"
    return f"Reported to the admins of that server, {what}. You can also block the sender."
