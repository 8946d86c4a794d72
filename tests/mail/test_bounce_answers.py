"""Servers' answers to the recipient: which of them say that nobody is there any more."""

import pytest

from bot.domain.inbound import Bounce
from bot.mail.reading import read
from tests.mail.test_bounces import WHO, plain, report


def refused(answer: str, status: str = "5.0.0", command: str = "RCPT TO") -> Bounce:
    """Read the report of a server that answered so."""
    story = f"<{WHO}>: host mx.example.org[192.0.2.1] said: {answer} (in reply to\n    {command} command)"
    return read(
        report("Action: failed", f"Status: {status}", f"Diagnostic-Code: smtp; {answer}", story=story)
    ).bounce


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        ("5.7.1", "550 5.7.1 Mailbox not found"),
        ("5.0.0", "553 we have no such mailbox here (#5.7.1)"),
        ("5.0.0", f"550 <{WHO}>: not found"),
        ("5.0.0", "550 that is an unknown e-mail address"),
        ("5.0.0", "550 Unknown virtual user"),
        ("5.0.0", "550 the account has been deleted"),
        ("5.0.0", "550 your number is no longer in service"),
        ("5.0.0", "550 she has left the company"),
        ("5.0.0", "550 that domain is not hosted by us"),
        ("5.0.0", "550 there is no mailbox of that name"),
        ("5.0.0", "550 we could not find this user"),
        ("5.0.0", "550 not a Wireless customer"),
        ("5.0.0", "550 unknown phone number"),
        ("5.0.0", "550 destinatario sconosciuto"),
    ],
)
def test_the_recipient_is_refused_in_so_many_words(status: str, answer: str) -> None:
    assert refused(answer, status) is Bounce.HARD


@pytest.mark.parametrize(
    ("status", "answer", "command"),
    [
        ("5.7.1", "550 5.7.1 Access denied, mailbox unavailable to you", "RCPT TO"),
        ("5.7.1", "550 5.7.1 Relaying denied, user unknown", "RCPT TO"),
        ("5.7.1", "550 5.7.1 rejected", "RCPT TO"),
        ("5.7.1", "550 5.7.1 Mailbox not found", "end of DATA"),
        ("5.7.1", "550 5.7.1 Mailbox not found", "MAIL FROM"),
        ("5.0.0", "550 mailbox unavailable, we are down for maintenance", "RCPT TO"),
        ("5.0.0", "550 mail loop: address unknown to every host", "RCPT TO"),
        ("5.0.0", "550 invalid address in the header From", "RCPT TO"),
        ("5.0.0", "550 the sending user is unknown", "RCPT TO"),
        ("5.0.0", f"554 rcpt <{WHO}> does not exist", "end of DATA"),
    ],
)
def test_another_cause_or_another_command_speaks_against_it(status: str, answer: str, command: str) -> None:
    assert refused(answer, status, command) is Bounce.SOFT


@pytest.mark.parametrize(
    ("said", "bounce"),
    [
        ("192.0.2.1 does not like recipient.", Bounce.HARD),
        ("Connected to 192.0.2.1 but sender was rejected.", Bounce.SOFT),
        ("192.0.2.1 failed after I sent the message.", Bounce.SOFT),
    ],
)
def test_qmail_names_the_command_in_words_of_its_own(said: str, bounce: Bounce) -> None:
    raw = plain(f"<{WHO}>:\n{said}\nRemote host said: 550 No such mailbox\nGiving up on 192.0.2.1.")
    assert read(raw).bounce is bounce


@pytest.mark.parametrize(
    ("answer", "bounce"),
    [
        ("550 we would rather not", Bounce.SOFT),
        ("550 5.7.1 go elsewhere", Bounce.SOFT),
        ("550 5.1.1 we would rather not", Bounce.HARD),
        ("550 no such user", Bounce.HARD),
        ("550", Bounce.HARD),
    ],
)
def test_a_status_that_sendmail_made_up_of_a_bare_550_proves_nothing(answer: str, bounce: Bounce) -> None:
    story = f">>> RCPT To:<{WHO}>\n<<< {answer}\n550 5.1.1 <{WHO}>... User unknown"
    raw = report("Action: failed", "Status: 5.1.1", f"Diagnostic-Code: SMTP; {answer}", story=story)
    assert read(raw).bounce is bounce
