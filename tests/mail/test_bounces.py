"""Bounces of every family are found by what they say, and nothing else is one."""

import pytest

from bot.domain.inbound import Bounce, Kind, Reading
from bot.mail.reading import read

WHO = "2065550100@vtext.com"
ORIGINAL = f"From: bot@example.org\nTo: {WHO}\nMessage-ID: <first@example.org>\nSubject: \n\n@a in B\nhello"


def report(*fields: str, story: str = "It could not be delivered.", original: str = ORIGINAL) -> bytes:
    """Write a standard report (RFC 3464) about one recipient."""
    about = "\n".join((f"Final-Recipient: rfc822; {WHO}", *fields))
    parts = (
        f"--x\n\n{story}\n",
        f"--x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\n{about}\n\n",
        f"--x\nContent-Type: message/rfc822\n\n{original}\n--x--\n",
    )
    head = "From: MAILER-DAEMON@example.org\nSubject: Undelivered\n"
    head += "Content-Type: multipart/report; boundary=x\n\n"
    return (head + "".join(parts)).encode()


def plain(story: str, *, sender: str = "MAILER-DAEMON@example.org", subject: str = "failure notice") -> bytes:
    return f"From: {sender}\nTo: bot@example.org\nSubject: {subject}\n\n{story}\n".encode()


def test_a_standard_report_names_all_there_is() -> None:
    raw = report("Action: failed", "Status: 5.1.1", "Diagnostic-Code: smtp; 550 5.1.1 User unknown")
    assert read(raw) == Reading(
        Kind.BOUNCE,
        bounce=Bounce.HARD,
        status="5.1.1",
        reason="unknown",
        recipients=(WHO,),
        mail_id="first@example.org",
    )


def test_a_4xx_that_outlived_the_queue_is_soft_although_it_failed() -> None:
    raw = report(
        "Action: failed", "Status: 4.7.1", "Diagnostic-Code: smtp; 451 4.7.1 User unknown, try later"
    )
    assert read(raw).bounce is Bounce.SOFT


def test_a_delay_is_soft() -> None:
    assert read(report("Action: delayed", "Status: 4.4.1")).bounce is Bounce.SOFT
    assert read(report("Action: delayed", "Status: 5.1.1")).bounce is Bounce.SOFT


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_a_report_of_success_is_no_bounce(action: str) -> None:
    reading = read(report(f"Action: {action}", "Status: 2.0.0", story="Your mail was delivered."))
    assert (reading.kind, reading.bounce) == (Kind.AUTO, Bounce.NONE)


def test_a_report_without_status_is_judged_by_its_diagnostic() -> None:
    assert (
        read(report("Action: failed", "Diagnostic-Code: smtp; 550 5.1.1 no such user")).bounce is Bounce.HARD
    )
    assert (
        read(report("Action: failed", "Status: 5.0.0", "Diagnostic-Code: smtp; 552 mailbox full")).reason
        == "full"
    )


def test_a_second_recipient_does_not_speak_for_the_first() -> None:
    raw = report(
        "Action: failed",
        "Status: 5.2.2",
        "",
        "Final-Recipient: rfc822; other@example.org",
        "Action: failed",
        "Status: 5.1.1",
    )
    assert (read(raw).bounce, read(raw).recipients) == (Bounce.SOFT, (WHO, "other@example.org"))


def test_a_refusal_of_the_body_is_a_filters() -> None:
    story = "host mx said: 550 Unknown user (in reply to end of DATA command)"
    raw = report("Action: failed", "Status: 5.0.0", "Diagnostic-Code: smtp; 550 Unknown user", story=story)
    assert (read(raw).bounce, read(raw).reason) == (Bounce.SOFT, "filtered")


def test_a_remark_after_the_status_counts_only_where_the_server_said_nothing() -> None:
    status = "Status: 5.1.1 (bad destination mailbox address)"
    said = "Diagnostic-Code: smtp; 550 none of that here"
    assert read(report("Action: failed", status)).bounce is Bounce.HARD
    assert read(report("Action: failed", status, said)).bounce is Bounce.SOFT


@pytest.mark.parametrize(
    ("story", "bounce"),
    [
        (f"<{WHO}>:\n192.0.2.1 does not like recipient.\nRemote host said: 550 User unknown", Bounce.HARD),
        (
            f"<{WHO}>:\n192.0.2.1 failed after I sent the message.\nRemote host said: 550 User unknown",
            Bounce.SOFT,
        ),
        (f"  {WHO}\n\nPERM_FAILURE: SMTP Error (state 13): 550 User unknown", Bounce.HARD),
        (f"  {WHO}\n\nPERM_FAILURE: SMTP Error (state 18): 550 User unknown", Bounce.SOFT),
    ],
)
def test_when_it_was_refused_is_read_in_other_words_too(story: str, bounce: Bounce) -> None:
    assert read(plain(story)).bounce is bounce


def test_a_pipelined_data_does_not_make_it_a_filters() -> None:
    story = "... while talking to mx:\n>>> DATA\n<<< 550 5.1.1 User unknown\n<<< 503 5.0.0 Need RCPT"
    raw = report(
        "Action: failed", "Status: 5.1.1", "Diagnostic-Code: smtp; 550 5.1.1 User unknown", story=story
    )
    assert read(raw).bounce is Bounce.HARD


