"""Word what a guild's admins see: settings, who changed what, how texts fare. Never a recipient."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import carriers, guild_texts, policies
from bot.db.crypto import is_pseudonym
from bot.db.person_tables import ABOUT_PEOPLE
from bot.domain.limits import Limits
from bot.domain.permission import Policy, until_words
from bot.domain.words import MOST_NAMED, short, some_of
from bot.services.bounds import lowest

A_PAGE = 10
_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)


def settings(policy: Policy, limits: Limits | None, now: datetime) -> str:
    """Describe a guild's policy."""
    who = ", ".join(f"<@&{role}>" for role in sorted(policy.roles)) or "every member"
    state = "on" if policy.texting else "off"
    if policy.paused_until is not None and policy.paused_until > now:
        state += f", paused{until_words(policy.paused_until, now)}"
    log = f"<#{policy.log_channel}>" if policy.log_channel else "none; reports go to the server's owner"
    most = [(name, lowest(policy, limits, name)) for name in ("sender", "pair", "recipient", "guild")]
    rates = {name: "any number" if count is None else str(count) for name, count in most}
    answers = "in the channel, where a sender asks for it, or by DM" if policy.answers_here else "by DM only"
    return (
        f"**Texting here** is {state}.\n"
        f"Who may send: {who}. Reports are posted in: {log}.\n"
        f"What phones answer is shown {answers}.\n"
        f"Texts an hour: {rates['sender']} from one member, {rates['pair']} to the same person, "
        f"{rates['recipient']} to one person in all, {rates['guild']} from this server.\n"
        f"A sender's account is at least {policy.account_age // _DAY} days old, and here for "
        f"{policy.time_here // _MINUTE} minutes; not asked of members with Manage Server."
    )


async def blocked(session: AsyncSession, guild_id: int) -> str:
    """Name whom a guild's admins let send no texts, the latest first; no words where that is nobody."""
    found, count = await policies.barred(session, guild_id, MOST_NAMED)
    return f"Blocked here: {some_of(found, count)}. /bridge unblock lifts that." if found else ""


@dataclass(frozen=True, slots=True)
class AuditPage:
    """One page of the audit."""

    words: str
    number: int
    last: int


async def audit(session: AsyncSession, guild_id: int, number: int) -> AuditPage:
    """List who did what in a guild, newest first."""
    rows, count = await carriers.audited(session, guild_id, (max(number, 1) - 1) * A_PAGE, A_PAGE)
    last = max(1, -(-count // A_PAGE))
    if not rows:
        return AuditPage("Nothing has been changed here yet.", number, last)
    lines = [_line(row) for row in rows]
    return AuditPage("\n".join([*lines, f"Page {number} of {last}"] if last > 1 else lines), number, last)


def _person(person_id: int) -> str:
    """Name who stands in the audit: nobody's name is given who reports without it, or was erased."""
    if is_pseudonym(person_id):
        return "somebody"
    return f"<@{person_id}>" if person_id else "a member"


def _line(row: Any) -> str:
    who = _person(row.actor_id)
    about = f" {row.subject}" if row.subject else ""
    if row.action in ABOUT_PEOPLE:
        about = f" {_person(int(row.subject))}"
    after = json.loads(row.after)
    if row.action == "report":
        about += f" for a text of <t:{after.get('at', 0)}:f>"
    elif row.action == "settings":
        before = json.loads(row.before)
        changes = (
            f"{name.replace('_', ' ')} {before[name] or '-'} to {after[name] or '-'}" for name in after
        )
        about = f": {'; '.join(changes)}"
    elif row.action == "pause":
        about = f" {after['paused_until']}"
    return f"<t:{int(row.at.timestamp())}:f> {who}: {row.action.replace('_', ' ')}{about}"


async def queue(session: AsyncSession, guild_id: int, now: datetime) -> str:
    """Count what waits, by gateway, with the age of the oldest."""
    found = await guild_texts.waiting(session, guild_id)
    if not found:
        return "No text of this server waits."
    lines = []
    for one in found:
        texts = "1 text" if one.texts == 1 else f"{one.texts} texts"
        what = "held for quiet hours" if one.held else "waiting"
        closed = "; its gateway refuses texts right now" if _closed(one.closed_until, now) else ""
        lines.append(
            f"{one.domain}: {texts} {what}, the oldest since <t:{int(one.oldest.timestamp())}:R>{closed}"
        )
    return "\n".join(lines)


def _closed(until: datetime | None, now: datetime) -> bool:
    return until is not None and until > now


async def health(session: AsyncSession, guild_id: int, policy: Policy, now: datetime) -> str:
    """Say how a guild's texts of the last 24 hours fared, and what is in their way."""
    counts = await guild_texts.since(session, guild_id, now - _DAY)
    waiting = await guild_texts.waiting(session, guild_id)
    total = sum(counts.values())
    by_state: dict[str, int] = {}
    for state, count in counts.items():
        word = short(state, "", 1, 0)
        by_state[word] = by_state.get(word, 0) + count
    fared = ", ".join(f"{count} {word}" for word, count in sorted(by_state.items()))
    lines = [f"Texts of the last 24 hours: {total}" + (f" ({fared})." if fared else ".")]
    closed = sorted({one.domain for one in waiting if _closed(one.closed_until, now)})
    old = [one for one in waiting if not one.held and now - one.oldest > 10 * _MINUTE]
    if not policy.texting:
        lines.append("Texting is switched off here. /bridge settings switches it on.")
    elif policy.paused_until is not None and policy.paused_until > now:
        until = until_words(policy.paused_until, now)
        lines.append(f"Texting is paused here{until}. /bridge resume ends it.")
    elif closed:
        lines.append(f"Refusing texts right now: {', '.join(closed)}. The bot keeps trying.")
    elif old:
        lines.append("Some texts have waited for over 10 minutes. /bridge queue shows where.")
    else:
        lines.append("Nothing is in the way of texts.")
    return "\n".join(lines)
