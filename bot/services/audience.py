"""Let a person say who may text them: in one guild, and anywhere in quiet hours too."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import held, listing, people
from bot.domain.consent import EVERYONE, LISTED, WORDING_VERSION
from bot.domain.errors import UserError
from bot.domain.quiet import Quiet, parse_clock, parse_zone

MOST_LISTED = 25
NO_PHONE = "You have no phone registered. Use /phone register to add one."
_OFF = ("off", "none", "never")


@dataclass(frozen=True, slots=True)
class Chosen:
    """What to say, and who stands in the menu below it: (id, whether it is a role); None without a menu."""

    sentence: str
    menu: Sequence[tuple[int, bool]] | None = None


async def allow(session: AsyncSession, person_id: int, guild_id: int, who: str, now: datetime) -> Chosen:
    """Say who in a guild may text a person."""
    await _require_phone(session, person_id)
    await people.allow(session, person_id, guild_id, who, now)
    await people.add_consent(session, person_id, f"allow {who}", WORDING_VERSION, guild_id, now)
    await held.look_again(session, now, person_id=person_id)
    if who == EVERYONE:
        return Chosen("Everyone in this server who may send texts can now text you.")
    if who == LISTED:
        listed = await listing.listed(session, person_id, guild_id)
        return Chosen(_listed_words(listed), listed)
    return Chosen("Nobody in this server can text you now. /phone allow changes it back.")


async def list_senders(
    session: AsyncSession,
    person_id: int,
    guild_id: int,
    chosen: Sequence[tuple[int, bool]],
    now: datetime,
) -> Chosen:
    """Let only these people and roles of a guild text a person."""
    await _require_phone(session, person_id)
    # Nobody is listed as themselves.
    subjects = [one for one in chosen if one[0] != person_id][:MOST_LISTED]
    await listing.set_listed(session, person_id, guild_id, subjects)
    if await people.audience(session, person_id, guild_id) != LISTED:
        await people.allow(session, person_id, guild_id, LISTED, now)
    kind = f"allow {LISTED}"
    await people.add_consent(session, person_id, kind, WORDING_VERSION, guild_id, now)
    await held.look_again(session, now, person_id=person_id)
    return Chosen(_listed_words(subjects), subjects)


def _listed_words(listed: Sequence[tuple[int, bool]]) -> str:
    if not listed:
        return "Only people and roles you choose below can text you in this server. So far that is nobody."
    names = ", ".join(f"<@&{one}>" if is_role else f"<@{one}>" for one, is_role in listed)
    return f"In this server only these can text you now: {names}. Choose others below."


async def _require_phone(session: AsyncSession, person_id: int) -> people.Phone:
    phone = await people.phone_of(session, person_id)
    if phone is None:
        raise UserError(NO_PHONE)
    return phone


async def set_quiet(
    session: AsyncSession,
    person_id: int,
    start: str | None,
    end: str | None,
    zone: str | None,
    now: datetime,
) -> Chosen:
    """Set, change or take away quiet hours; with nothing given, show them. Raises UserError."""
    phone = await _require_phone(session, person_id)
    if start is not None and start.strip().lower() in _OFF:
        await _keep_quiet(session, person_id, None, now)
        return Chosen("Quiet hours are off: texts reach you at any time.")
    quiet = phone.quiet
    if (start, end, zone) != (None, None, None):
        quiet = _changed(quiet, start, end, zone)
        await _keep_quiet(session, person_id, quiet, now)
    if quiet is None:
        return Chosen("You have no quiet hours. Set them with start, end and timezone.")
    granted = sorted(await listing.urgent(session, person_id))
    until = quiet.ends(now)
    waits = f" (<t:{int(until.timestamp())}:t>)" if until else ""
    words = f"Quiet hours: {quiet}. Texts wait until they end{waits}. Those you choose reach you anyway."
    return Chosen(words, [(one, False) for one in granted])


def _changed(quiet: Quiet | None, start: str | None, end: str | None, zone: str | None) -> Quiet:
    begins = parse_clock(start) if start is not None else quiet.start if quiet else None
    ends = parse_clock(end) if end is not None else quiet.end if quiet else None
    where = parse_zone(zone) if zone is not None else quiet.zone if quiet else None
    if begins is None or ends is None or where is None:
        raise UserError("Give start, end and timezone, such as 22:00, 7:00 and Europe/Berlin.")
    if begins == ends:
        raise UserError("Start and end are the same. To take no texts at all, use /phone pause.")
    return Quiet(begins, ends, where)


async def _keep_quiet(session: AsyncSession, person_id: int, quiet: Quiet | None, now: datetime) -> None:
    await people.set_quiet(session, person_id, quiet)
    # What is held was held until another time.
    await held.look_again(session, now, person_id=person_id)


async def let_through(
    session: AsyncSession, person_id: int, chosen: Collection[int], now: datetime
) -> Chosen:
    """Let these people, and no others, reach a person in quiet hours; each change stands in the ledger."""
    await _require_phone(session, person_id)
    before = await listing.urgent(session, person_id)
    after = set(sorted(set(chosen) - {person_id})[:MOST_LISTED])
    await listing.grant(session, person_id, after - before, now)
    await listing.withdraw(session, person_id, before - after)
    for kind, others in (("urgent granted", after - before), ("urgent withdrawn", before - after)):
        for other in sorted(others):
            await people.add_consent(session, person_id, kind, WORDING_VERSION, None, now, other)
    await held.look_again(session, now, person_id=person_id)
    if not after:
        return Chosen("Nobody reaches you in your quiet hours now.", [])
    names = ", ".join(f"<@{one}>" for one in sorted(after))
    return Chosen(
        f"In your quiet hours these reach you anyway: {names}. They aren't told; /phone quiet changes it.",
        [(one, False) for one in sorted(after)],
    )
