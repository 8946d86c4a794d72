"""Keep the catalogue as it is now: what ships, what editors changed, and what each guild shows and lets."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import carriers as entries
from bot.db import signs
from bot.db.one_trip import on_the_loop
from bot.db.people import ACTIVE, Phone
from bot.domain.catalogue import Carrier, Kind, refusal
from bot.domain.catalogue_file import Catalogue
from bot.domain.search import SearchEntry, by_use, rank, search_entries
from bot.services.policies import Policies
from bot.services.shelf_build import SHARED as SHARED
from bot.services.shelf_build import Listed as Listed
from bot.services.shelf_build import build, rates
from bot.services.views import Views

FEW = 1_000


class Shelf:
    """The catalogue in memory, read again when a process changed it in the store."""

    def __init__(self, shipped: Catalogue, more_domains: frozenset[str], home: str = "US") -> None:
        self._shipped, self._home = shipped, home
        self._operator_domains = shipped.domains | more_domains
        self._version = ""
        self._entries: dict[tuple[int, str], Listed] = {(SHARED, c.slug): Listed(c) for c in shipped.carriers}
        self._hidden: set[tuple[int, str]] = set()
        self._removed: dict[str, Listed] = {}
        self._kept: dict[tuple[int, str], Carrier] = {}
        self._rates = rates(self._entries.values())
        self._index: tuple[SearchEntry, ...] = ()
        self._unfolded: Sequence[Carrier] = shipped.carriers
        self._uses: Mapping[str, int] = {}
        self._views = self._no_views()
        self.domains: frozenset[str] = self._operator_domains
        # Gateways whose codes have stopped coming back, and since when that is known.
        self.doubts: Mapping[str, datetime] = {}
        self.policies = Policies()  # beside it, since one look tells what changed of either

    @property
    def home(self) -> str:
        """Name the country that the bot's people are in unless they say otherwise."""
        return self._home

    async def refresh(self, session: AsyncSession) -> None:
        """Take over what changed since the last look; one small query where nothing did.

        After it a trip beside the event loop may use the catalogue to its end: it keeps everybody else from
        committing a newer one, and the loop takes over nothing older. So the version is what changes last.
        """
        version, policies = await entries.versions(session)
        await self.policies.refresh(session, policies)
        if version == self._version:
            return
        await on_the_loop()
        changed = await entries.entries(session)
        domains = await entries.listed_domains(session)
        doubts = await signs.doubts(session)
        built = await build(self._shipped, changed)
        if int(self._version or -1) >= int(version):
            return  # meanwhile somebody else took over as much
        self._entries, self._hidden, self._removed = built.entries, built.hidden, built.removed
        self._kept, self._rates, self._unfolded = built.kept, built.rates, built.carriers
        self._views = self._no_views()
        self.domains, self.doubts = self._operator_domains | domains, doubts
        self._version = version

    @property
    def _folded(self) -> tuple[SearchEntry, ...]:
        # Folded once for each change, not for each letter that somebody types; and not where nobody types.
        if self._unfolded:
            self._index, self._unfolded = search_entries(self._unfolded), ()
        return self._index

    async def fold(self) -> None:
        """Prepare the search beside everything else, where there is much to prepare."""
        carriers = self._unfolded
        if len(carriers) > FEW:
            index = await asyncio.to_thread(search_entries, carriers)
            if self._unfolded is carriers:
                self._index, self._unfolded = index, ()

    @property
    def version(self) -> str:
        """Tell which state of the catalogue's changes this is."""
        return self._version

    def owned(self, guild: int) -> dict[str, tuple[Listed, bool]]:
        """Name every entry of a guild, or the shared ones (0), by its slug, and whether it was removed."""
        there = {slug: (one, False) for (owner, slug), one in self._entries.items() if owner == guild}
        gone = self._removed if guild == SHARED else {}
        return {**{slug: (one, True) for slug, one in gone.items()}, **there}

    def everywhere(self) -> list[Listed]:
        """List the shared entries and every guild's own."""
        return list(self._entries.values())

    def seen_in(self, guild_id: int | None) -> list[Listed]:
        """List what one guild sees (None: a DM, shared entries only); an entry it hides is marked off."""
        return [
            replace(listed, off=listed.off or (guild_id or SHARED, slug) in self._hidden)
            for (owner, slug), listed in self._entries.items()
            if owner in (SHARED, guild_id)
        ]

    def find(self, guild_id: int | None, slug: str) -> Listed | None:
        """Find an entry as a guild sees it, its own before a shared one of the same name."""
        for owner in (guild_id, SHARED):
            listed = self._entries.get((owner, slug)) if owner is not None else None
            if listed is not None:
                return replace(listed, off=listed.off or (guild_id or SHARED, slug) in self._hidden)
        return None

    def hides(self, guild_id: int, slug: str) -> bool:
        """Tell whether a guild hides a shared entry."""
        return (guild_id, slug) in self._hidden

    def is_removed(self, slug: str) -> bool:
        """Tell whether an editor removed a shared entry."""
        return slug in self._removed

    def is_taken(self, guild_id: int | None, slug: str) -> bool:
        """Tell whether a slug names an entry, or one that ships and was removed."""
        return self.find(guild_id, slug) is not None or slug in self._shipped.by_slug

    def named(self, guild_id: int | None, typed: str, *, removed: bool = False) -> Listed | None:
        """Find the one entry that a typed slug or name means; of namesakes the one at home."""
        gone = self._removed if removed else {}
        found = self.find(guild_id, typed.strip()) or gone.get(typed.strip())
        if found is not None:
            return found
        wanted = typed.strip().lower()
        same = [
            listed
            for listed in (*self.seen_in(guild_id), *gone.values())
            if listed.carrier.name.lower() == wanted
        ]
        if len(same) > 1:
            same = [listed for listed in same if listed.carrier.country == self._home]
        return same[0] if len(same) == 1 else None

    def at_domain(self, domain: str) -> list[Carrier]:
        """List the shared carriers whose texts go to a domain, phone companies before brands."""
        shared = (listed.carrier for (owner, _), listed in self._entries.items() if owner == SHARED)
        gone = (listed.carrier for listed in self._removed.values())
        there = [one for one in (*shared, *gone) if one.gateway and one.gateway.domain == domain]
        return sorted(there, key=lambda carrier: carrier.kind is not Kind.CARRIER)

    def rate_of(self, domain: str) -> int | None:
        """Say how many texts a minute a gateway takes, by its entries; None where none says so."""
        return self._rates.get(domain)

    def search(
        self,
        guild_id: int | None,
        query: str,
        country: str | None,
        *,
        everything: bool = False,
        removed: bool = False,
    ) -> list[Carrier]:
        """Rank at most 25 carriers for a choice: those on offer, or everything the guild sees."""
        return rank(self._view(guild_id, everything, removed), query, country)

    def services(self, guild_id: int | None) -> list[Carrier]:
        """List the services that are on here, the most used first."""
        view = (entry.carrier for entry in self._view(guild_id, everything=False, removed=False))
        return [carrier for carrier in view if carrier.kind is Kind.SERVICE]

    def note_use(self, uses: Mapping[str, int]) -> None:
        """Take over how many registrations the shared entries have."""
        if uses != self._uses:
            self._uses, self._views = uses, self._no_views()

    def _view(self, guild_id: int | None, everything: bool, removed: bool) -> tuple[SearchEntry, ...]:
        def build() -> tuple[SearchEntry, ...]:
            seen: Iterable[Listed] = (*self.seen_in(owner), *(self._removed.values() if removed else ()))
            wanted = {_key(x.carrier) for x in seen if everything or (not x.off and _sendable(x.carrier))}
            return by_use((entry for entry in self._folded if _key(entry.carrier) in wanted), self._uses)

        owner = guild_id if guild_id in self._views.owners else None
        return self._views.view((owner, everything, removed), build)

    def _no_views(self) -> Views:
        return Views(frozenset(owner for owner, _ in (*self._entries, *self._hidden)))

    def carrier_of(self, phone: Phone) -> Carrier:
        """Return the entry of a registration, right after takes() said that it takes texts."""
        return self._entries[phone.carrier_guild, phone.carrier].carrier

    def takes(self, phone: Phone, now: datetime) -> bool:
        """Tell whether texts may go to a registration through its carrier today."""
        return phone.state == ACTIVE and self.carries(phone.carrier_guild, phone.carrier, phone.domain, now)

    def carries(self, guild: int, slug: str, domain: str, now: datetime) -> bool:
        """Tell whether an entry takes texts today, and at this domain still."""
        listed = self._entries.get((guild, slug))
        return (
            listed is not None
            and not listed.off
            and domain in self.domains
            and listed.carrier.gateway is not None
            and listed.carrier.gateway.domain == domain
            and refusal(self._kept.get((guild, slug), listed.carrier), now.date()) is None
        )


def _key(carrier: Carrier) -> tuple[int, str]:
    return carrier.guild_id or SHARED, carrier.slug


def _sendable(carrier: Carrier) -> bool:
    # A retired carrier stays in the choices of /phone register: its refusal tells date and way out.
    return carrier.kind in (Kind.CARRIER, Kind.BRAND) or (carrier.kind is Kind.SERVICE and carrier.enabled)
