"""Show, hand out and erase what is kept of a person."""

import asyncio
import gzip
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import people, people_kept
from bot.domain.consent import WORDING_VERSION
from bot.domain.phone import mask
from bot.services.phone import take_away
from bot.services.shelf import Shelf

ERASED_KIND = "erased"
# Discord takes 10 MiB; what is larger goes packed.
LARGEST_PLAIN_BYTES = 8 * 1024 * 1024
_NOTHING = "Nothing is kept of you here. /phone register would register your phone."
_WHAT_NEXT = "/privacy export gives you all of it as a file, /privacy erase deletes it."
LEFT_OUT = (
    "Fingerprints and check values made with the operator's secret key, and the keys to Discord's answers.",
    "The number that waits for its code and the mails of codes: they would tell which numbers take codes.",
    "Who blocked you, and who tried to text you in vain: that is theirs.",
)
ERASED = (
    "Erased: your number, settings, texts and all else that was yours here. Nobody can text you now."
    " Proof of what you agreed to stays without your name, and counters against abuse until they end."
)


@dataclass(frozen=True, slots=True)
class Export:
    """A file for one person; what is in it never shows in a repr."""

    name: str
    content: bytes = field(repr=False)


async def show(session: AsyncSession, person_id: int, shelf: Shelf) -> str:
    """Say in plain words what is kept of a person."""
    found = [kept for kept in await people_kept.kept_of(session, person_id) if kept.how_many]
    if not found:
        return _NOTHING
    lines = [f"- {kept.how_many:,} × {kept.called}{_since(kept.since)}" for kept in found]
    return "\n".join([f"Kept of you here{await _phone(session, person_id, shelf)}:", *lines, _WHAT_NEXT])


async def _phone(session: AsyncSession, person_id: int, shelf: Shelf) -> str:
    phone = await people.phone_of(session, person_id)
    if phone is None:
        return ""
    listed = shelf.find(phone.carrier_guild or None, phone.carrier)
    carrier = listed.carrier.name if listed else phone.carrier
    return f", with your phone {mask(people.number_of(session, phone))} at {carrier}"


def _since(since: datetime | None) -> str:
    return f", since <t:{int(since.timestamp())}:D>" if since else ""


async def collect(session: AsyncSession, person_id: int) -> dict[str, list[dict[str, Any]]]:
    """Read all that is kept of a person, by kind."""
    return await people_kept.rows_of(session, person_id)


def holds_number(kept: dict[str, list[dict[str, Any]]]) -> bool:
    """Tell whether what is kept of a person has their number in it."""
    return any("number" in row for row in kept.get("phones", ()))


async def write_export(kept: dict[str, list[dict[str, Any]]], person_id: int, now: datetime) -> Export:
    """Write it as a file, off the event loop."""
    whole = {
        "discord_id": str(person_id),
        "read_at": now.isoformat(),
        "kept": kept,
        "left_out": LEFT_OUT,
    }
    return await asyncio.to_thread(_written, whole)


def _written(whole: dict[str, Any]) -> Export:
    content = json.dumps(whole, indent=1, ensure_ascii=False).encode("utf-8", "replace")
    if len(content) <= LARGEST_PLAIN_BYTES:
        return Export("textbridge.json", content)
    return Export("textbridge.json.gz", gzip.compress(content))


async def erase(session: AsyncSession, person_id: int, now: datetime) -> str:
    """Erase a person: texts that wait for them are cancelled, and so are those they sent."""
    if await take_away(session, person_id, now):
        await people.add_consent(session, person_id, ERASED_KIND, WORDING_VERSION, None, now)
    await people_kept.erase(session, person_id)
    return ERASED
