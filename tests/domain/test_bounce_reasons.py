"""Whether a bounce is for good follows from text, status and reply code together."""

import pytest

from bot.domain.bounce_reasons import Evidence, judge
from bot.domain.bounce_words import Reason
from bot.domain.inbound import Bounce


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        ("550 5.1.1 <x@y>: Recipient address rejected: User unknown", "5.1.1", Reason.UNKNOWN),
        ("550 5.1.1 no such subscriber", "5.1.1", Reason.UNKNOWN),
        ("No valid recipients for this MM", "", Reason.UNKNOWN),
        ("", "5.1.1", Reason.UNKNOWN),
        ("550 5.1.6 recipient no longer on server", "5.1.6", Reason.MOVED),
        ("Host or domain name not found", "5.4.4", Reason.GONE),
        ("", "5.1.2", Reason.GONE),
        ("", "5.1.10", Reason.GONE),
    ],
)
def test_what_nobody_can_reach_any_more_is_hard(text: str, status: str, reason: Reason) -> None:
    verdict = judge(Evidence(text, status=status))
    assert (verdict.reason, verdict.bounce) == (reason, Bounce.HARD)


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        ("552 5.2.2 mailbox full", "5.2.2", Reason.FULL),
        ("550 5.1.1 user over quota", "5.1.1", Reason.FULL),
        ("552 5.2.0 message refused AUP#POL", "5.2.0", Reason.POLICY),
        ("550 5.7.1 message rejected as spam", "5.7.1", Reason.SPAM),
        ("550 5.7.1 blocked using a dnsbl", "5.7.1", Reason.SPAM),
        ("550 5.4.5 Daily user sending quota exceeded", "5.4.5", Reason.QUOTA),
        ("421 4.2.0 rejected AUP#SNDR", "4.2.0", Reason.SENDER),
        ("550 5.7.26 DMARC policy of the domain", "5.7.26", Reason.SENDER),
        ("554 relay access denied", "5.7.1", Reason.SENDER),
        ("552 5.3.4 message too large", "5.3.4", Reason.SIZE),
        ("544 rejecting banned content", "", Reason.CONTENT),
        ("550 the account is disabled", "", Reason.SUSPENDED),
        ("connection timed out", "4.4.1", Reason.EXPIRED),
        ("connection refused", "4.4.1", Reason.NETWORK),
        ("internal system error", "5.3.0", Reason.SYSTEM),
        ("", "5.2.1", Reason.SUSPENDED),
        ("", "5.7.1", Reason.POLICY),
        ("", "", Reason.OTHER),
    ],
)
def test_what_is_nobodys_number_or_may_pass_is_soft(text: str, status: str, reason: Reason) -> None:
    verdict = judge(Evidence(text, status=status))
    assert (verdict.reason, verdict.bounce) == (reason, Bounce.SOFT)


@pytest.mark.parametrize(
    "said",
    [
        "bad destination mailbox address",
        "no such person at this address",
        "no mailbox here by that name",
        "this user doesn't have an example account",
        "the email account that you tried to reach does not exist",
        "is not a known user",
        "recipient no found",
        "there is no one at this address",
        "invalid destination address",
        "invalid MDN",
        "not a valid mobile number",
        "number not in service",
        "no such subscriber here",
        "utilisateur inconnu",
        "Benutzer unbekannt",
        "host unknown",
        "Unrouteable address",
        "no such domain at this location",
        "all relevant MX records point to non-existent hosts",
        "this address no longer accepts mail",
        "user has moved to another place",
        "not our customer",
    ],
)
def test_servers_say_in_many_ways_that_there_is_nobody(said: str) -> None:
    assert judge(Evidence(said, code=550, at_recipient=True)).bounce is Bounce.HARD


@pytest.mark.parametrize(
    "said",
    [
        "user not found: account expired",
        "unavailable: the user is suspended",
        "mailbox is frozen",
        "mailbox busy",
        "address temporarily unknown",
        "the recipient is only accepting mail from known addresses",
        "user refuses to receive this mail",
        "too many unknown users",
        "user quota unknown",
        "<> invalid sender",
        "unroutable sender address",
        "sender address rejected: domain not found",
        "client host rejected: cannot find your hostname",
        "helo command rejected: host not found",
        "not a registered gateway user",
        "you are not allowed to post to this list",
        "header invalid",
        "a loop was detected",
        "server busy",
        "the recipient was unavailable to take delivery",
        "message filtered",
    ],
)
def test_what_sounds_alike_is_soft_all_the_same(said: str) -> None:
    assert judge(Evidence(said, code=550, at_recipient=True)).bounce is Bounce.SOFT


