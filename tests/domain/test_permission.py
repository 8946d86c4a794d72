"""One decision says who may text whom; its order tells nobody who is registered."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.consent import EVERYONE, LISTED, NOBODY
from bot.domain.permission import DEFAULT, FOREVER, Door, Kind, Policy, Sender, judge, made_at
from bot.domain.quiet import Quiet
from bot.domain.words import REFUSAL

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OLD = 1 << 22
OPEN = Door(True, EVERYONE, frozenset(), False, False, None, None, False)
ALL_DAY = Quiet(0, 23 * 60 + 59, "UTC")
ANN = Sender(OLD, (), NOW - timedelta(days=1))
FRIENDS, STRANGERS = 901, 902


def snowflake(age: timedelta) -> int:
    return int((NOW - age - datetime(2015, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1)) << 22


def test_an_open_door_lets_everybody_in() -> None:
    assert judge(DEFAULT, ANN, OPEN, None, NOW) == (Kind.YES, "", None, None)


@pytest.mark.parametrize(
    "changes",
    [{"ready": False}, {"audience": None}, {"audience": NOBODY}, {"blocked": True},
     {"paused_until": NOW + timedelta(seconds=1)}, {"audience": LISTED},
     {"audience": LISTED, "listed": frozenset({STRANGERS})}],
)  # fmt: skip
@pytest.mark.parametrize("more", [{}, {"quiet": ALL_DAY}, {"quiet": ALL_DAY, "urgent": True}])
def test_whatever_closes_it_is_one_refusal(changes: dict[str, object], more: dict[str, object]) -> None:
    assert judge(DEFAULT, ANN, OPEN._replace(**changes | more), None, NOW) == (
        Kind.REFUSED,
        REFUSAL,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("policy", "sender", "door", "says"),
    [
        (Policy(texting=False), ANN, OPEN, "switched off"),
        (Policy(paused_until=NOW + timedelta(hours=1)), ANN, OPEN, "is paused in this server until <t:"),
        (Policy(paused_until=NOW + FOREVER), ANN, OPEN, "until it is resumed"),
        (DEFAULT, ANN, OPEN._replace(barred=True), "The admins of this server"),
        (DEFAULT, Sender(snowflake(timedelta(days=2)), ()), OPEN, "account is too new"),
        (DEFAULT, ANN._replace(joined_at=NOW - timedelta(minutes=9)), OPEN, "only just now"),
        (Policy(roles=frozenset({FRIENDS})), ANN._replace(roles=(STRANGERS,)), OPEN, "certain roles"),
    ],
)
def test_what_a_server_says_is_said_whoever_is_meant(
    policy: Policy, sender: Sender, door: Door, says: str
) -> None:
    verdict = judge(policy, sender, door, None, NOW)
    assert verdict.kind is Kind.HERE
    assert says in verdict.sentence
    closed = door._replace(ready=False, audience=None, blocked=True)
    assert judge(policy, sender, closed, None, NOW) == verdict


def test_admins_pass_the_gates_but_no_block_and_no_pause() -> None:
    new = Sender(snowflake(timedelta()), (), NOW, is_admin=True)
    roles = Policy(roles=frozenset({FRIENDS}))
    assert judge(roles, new, OPEN, None, NOW).kind is Kind.YES
    assert judge(roles, new, OPEN._replace(barred=True), None, NOW).kind is Kind.HERE
    assert judge(Policy(texting=False), new, OPEN, None, NOW).kind is Kind.HERE


def test_gates_open_to_the_moment() -> None:
    just = Sender(snowflake(timedelta(days=3)), (), NOW - timedelta(minutes=10))
    assert judge(DEFAULT, just, OPEN, None, NOW).kind is Kind.YES
    assert judge(DEFAULT, just, OPEN, None, NOW - timedelta(seconds=1)).kind is Kind.HERE
    # Who was let in, as an admin perhaps, is not asked again before the text goes.
    assert (
        judge(Policy(roles=frozenset({FRIENDS})), Sender(snowflake(timedelta())), OPEN, None, NOW).kind
        is Kind.YES
    )
    assert made_at(175928847299117063) == datetime(2016, 4, 30, 11, 18, 25, 796000, tzinfo=UTC)


def test_a_listed_person_or_role_comes_in_and_by_which_is_kept() -> None:
    door = OPEN._replace(audience=LISTED, listed=frozenset({OLD, FRIENDS}))
    assert judge(DEFAULT, ANN, door, None, NOW).let_in_by == OLD
    other = Sender(OLD + 1, (STRANGERS, FRIENDS))
    assert judge(DEFAULT, other, door, None, NOW) == (Kind.YES, "", None, FRIENDS)
    # Before it goes, the sender's roles are not known any more: the one that let the text in counts.
    gone = Sender(OLD + 1)
    assert judge(DEFAULT, gone, door, FRIENDS, NOW).kind is Kind.YES
    assert judge(DEFAULT, gone, door, STRANGERS, NOW).kind is Kind.REFUSED
    assert judge(DEFAULT, gone, door, None, NOW).kind is Kind.REFUSED


def test_quiet_hours_hold_all_but_those_who_may_come_anyway() -> None:
    held = judge(DEFAULT, ANN, OPEN._replace(quiet=ALL_DAY), None, NOW)
    assert held == (Kind.HELD, "", NOW.replace(hour=23, minute=59), None)
    assert judge(DEFAULT, ANN, OPEN._replace(quiet=ALL_DAY, urgent=True), None, NOW).kind is Kind.YES


@given(
    st.booleans(),
    st.sampled_from([EVERYONE, LISTED, NOBODY, None]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_it_is_yes_only_where_nothing_stands_against_it(
    ready: bool, audience: str | None, blocked: bool, barred: bool, texting: bool
) -> None:
    door = OPEN._replace(ready=ready, audience=audience, blocked=blocked, barred=barred)
    for roles, listed in product(((), (FRIENDS,)), (frozenset[int](), frozenset({FRIENDS}))):
        verdict = judge(
            Policy(texting=texting), ANN._replace(roles=roles), door._replace(listed=listed), None, NOW
        )
        let_in = audience == EVERYONE or (audience == LISTED and bool(roles) and bool(listed))
        assert (verdict.kind is Kind.YES) == (ready and let_in and texting and not blocked and not barred)
