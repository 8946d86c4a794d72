"""Say when the people on a carrier hear that its gateway closes, and in which words."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

from bot.domain.catalogue import Carrier, Kind

STEPS_DAYS: Final = (7, 30, 90)
CLOSED: Final = 0


def step_due(ends_on: date, today: date) -> int | None:
    """Name the notice that is due: 90, 30 or 7 days before the end, 0 from the day itself on, else None.

    Of several that were missed only the last is due: nobody wants three at once.
    """
    left = (ends_on - today).days
    if left <= 0:
        return CLOSED
    return next((step for step in STEPS_DAYS if left <= step), None)


def step_began(ends_on: date, step: int) -> date:
    """Say on which day a notice falls due: who registered from then on read the date as they did."""
    return ends_on - timedelta(days=step)


def gateway_ends(carriers: Iterable[Carrier]) -> dict[str, date]:
    """Say which gateways close and when: those whose phone company says so, or else everybody there."""
    there: defaultdict[str, list[Carrier]] = defaultdict(list)
    for carrier in carriers:
        if carrier.gateway is not None:
            there[carrier.gateway.domain].append(carrier)
    ends = {}
    for domain, users in there.items():
        # A brand may not be known to close: it depends on whose gateway it is.
        companies = [carrier for carrier in users if carrier.kind is Kind.CARRIER] or users
        dates = [carrier.retires_on for carrier in companies if carrier.retires_on is not None]
        if len(dates) == len(companies):
            ends[domain] = max(dates)
    return ends


def closing_words(carrier: Carrier, ends_on: date, today: date, instead: str) -> str:
    """Tell somebody that their carrier's gateway closes, and what to do."""
    days = (ends_on - today).days
    left = "1 day" if days == 1 else f"{days} days"
    return (
        f"{carrier.name}'s e-mail gateway closes on {ends_on.isoformat()}, in {left}; nobody can text your "
        f"phone through it after that. {way_out(instead, 'Before then, use')}"
    )


def suspended_words(carrier: Carrier, ends_on: date, instead: str) -> str:
    """Tell somebody that their registration is suspended, why, and what to do."""
    return (
        f"{carrier.name}'s e-mail gateway closed on {ends_on.isoformat()}, so your registration is suspended "
        f"and nobody can text your phone. {way_out(instead, 'Use')}"
    )


def way_out(instead: str, begin: str) -> str:
    """Say what helps whose carrier takes no texts: what took it over, or a service, where there is one."""
    if instead:
        return f"{begin} /phone register with {instead} instead."
    return (
        f"{begin} /phone register with a number of another carrier, or ask an admin for a service that takes "
        "texts by mail."
    )
