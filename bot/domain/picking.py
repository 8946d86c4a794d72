"""Pick which of a lane's waiting mails go next, so that nobody's many fill the road."""

from collections.abc import Iterable, Mapping

# So many of one recipient's mails are held at once: they go one after another, and others need the room.
MOST_OF_ONE_QUEUE = 16


def pick(waiting: Iterable[tuple[int, int]], room: int, held: Mapping[int, int]) -> list[int]:
    """Choose the ids that go now from (id, queue) in the order of their turns; `held` counts by queue."""
    picked: list[int] = []
    counts: dict[int, int] = {}
    for item_id, queue in waiting:
        if len(picked) >= room:
            break
        # Not past one that stays behind: a queue's mails leave in order.
        counts[queue] = place = counts.get(queue, held.get(queue, 0)) + 1
        if place <= MOST_OF_ONE_QUEUE:
            picked.append(item_id)
    return picked