UNKNOWN = "550 5.1.1 user unknown"


@pytest.mark.parametrize(
    "evidence",
    [
        Evidence(UNKNOWN, status="4.7.1"),  # a 451 that outlived the queue
        Evidence(UNKNOWN, status="5.1.1", code=450),
        Evidence(UNKNOWN, status="5.1.1", delayed=True),
        Evidence(UNKNOWN, status="5.1.1", by_program=True),
        Evidence("550 user unknown", status="5.1.1", at_body=True),  # the code is not the server's
        Evidence("550 not to our liking", status="5.1.1"),  # nor is it here: many write it for every 550
        Evidence("553 user refused this mail", status="5.1.3"),
        Evidence(UNKNOWN, status="5.1.1", at_sender=True),
        Evidence(UNKNOWN, status="5.7.1"),
        Evidence(UNKNOWN, status="5.2.1"),
        Evidence(UNKNOWN, "the account is disabled", status="5.1.1"),
        Evidence("550 user unknown", code=550),  # filters answer that too
    ],
)
def test_what_speaks_against_it_makes_it_soft(evidence: Evidence) -> None:
    assert judge(evidence).bounce is Bounce.SOFT


@pytest.mark.parametrize(
    "evidence",
    [
        Evidence(UNKNOWN, status="5.1.1", code=550),
        Evidence("550 user unknown", code=550, at_recipient=True),
        Evidence("550 user unknown", "the address was not found there: no such user", code=550),
        Evidence("550 user unknown", status="5.2.1", code=550, at_recipient=True),
    ],
)
def test_a_second_sign_makes_it_hard(evidence: Evidence) -> None:
    assert judge(evidence).bounce is Bounce.HARD


def test_the_text_of_a_refusal_shows_in_no_repr() -> None:
    assert "2065550100" not in repr(Evidence("2065550100 unknown", "2065550100"))


@pytest.mark.parametrize(
    "evidence",
    [
        Evidence(UNKNOWN, status="5.1.1", at_body=True),  # some look the address up late, and say so
        Evidence("550 5.1.1 not to our liking", status="5.1.1"),
        Evidence("550", status="5.1.1"),
    ],
)
def test_what_the_server_itself_says_of_an_address_in_code_counts(evidence: Evidence) -> None:
    assert judge(evidence).bounce is Bounce.HARD


@pytest.mark.parametrize(
    "said",
    [
        "no such mail drop",
        "nobody with that name here",
        "we do not handle mail for this person",
        "unable to find recipient",
        "unrecognized mailbox",
        "number is not in use",
        "not a working number",
        "no such phone",
        "msisdn unknown",
        "no user here by that name",
        "all recipients are invalid",
        "undeliverable address",
        "requested action not taken: mailbox unavailable",
        "recipient rejected",
        "number not provisioned",
        "usuario inexistente",
        "destinatário desconhecido",
        "indirizzo sconosciuto",
        "konto nie istnieje",
        "adres onbekend",
        "mottagaren finns inte",
        "用户不存在",
        "получатель неизвестный",
    ],
)
def test_unknown_is_understood_in_many_words(said: str) -> None:
    verdict = judge(Evidence(f"550 {said}", code=550, at_recipient=True))
    assert (verdict.reason, verdict.bounce) == (Reason.UNKNOWN, Bounce.HARD)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("alex is now disabled here", Reason.SUSPENDED),
        ("user account not activated", Reason.SUSPENDED),
        ("mailbox deactivated due to abuse", Reason.SUSPENDED),
        ("usuario inactivo", Reason.SUSPENDED),
        ("user refused to take this mail", Reason.FILTERED),
        ("authentication required", Reason.SENDER),
        ("the from address does not exist", Reason.SENDER),
        ("return address invalid", Reason.SENDER),
        ("number temporarily not in service", Reason.SUSPENDED),
        ("number not provisioned for texts from mail", Reason.FILTERED),
        ("not a local host, not a gateway", Reason.SENDER),
        ("empfänger hat zu viele mails", Reason.FULL),
        ("casella postale piena", Reason.FULL),
        ("max message size exceeded", Reason.SIZE),
    ],
)
def test_what_only_sounds_like_unknown_is_soft(said: str, reason: Reason) -> None:
    verdict = judge(Evidence(f"550 {said}", status="5.1.1", code=550, at_recipient=True))
    assert (verdict.reason, verdict.bounce) == (reason, Bounce.SOFT)


@pytest.mark.parametrize("said", ["群組可能不存在", "skupina pravděpodobně neexistuje"])
def test_what_may_be_so_is_not_taken_for_sure(said: str) -> None:
    assert judge(Evidence("", said)).bounce is Bounce.SOFT
