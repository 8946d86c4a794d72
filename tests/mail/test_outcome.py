"""What mail servers really answer, and what each answer means for a text."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.outcome import FIRST_WAIT, LONGEST_WAIT, Outcome, Reply, Step, again_at, decide

NOW = datetime(2026, 11, 22, 15, 40, tzinfo=UTC)
REAL = [
    # the gateway refuses whom we are, in each of the disguises seen
    (Step.BODY, 421, "4.2.0 mx.example.net AUP#SNDR", Outcome.REFUSED_SENDER),
    (Step.BODY, 550, "permanent failure for one or more recipients", Outcome.REFUSED_SENDER),
    (Step.RCPT, 550, "Permanent failure for one or more recipients (x:blocked)", Outcome.REFUSED_SENDER),
    (Step.MAIL, 550, "5.7.1 sender blocked", Outcome.REFUSED_SENDER),
    (Step.RCPT, 554, "5.7.1 your address is on a blocklist", Outcome.REFUSED_SENDER),
    (Step.MAIL, 553, "5.1.8 sender address does not resolve", Outcome.REFUSED_SENDER),
    # what the text says
    (Step.BODY, 552, "5.2.0 mx.example.net AUP#POL", Outcome.REFUSED_CONTENT),
    (Step.BODY, 544, "rejecting banned content", Outcome.REFUSED_CONTENT),
    (Step.BODY, 554, "5.7.1 message content rejected", Outcome.REFUSED_CONTENT),
    (Step.BODY, 550, "5.7.1 looks like spam", Outcome.REFUSED_CONTENT),
    # the gateway has gone
    (Step.RCPT, 550, "5.7.1 relaying denied", Outcome.GATEWAY_GONE),
    (Step.RCPT, 554, "5.7.1 <2065550100@vtext.com>: Relay access denied", Outcome.GATEWAY_GONE),
    (Step.RCPT, 550, "5.1.2 host not found", Outcome.GATEWAY_GONE),
    (Step.RCPT, 550, "5.4.4 no MX for the domain", Outcome.GATEWAY_GONE),
    (Step.CHECK, None, "", Outcome.GATEWAY_GONE),
    # our account has had enough; nobody's number is to blame
    (Step.BODY, 550, "5.4.5 Daily user sending limit exceeded", Outcome.ACCOUNT_LIMIT),
    (Step.MAIL, 550, "5.4.5 Daily SMTP relay limit exceeded for customer", Outcome.ACCOUNT_LIMIT),
    (Step.RCPT, 452, "4.5.3 daily message limit reached", Outcome.ACCOUNT_LIMIT),
    (Step.RCPT, 452, "4.3.1 Daily message sending quota exceeded", Outcome.ACCOUNT_LIMIT),
    # a word in a quoted address is not the server's
    (Step.RCPT, 550, "5.1.1 <2065550100@daily.example.net>: no such user", Outcome.REFUSED_PERSON),
    (Step.RCPT, 550, "5.1.1 <2065550100@the-daily limit.example.net>: no such user", Outcome.REFUSED_PERSON),
    (Step.RCPT, 450, "4.2.0 mailbox of the Daily News is busy", Outcome.RETRY),
    # that phone
    (Step.RCPT, 550, "5.1.1 no such user", Outcome.REFUSED_PERSON),
    (Step.RCPT, 550, "no such number", Outcome.REFUSED_PERSON),
    (Step.RCPT, 552, "5.2.2 mailbox full", Outcome.REFUSED_PERSON),
    (Step.BODY, 550, "5.2.1 mailbox disabled", Outcome.REFUSED_PERSON),
    # later
    (Step.RCPT, 450, "4.2.0 greylisted, try again in 300 seconds", Outcome.RETRY),
    (Step.BODY, 451, "4.7.1 try again later", Outcome.RETRY),
    (Step.RCPT, 452, "4.2.2 mailbox full for now", Outcome.RETRY),
    (Step.MAIL, 421, "4.4.2 timeout exceeded", Outcome.RETRY),
    (Step.DATA, None, "", Outcome.RETRY),
    (Step.RCPT, -1, "", Outcome.RETRY),
    (Step.RCPT, 354, "out of step", Outcome.RETRY),
    (Step.DATA, 250, "out of step", Outcome.RETRY),
    # our own server
    (Step.CONNECT, None, "ConnectionRefusedError", Outcome.RELAY_AWAY),
    (Step.CONNECT, 421, "4.7.0 too many connections", Outcome.RELAY_AWAY),
    (Step.CONNECT, 554, "5.7.1 no service for you", Outcome.RELAY_AWAY),
    (Step.LOGIN, 535, "5.7.8 Username and Password not accepted", Outcome.RELAY_AWAY),
    (Step.LOGIN, 454, "4.7.0 Too many login attempts", Outcome.RELAY_AWAY),
    (Step.MAIL, 530, "5.7.0 Authentication Required", Outcome.RELAY_AWAY),
    # the end
    (Step.BODY, 250, "2.0.0 taken", Outcome.SENT),
    (Step.BODY, 250, "daily blocklist of relaying denied", Outcome.SENT),
    (Step.BODY, None, "", Outcome.AMBIGUOUS),
    (Step.BODY, -1, "", Outcome.AMBIGUOUS),
    (Step.BODY, 354, "out of step", Outcome.AMBIGUOUS),
    (Step.STOPPED, None, "", Outcome.STOPPED),
    (Step.LOST, None, "", Outcome.AMBIGUOUS),
]  # fmt: skip


@pytest.mark.parametrize(("step", "code", "text", "outcome"), REAL)
def test_each_real_answer_has_its_meaning(step: Step, code: int | None, text: str, outcome: Outcome) -> None:
    assert decide(Reply(step, code, text)) is outcome


@given(st.sampled_from(Step), st.none() | st.integers(-1, 999), st.text(max_size=300))
def test_only_a_2xx_to_the_final_dot_is_success_and_only_after_the_dot_is_doubt(
    step: Step, code: int | None, text: str
) -> None:
    outcome = decide(Reply(step, code, text))
    assert (outcome is Outcome.SENT) == (step is Step.BODY and code is not None and 200 <= code < 300)
    understood = code is not None and (200 <= code < 300 or 400 <= code < 600)
    doubtful = step is Step.LOST or (step is Step.BODY and not understood)
    assert (outcome is Outcome.AMBIGUOUS) == doubtful


def test_a_reply_shows_where_and_how_but_not_what_the_server_quoted() -> None:
    reply = Reply(Step.RCPT, 550, "5.1.1 <2065550100@vtext.com>: nobody")
    assert repr(reply) == "rcpt 550 5.1.1"
    assert repr(Reply(Step.BODY, None)) == "body no reply"


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_waits_grow_to_a_bound_and_are_spread(attempts: int, jitter: float) -> None:
    wait = again_at(attempts, NOW, jitter) - NOW
    assert FIRST_WAIT * 0.75 <= wait <= LONGEST_WAIT * 1.25
    assert again_at(attempts + 1, NOW, jitter) - NOW >= wait
    assert again_at(0, NOW, 0.5) - NOW == FIRST_WAIT
    assert again_at(20, NOW, 0.5) - NOW == LONGEST_WAIT
    assert timedelta(minutes=1) < LONGEST_WAIT
