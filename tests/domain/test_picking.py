"""What goes next: in the order of the turns, never past one of its queue that stays, never all of one."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.picking import MOST_OF_ONE_QUEUE, pick

QUEUES = st.integers(-2, 6)


@given(
    queues=st.lists(QUEUES, max_size=200),
    room=st.integers(0, 60),
    held=st.dictionaries(QUEUES, st.integers(0, 2 * MOST_OF_ONE_QUEUE)),
)
def test_every_rule(queues: list[int], room: int, held: dict[int, int]) -> None:
    waiting = list(enumerate(queues))
    picked = pick(waiting, room, held)
    assert len(picked) <= room
    assert picked == sorted(picked), "out of turn"
    counts = Counter(queues[item_id] for item_id in picked)
    for queue, count in counts.items():
        assert count + held.get(queue, 0) <= MOST_OF_ONE_QUEUE
        # Those picked of a queue are its first ones.
        mine = [item_id for item_id, of in waiting if of == queue]
        assert [item_id for item_id in picked if queues[item_id] == queue] == mine[:count]
    left = [item_id for item_id, _ in waiting if item_id not in picked]
    if len(picked) < room:
        for item_id in left:
            of = queues[item_id]
            assert counts[of] + held.get(of, 0) >= MOST_OF_ONE_QUEUE, "room was left, and a mail too"


def test_ten_thousand_of_one_leave_room_for_another() -> None:
    waiting = [(number, 1) for number in range(10_000)] + [(10_000, 2)]
    picked = pick(waiting, 32, {})
    assert picked == [*range(MOST_OF_ONE_QUEUE), 10_000]
