"""Find carriers by what a person types of their name, brand, domain or country."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from bot.domain.catalogue import Carrier, Kind, Status
from bot.domain.countries import country_title

LONGEST_QUERY_CHARS: Final = 100
_SHELF_OF_STATUS: Final = {Status.ACTIVE: 0, Status.UNKNOWN: 1, Status.FAILING: 3, Status.RETIRED: 3}
_GROUPS, _DEGREES = 3, 4


@dataclass(frozen=True, slots=True)
class SearchEntry:
    """Hold a carrier beside its folded words, so that a search need not fold them again."""

    carrier: Carrier
    name: str
    starts: tuple[str, ...]
    everything: str


def search_entries(carriers: Iterable[Carrier]) -> tuple[SearchEntry, ...]:
    """Fold the words of carriers and put them in the order in which equal matches are shown."""
    return tuple(_entry(carrier) for carrier in sorted(carriers, key=_usefulness))


def rank(
    entries: Iterable[SearchEntry], query: str, country_hint: str | None, limit: int = 25
) -> list[Carrier]:
    """Choose the best matches: the hinted country first, then names that start so, then any other place.

    Takes time linear in the number of entries.
    """
    typed = [(word, _fold(word)) for word in query[:LONGEST_QUERY_CHARS].casefold().split()]
    whole = "".join(folded for _, folded in typed)
    shelves: list[list[Carrier]] = [[] for _ in range(_GROUPS * _DEGREES)]
    for entry in entries:
        if (whole and whole in entry.everything) or all(
            word in entry.everything or (folded and folded in entry.everything) for word, folded in typed
        ):
            shelf = _group(entry.carrier, country_hint) * _DEGREES + _degree(entry, whole)
            shelves[shelf].append(entry.carrier)
    return [carrier for shelf in shelves for carrier in shelf][:limit]


def by_use(entries: Iterable[SearchEntry], uses: Mapping[str, int]) -> tuple[SearchEntry, ...]:
    """Put what many people use before what few use, closed entries last; `uses` counts by slug."""
    return tuple(sorted(entries, key=lambda entry: _in_use(entry.carrier, uses)))


def _in_use(carrier: Carrier, uses: Mapping[str, int]) -> tuple[bool, int]:
    closed = carrier.status in (Status.FAILING, Status.RETIRED) and not carrier.enabled
    # A server's own entries have no count: its admin would see in their order who registered.
    return closed, -(uses.get(carrier.slug, 0) if carrier.guild_id is None else 0)


def _entry(carrier: Carrier) -> SearchEntry:
    names = (carrier.name, *carrier.brands)
    words = (word for name in names for word in name.split())
    starts = tuple(dict.fromkeys(_fold(part) for part in (*names, *words)))
    domains = (carrier.gateway.domain if carrier.gateway else "", carrier.mms_domain or "")
    country = country_title(carrier.country) if carrier.country else ""
    rest = (
        *names,
        *domains,
        carrier.slug,
        carrier.host_network or "",
        country,
        carrier.country or "",
        _fold(country),
    )
    return SearchEntry(carrier, starts[0], starts, " ".join((*starts, *rest)).casefold())


def _usefulness(carrier: Carrier) -> tuple[int, bool, str, str]:
    shelf = _SHELF_OF_STATUS[carrier.status]
    if carrier.kind is Kind.SERVICE:
        shelf = max(shelf, 2)
    if not carrier.supported or carrier.kind in (Kind.MAILBOX, Kind.PAGING):
        shelf = 4
    return shelf, carrier.kind is Kind.BRAND, carrier.name.casefold(), carrier.slug


def _group(carrier: Carrier, country_hint: str | None) -> int:
    if country_hint is None or carrier.country == country_hint:
        return 0
    return 1 if carrier.country is None else 2


def _degree(entry: SearchEntry, whole: str) -> int:
    if entry.name == whole:
        return 0
    if entry.name.startswith(whole):
        return 1
    return 2 if any(start.startswith(whole) for start in entry.starts) else 3


def _fold(text: str) -> str:
    """Keep letters and digits only, without case and accents, so `tmobile` finds T-Mobile."""
    spread = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in spread if char.isalnum())
