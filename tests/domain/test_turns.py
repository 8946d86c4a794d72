"""Nobody's many texts delay another's one by more than a gap."""

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.turns import FURTHEST_TURNS, GAP_US, Turn, Waiting

NOW = 1_764_000_000_000_000
SENDERS, RECIPIENTS = st.integers(1, 5), st.integers(11, 15)
ASKED = st.lists(st.tuples(SENDERS, RECIPIENTS, st.integers(0, GAP_US // 2)), max_size=40)
Text = tuple[int, int, int]


def turns(asked: list[Text]) -> list[Turn]:
    """Take turns one after another, with the time that passes before each; nothing is sent meanwhile."""
    waiting, now, taken = Waiting({}, set(), {}), NOW, []
    for sender, recipient, after in asked:
        now += after
        taken.append(waiting.take(sender, recipient, now))
    return taken


def silenced(asked: list[Text], place: int, who: int) -> list[Text]:
    """Take one sender's (0) or recipient's (1) texts away, but not the time."""
    kept, after = [], 0
    for text in asked:
        after += text[2]
        if text[place] != who:
            kept.append((text[0], text[1], after))
            after = 0
    return kept


@given(ASKED, SENDERS)
def test_one_senders_many_cost_another_sender_one_gap_at_most(asked: list[Text], flooder: int) -> None:
    with_them = [turn.at for turn, text in zip(turns(asked), asked, strict=True) if text[0] != flooder]
    without = [turn.at for turn in turns(silenced(asked, 0, flooder))]
    for late, early in zip(with_them, without, strict=True):
        assert early <= late <= early + GAP_US


@given(ASKED, RECIPIENTS)
def test_one_recipients_many_cost_those_nothing_who_text_others(asked: list[Text], flooded: int) -> None:
    theirs = {text[0] for text in asked if text[1] == flooded}
    pairs = zip(turns(asked), asked, strict=True)
    with_them = [turn.at for turn, text in pairs if text[1] != flooded and text[0] not in theirs]
    rest = silenced(asked, 1, flooded)
    without = [turn.at for turn, text in zip(turns(rest), rest, strict=True) if text[0] not in theirs]
    assert with_them == without


@given(ASKED)
def test_a_senders_texts_stand_in_order_a_gap_apart_and_none_before_its_time(asked: list[Text]) -> None:
    last: dict[int, int] = {}
    now = NOW
    for turn, (sender, _, after) in zip(turns(asked), asked, strict=True):
        now += after
        assert turn.at >= now
        assert turn.at >= last.get(sender, turn.at - GAP_US) + GAP_US
        last[sender] = turn.at


def test_new_senders_to_one_recipient_stand_a_gap_apart() -> None:
    taken = turns([(sender, 11, 0) for sender in range(1, 10_000)])
    assert [turn.at for turn in taken[:FURTHEST_TURNS]] == [
        NOW + place * GAP_US for place in range(FURTHEST_TURNS)
    ]
    assert {turn.at for turn in taken[FURTHEST_TURNS:]} == {NOW + FURTHEST_TURNS * GAP_US}
    assert all(turn.first_of_pair for turn in taken)


def test_ten_thousand_of_one_sender_count_once_for_their_recipient() -> None:
    waiting = Waiting({}, set(), {})
    for _ in range(10_000):
        last = waiting.take(1, 11, NOW)
    assert last == Turn(NOW + 9_999 * GAP_US, first_of_pair=False)
    assert waiting.take(2, 11, NOW) == Turn(NOW + GAP_US, first_of_pair=True)
    assert waiting.take(3, 12, NOW) == Turn(NOW, first_of_pair=True)


def test_a_text_far_behind_counts_for_no_recipient() -> None:
    waiting = Waiting({1: NOW + FURTHEST_TURNS * GAP_US}, set(), {})
    assert waiting.take(1, 11, NOW) == Turn(NOW + (FURTHEST_TURNS + 1) * GAP_US, first_of_pair=False)
    assert waiting.take(2, 11, NOW) == Turn(NOW, first_of_pair=True)
