"""Measure how long the choices take while somebody types a carrier's name."""

import time
from dataclasses import replace
from datetime import date

from benchmarks.house_jobs import Report, percentiles
from bot.domain.catalogue import Carrier
from bot.domain.catalogue_file import Catalogue
from bot.operate.carriers_page import shipped
from bot.services.offers import offers
from bot.services.shelf import Shelf

GUILD, TODAY = 700, date(2026, 11, 22)
LONGEST_WORD_CHARS = 12


async def choices(carriers: int, presses: int) -> Report:
    """Type names letter by letter among so many carriers, with one service switched on."""
    shelf = Shelf(Catalogue(_many(shipped().carriers, carriers)), frozenset())
    shelf.note_use({carrier.slug: place for place, carrier in enumerate(shipped().carriers)})
    words = [carrier.name[:LONGEST_WORD_CHARS] for carrier in shipped().carriers]
    typed = [word[:length] for word in words for length in range(len(word) + 1)][:presses]
    took_s = []
    for letters in typed:
        began = time.perf_counter()
        offers(shelf, GUILD, letters, "US", TODAY)
        took_s.append(time.perf_counter() - began)
    return percentiles(took_s)


def _many(carriers: tuple[Carrier, ...], count: int) -> tuple[Carrier, ...]:
    """Repeat what ships under other names until there are so many; one service is on."""
    rounds = range(count // len(carriers) + 1)
    found = [
        replace(one, slug=f"{one.slug}-{n}", name=f"{one.name} {n}" if n else one.name, successor=None)
        for n in rounds
        for one in carriers
    ][:count]
    return tuple(replace(one, enabled=one.slug == "clicksend-0") for one in found)
