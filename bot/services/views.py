"""Keep what each server can choose from, so that nothing is put together while somebody types."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from bot.domain.search import SearchEntry

MOST_VIEWS: Final = 64
"""Only servers with entries or hides of their own have a view of their own: few are enough."""
Key = tuple[int | None, bool, bool]


@dataclass(slots=True)
class Views:
    """The entries on offer, by server and choice; thrown away whole when the catalogue or its use changes."""

    owners: frozenset[int]
    """Servers with something of their own; all others see what a DM sees."""
    _kept: dict[Key, tuple[SearchEntry, ...]] = field(default_factory=dict)

    def view(self, key: Key, build: Callable[[], tuple[SearchEntry, ...]]) -> tuple[SearchEntry, ...]:
        """Return a view, built where it is not there yet; the one that was built first makes room."""
        kept = self._kept.get(key)
        if kept is None:
            while len(self._kept) >= MOST_VIEWS:
                del self._kept[next(iter(self._kept))]
            kept = self._kept[key] = build()
        return kept