PLAIN = {
    "verizon pictures": (
        plain(
            f"Message could not be delivered to mobile.\nError: No valid recipients for this MM\n\n\n"
            f"Original Message:\nFrom: A <bot@example.org>\nTo: {WHO}\nSubject: x\n",
            sender="MMSC NDR Administrator <sysadmin@m01.vzwpix.com>",
            subject="Undeliverable Message",
        ),
        Bounce.HARD,
    ),
    "verizon texts": (
        plain(
            f"Error: 550 - Requested action not taken: no such user here\n\n"
            f" MAIL FROM: <bot@example.org>\n RCPT TO: <{WHO}>\n",
            sender="post_master@vtext.com",
            subject="Undeliverable Message",
        ),
        Bounce.HARD,
    ),
    "exim": (
        plain(
            f"A message that you sent could not be delivered to one or more of its\nrecipients.\n\n  {WHO}\n"
            f"    SMTP error from remote mail server after RCPT TO:<{WHO}>:\n"
            "    host mx [192.0.2.1]: 550 No such user\n",
            subject="Mail delivery failed: returning message to sender",
        ),
        Bounce.HARD,
    ),
    "exim, the sender": (
        plain(
            f"A message that you sent could not be delivered to one or more of its\nrecipients.\n\n  {WHO}\n"
            f"    SMTP error from remote mail server after MAIL FROM:<bot@example.org>:\n"
            "    550 Unroutable sender\n",
        ),
        Bounce.SOFT,
    ),
    "qmail": (
        plain(
            f"Hi. This is the qmail-send program.\nI'm afraid I wasn't able to deliver it.\n\n<{WHO}>:\n"
            "192.0.2.1 does not like it.\nRemote host said: 550 5.1.1 no such user\nGiving up on 192.0.2.1.\n"
        ),
        Bounce.HARD,
    ),
    "exchange": (
        plain(
            f"Your message\n\n  To: bot@example.org\n\ndid not reach the following recipient(s):\n\n"
            f"{WHO} on today\n"
            "    The recipient name is not recognized\n",
            sender="System Administrator <postmaster@example.org>",
            subject="Undeliverable: hello",
        ),
        Bounce.HARD,
    ),
    "domino": (
        plain(
            f"Your message\n\n  Subject: hi\n\nwas not delivered to:\n\n"
            f"  {WHO}\n\nbecause:\n\n  User not listed in Directory\n",
            sender="Postmaster@example.org",
            subject="DELIVERY FAILURE: User not listed",
        ),
        Bounce.HARD,
    ),
    "au": (
        plain(
            f"The user(s) account is disabled.\n\n<{WHO}>\n",
            sender="Postmaster@ezweb.ne.jp",
            subject="Mail System Error - Returned Mail",
        ),
        Bounce.SOFT,
    ),
    "a bare 550": (plain(f"<{WHO}>: host mx said: 550 User unknown"), Bounce.SOFT),
    "given up": (
        plain(
            f"There was an error delivering your mail to <{WHO}>.\n\nCould not deliver for the last 4 days."
        ),
        Bounce.SOFT,
    ),
    "chinese": (plain(f"邮件无法发送到您指定的地址中。\n\n<{WHO}>:\nUser unknown", subject="x"), Bounce.HARD),
    "ses": (
        plain(
            '{"notificationType":"Bounce","Message":"{\\"bouncedRecipients\\":[{\\"emailAddress\\":\\"'
            f'{WHO}\\",\\"status\\":\\"5.1.1\\",\\"diagnosticCode\\":\\"smtp; 550 5.1.1 user unknown\\"'
            '}]}"}'
        ),
        Bounce.HARD,
    ),
}


@pytest.mark.parametrize("case", PLAIN)
def test_bounces_without_a_report_are_found(case: str) -> None:
    raw, bounce = PLAIN[case]
    reading = read(raw)
    assert (reading.kind, reading.bounce, reading.recipients) == (Kind.BOUNCE, bounce, (WHO,))


def test_failed_recipients_of_a_header_count_first() -> None:
    raw = b"X-Failed-Recipients: " + WHO.encode() + b"\n" + plain("It was not delivered to a@b.example.")
    assert read(raw).recipients == (WHO,)


@pytest.mark.parametrize(
    "marker",
    ["--- Below this line is a copy of the message.", "Message headers follow", "Return-Path: <a@b.example>"],
)
def test_what_comes_back_does_not_speak(marker: str) -> None:
    raw = plain(
        f"<{WHO}>:\nmailbox full\n\n{marker}\n\nMessage-Id: <first@example.org>\n\n550 5.1.1 user unknown"
    )
    assert (read(raw).reason, read(raw).mail_id) == ("full", "first@example.org")


def test_the_original_is_named_by_the_headers_where_nothing_came_back() -> None:
    raw = b"In-Reply-To: <first@example.org>\n" + plain("It could not be delivered.")
    assert read(raw).mail_id == "first@example.org"


@pytest.mark.parametrize(
    "raw",
    [
        plain("I could not be reached, my mailbox was full, sorry", sender=WHO, subject=""),
        plain("the delivery failed, 550 5.1.1 they said", sender="a@x.example", subject="hello"),
        plain("my mail could not be delivered, why?", sender="a@x.example", subject="Re: failure notice"),
        plain("see you", sender="a@x.example", subject="Undeliverable: hello"),
        plain("You are on the list now.", sender="postmaster@x.example", subject="welcome"),
        plain("Your mail was delivered.", subject="Delivery status notification: success"),
    ],
)
def test_what_only_mentions_it_is_no_bounce(raw: bytes) -> None:
    assert read(raw).kind is not Kind.BOUNCE
