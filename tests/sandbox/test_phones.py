"""What a phone answers becomes a mail such as gateways write, in the mailbox."""

import email
import email.policy
from email.message import EmailMessage
from typing import cast

import pytest

from bot.domain.inbound import Kind
from bot.mail.reading import read
from bot.sandbox.gateway_mail import KEEPS_MAIL_ID, write
from bot.sandbox.watch import SandboxError
from bot.sandbox.world import utc_now
from tests.standin.standin import Standin

TEXT = (
    b"From: <bridge@sandbox.invalid>\r\nReply-To: <bridge+abc@sandbox.invalid>\r\n"
    b"Message-ID: <1.2.3@sandbox.invalid>\r\nSubject: \r\n\r\n@ann in Home\r\nhi\r\n"
)
PHONE = "2065550100@vtext.com"


def parsed(content: bytes) -> EmailMessage:
    return cast(EmailMessage, email.message_from_bytes(content, policy=email.policy.default))


@pytest.mark.parametrize("words", ["on my way", "grüße 🎉\nzweite Zeile", "From here\n.and on", "x" * 1500])
def test_a_gateway_writes_a_mail_that_reads_as_what_was_typed(words: str) -> None:
    back = write(words, TEXT, PHONE, "7", utc_now())
    mail, reading = parsed(back.content), read(back.content)
    assert (back.sender, back.recipient) == (PHONE, "bridge+abc@sandbox.invalid")
    assert (mail["From"], mail["To"], mail["Message-ID"]) == (PHONE, back.recipient, "<7@vtext.com>")
    assert (reading.kind, reading.words) == (Kind.REPLY, words)
    assert b"\n" not in back.content.replace(b"\r\n", b"")


def test_only_some_gateways_say_which_mail_they_made_a_text_of() -> None:
    named = {
        gateway: parsed(write("ok", TEXT, f"2065550100@{gateway}", "7", utc_now()).content)["In-Reply-To"]
        for gateway in (*KEEPS_MAIL_ID, "tmomail.net")
    }
    assert named.pop("tmomail.net") is None
    assert set(named.values()) == {"<1.2.3@sandbox.invalid>"}


def test_a_text_that_names_no_place_for_answers_is_answered_to_its_writer() -> None:
    back = write("ok", TEXT.replace(b"Reply-To", b"X-Other"), PHONE, "7", utc_now())
    assert back.recipient == "bridge@sandbox.invalid"


async def test_a_phone_without_a_text_has_nothing_to_answer(sandbox: Standin) -> None:
    with pytest.raises(SandboxError, match="no text to answer"):
        sandbox.phones.phone(PHONE).answer("hello?")
    assert sandbox.mailbox.mails == {}
