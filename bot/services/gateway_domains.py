"""Put domains on the operator's list: asked once of an editor, and by an admin through the owner."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import carriers as entries
from bot.db import domain_requests, notices
from bot.domain.catalogue import refusal
from bot.domain.errors import UserError
from bot.domain.plain import one_line
from bot.services.carrier_change import Actor, Ask, Change, Done
from bot.services.carrier_words import evidence
from bot.services.shelf import Shelf

MOST_REQUESTS, REQUESTS_PER = 5, timedelta(days=30)
KEEP_REQUESTS = timedelta(days=90)
_LONGEST_SERVER_CHARS = 40
_QUIET_MARKS = " -'.,!&"


async def open_domain(
    session: AsyncSession, shelf: Shelf, actor: Actor, change: Change, now: datetime, *, confirmed: bool
) -> Ask | Done | None:
    """See that a change's domain is on the list; None where it is, else what the actor is told instead."""
    if change.mms_domain and not actor.is_editor and change.mms_domain not in shelf.domains:
        raise UserError(
            f"{change.mms_domain} is not on the bot owner's list of gateways. Ask the owner to add it."
        )
    if change.domain is None:
        return None
    there = shelf.at_domain(change.domain)
    all_closed = there and all(refusal(carrier, now.date()) is not None for carrier in there)
    closed = there[0] if all_closed else None
    if closed is not None and not actor.is_editor:
        raise UserError(f"{refusal(closed, now.date())} Only the bot's owner can use its gateway again.")
    if closed is not None and not confirmed:
        return Ask(f"{evidence(closed)}\nUse {change.domain} all the same?")
    if change.domain in shelf.domains:
        return None
    if not actor.is_editor:
        return await _ask_owner(session, actor, change.domain, now, confirmed=confirmed)
    if not confirmed:
        return Ask(
            f"{change.domain} is new: texts may then go to any number at {change.domain}. Put it on the list?"
        )
    await _put_on_list(session, actor.guild_id, actor.person_id, change.domain, now)
    return None


async def _ask_owner(
    session: AsyncSession, actor: Actor, domain: str, now: datetime, *, confirmed: bool
) -> Ask | Done:
    """Have the owner asked for a domain; who asks, and how often, is the guild's own affair."""
    if not confirmed:
        return Ask(f"{domain} is not on the bot owner's list of gateways. Ask the owner to put it there?")
    if await domain_requests.count(session, actor.guild_id, now - REQUESTS_PER) >= MOST_REQUESTS:
        raise UserError(
            f"This server has asked for {MOST_REQUESTS} domains in 30 days, which is the most. "
            "Write to the bot's owner instead."
        )
    request_id = await domain_requests.ask(session, actor.guild_id, domain, actor.person_id, now)
    if request_id is None:
        raise UserError(
            f"This server has asked the bot's owner for {domain} already. The answer comes by DM."
        )
    await entries.audit(session, actor.guild_id, actor.person_id, "domain ask", domain, {}, {}, now)
    words = (
        f"<@{actor.person_id}>, an admin of {_shown(actor.guild_name)}, asks for the gateway {domain}. "
        f"If you allow it, texts may go to any number at {domain}. The buttons answer; so does /carrier add."
    )
    await notices.add(session, notices.OPERATOR, notices.DOMAIN, now, words=words, request_id=request_id)
    return Done(f"The bot's owner is asked about {domain}. The answer comes by DM.")


async def answer(
    session: AsyncSession, shelf: Shelf, editor_id: int, request_id: int, now: datetime, *, allow: bool
) -> str:
    """Answer an admin's request, once; raises UserError where it does not wait any more."""
    await entries.take_turn(session)
    what = domain_requests.ALLOWED if allow else domain_requests.REFUSED
    request = await domain_requests.answer(session, request_id, what)
    if request is None:
        raise UserError("That request has been answered already, or is too old. There is nothing to do.")
    domain = request.domain
    if allow:
        await _put_on_list(session, request.guild_id, editor_id, domain, now)
        await _tell_allowed(session, {request.asked_by}, domain, now)
        return f"{domain} is on the list. Whoever asked is told, and can /carrier add it now."
    await entries.audit(session, request.guild_id, editor_id, "domain refuse", domain, {}, {}, now)
    words = f"The bot's owner did not put {domain} on the list of gateways. Pick another one."
    await notices.add(session, request.asked_by, notices.DOMAIN, now, words=words)
    return f"{domain} stays off the list. Whoever asked is told."


async def _put_on_list(
    session: AsyncSession, guild_id: int, editor_id: int, domain: str, now: datetime
) -> None:
    await entries.add_domain(session, domain, editor_id, now)
    await entries.audit(session, guild_id, editor_id, "domain add", domain, {}, {}, now)
    await _tell_allowed(session, await domain_requests.allow_all(session, domain), domain, now)


async def _tell_allowed(session: AsyncSession, people: set[int], domain: str, now: datetime) -> None:
    words = f"The bot's owner put {domain} on the list of gateways. You can /carrier add it now."
    await notices.add_for(session, sorted(people), notices.DOMAIN, words, now)


def _shown(server: str) -> str:
    """Write a server's name without what Discord would read as markup."""
    kept = "".join(char for char in server if char.isalnum() or char in _QUIET_MARKS)
    return one_line(kept, _LONGEST_SERVER_CHARS) or "a server"
