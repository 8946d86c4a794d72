"""What a sender reads never claims more than is known, and says what can be done."""

import pytest

from bot.domain.outcome import REFUSED, Outcome
from bot.domain.states import State
from bot.domain.words import CODE_LATE, EVICTED, REFUSAL, UNSURE, short, standing


@pytest.mark.parametrize("state", [State.EXPIRED, State.CANCELLED, State.FAILED])
def test_of_a_text_in_parts_it_says_how_many_went(state: State) -> None:
    said = standing("@bob", state, "", 3, 1)
    assert said.startswith("Only 1 of 3 parts went to @bob. ")
    assert "Not sent" not in said


def test_what_went_whole_or_not_at_all_counts_no_parts() -> None:
    assert standing("@bob", State.EXPIRED, "", 3, 0).startswith("Not sent: your text to @bob")
    assert standing("@bob", State.CANCELLED, "", 3, 0) == REFUSAL
    assert standing("@bob", State.CANCELLED, "", 3, 1).endswith(REFUSAL)


@pytest.mark.parametrize("reason", ["", "a reason of a later version"])
def test_of_an_unknown_reason_it_blames_no_phone(reason: str) -> None:
    said = standing("@bob", State.FAILED, reason, 1, 0)
    assert said == "Not sent, and the carrier didn't say why. You can try again later."


@pytest.mark.parametrize("reason", sorted(REFUSED))
def test_each_refusal_has_words_of_its_own(reason: Outcome) -> None:
    said = standing("@bob", State.FAILED, reason, 1, 0)
    assert said.startswith("Not sent. @bob's carrier")


def test_what_may_have_arrived_is_never_called_unsent() -> None:
    said = standing("@bob", State.FAILED, UNSURE, 1, 0)
    assert "may have arrived" in said
    assert "Not sent" not in said


@pytest.mark.parametrize(
    ("state", "reason", "parts", "sent", "said"),
    [
        (State.QUEUED, "", 3, 1, "waiting"),
        (State.ACCEPTED, "", 3, 3, "taken by the carrier"),
        (State.FAILED, Outcome.REFUSED_PERSON, 1, 0, "not sent"),
        (State.FAILED, UNSURE, 1, 0, "perhaps sent"),
        (State.FAILED, UNSURE, 3, 1, "1 of 3 parts sent"),
        (State.FAILED, Outcome.REFUSED_PERSON, 3, 2, "2 of 3 parts sent"),
        (State.EXPIRED, "", 3, 1, "1 of 3 parts sent"),
        (State.EXPIRED, "", 1, 0, "too late, not sent"),
        (State.CANCELLED, "", 3, 1, "1 of 3 parts sent"),
        (State.CANCELLED, "", 3, 0, "not sent"),
    ],
)
def test_a_list_claims_no_more_than_is_known_either(
    state: State, reason: str, parts: int, sent: int, said: str
) -> None:
    assert short(state, reason, parts, sent) == said


def test_a_gateway_that_is_gone_points_to_another_carrier() -> None:
    assert "another carrier" in standing("@bob", State.FAILED, Outcome.GATEWAY_GONE, 1, 0)


def test_words_about_codes_and_phones_say_the_next_step() -> None:
    assert "It is no longer valid." in CODE_LATE
    assert "with your number" in EVICTED
