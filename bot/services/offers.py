"""Say what a person can register with: what fits what they type, and the services that are on."""

from datetime import date

from bot.domain.catalogue import Carrier, refusal
from bot.domain.errors import UserError
from bot.services.shelf import Shelf

MOST = 25
_PICK = "Name your carrier: type /phone register, choose carrier and pick yours from the list that appears."


def offers(shelf: Shelf, guild_id: int | None, query: str, country: str, today: date) -> list[Carrier]:
    """List at most 25; a service that is on stands before what is closed, or first if nothing is typed."""
    found = shelf.search(guild_id, query, country)
    services = services_on(shelf, guild_id, country, today)
    if not query.strip():
        first = 0
    else:
        services = [one for one in services if one not in found]
        closed = (place for place, one in enumerate(found) if refusal(one, today) is not None)
        first = next(closed, len(found))
        if found and first == len(found):
            return found  # whatever fits is open
    rest = [one for one in found if one not in services]
    return [*rest[:first], *services, *rest[first:]][:MOST]


def services_on(shelf: Shelf, guild_id: int | None, country: str, today: date) -> list[Carrier]:
    """List the services that are switched on here and reach phones of a country, the most used first."""
    return [
        one
        for one in shelf.services(guild_id)
        if one.country in (None, country)
        and refusal(one, today) is None
        and one.gateway is not None
        and one.gateway.domain in shelf.domains
    ]


def service_for(shelf: Shelf, guild_id: int | None, country: str, today: date) -> Carrier:
    """Choose the service for somebody who names no carrier; raises UserError where none is on."""
    services = services_on(shelf, guild_id, country, today)
    if not services:
        raise UserError(_PICK)
    return services[0]


def way_out(shelf: Shelf, guild_id: int | None, closed: Carrier, today: date) -> str:
    """Name what carries texts instead of a closed carrier: who took it over, else a service, or nothing."""
    heir = shelf.find(guild_id, closed.successor) if closed.successor else None
    if heir is not None and not heir.off and refusal(heir.carrier, today) is None:
        return heir.carrier.name
    services = services_on(shelf, guild_id, closed.country or shelf.home, today)
    return services[0].name if services else ""
