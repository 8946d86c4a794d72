"""Mails that come in, as the inbox hands them over, in a town."""

from functools import cache
from typing import Any

from bot.app import CATALOGUE
from bot.domain.catalogue_file import parse_catalogue
from bot.domain.envelope import Envelope
from bot.domain.inbound import Arrived, Belonging, Bounce, Kind, Reading, Trust
from bot.sandbox.answer import Answer
from bot.sandbox.member import Person
from bot.services.arrivals import Acted, Rules, act
from bot.services.shelf import Shelf
from tests.flow.town import Town


async def arrives(
    town: Town,
    kind: Kind,
    phone_of: Person,
    text: Answer | None = None,
    words: str = "",
    trust: Trust = Trust.ADDRESSED,
    *,
    wake: bool = True,
    **more: Any,
) -> Acted:
    """Let a mail come in from a person's phone, as an answer to a text where one is given."""
    text_id = text.interaction.id if text else None
    reading = Reading(kind, words, **more)
    belonging = Belonging(trust, phone_of.id, text_id)
    return await take(town, Arrived(Envelope(), reading, belonging), wake=wake)


@cache
def _shelf() -> Shelf:
    return Shelf(parse_catalogue(CATALOGUE.read_text("utf-8")), frozenset())


async def take(town: Town, arrived: Arrived, *, wake: bool = True) -> Acted:
    """Do with a mail what the inbox does, and let somebody's command wake the bot, which may be idle."""
    async with town.store() as store, store.write() as session:
        acted = await act(session, arrived, town.clock(), Rules(_shelf(), "ops@example.org"))
    if wake:
        await town.says(town.founder, "phone unblock", user=town.bob)
    return acted


async def comes_back(
    town: Town, phone_of: Person, text: Answer, reason: str = "unknown", status: str = "5.1.1", **more: Any
) -> Acted:
    """Let a text come back from the carrier, for good."""
    bounce = more.pop("bounce", Bounce.HARD)
    return await arrives(
        town, Kind.BOUNCE, phone_of, text, bounce=bounce, status=status, reason=reason, **more
    )
