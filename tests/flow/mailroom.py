"""A town whose bot reads a real mailbox, and the mails that come to it."""

import asyncio
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from typing import Any

from bot.domain.account import ImapConfig
from bot.sandbox.answer import Answer
from bot.sandbox.member import Person
from bot.sandbox.smtp_talk import Mail
from tests.flow.town import BOB, GATEWAY, Town
from tests.peers.dovecot import Dovecot

AUTHSERV = "mx.example.org"


def imap_config(dovecot: Dovecot, **changes: Any) -> ImapConfig:
    """Write the settings of the mailbox, without TLS."""
    settings: dict[str, Any] = {
        "host": dovecot.host,
        "port": dovecot.plain_port,
        "security": "none",
        "username": dovecot.username,
        "password": dovecot.password,
    }
    return ImapConfig(**(settings | changes))


@dataclass(frozen=True)
class Outgone:
    """A mail of the bot's, as the carrier got it."""

    sender: str
    reply_to: str
    mail_id: str
    raw: bytes


def outgone(mail: Mail) -> Outgone:
    """Read a mail's headers."""
    headers: Message = message_from_bytes(mail.content)
    return Outgone(mail.sender, headers["Reply-To"].strip("<>"), headers["Message-ID"], mail.content)


class Mailroom(Town):
    """A town whose bot reads the mailbox."""

    def __init__(self, store_url: str, dovecot: Dovecot, **changes: Any) -> None:
        super().__init__(store_url, imap=imap_config(dovecot), trusted_authserv=AUTHSERV, **changes)
        self.dovecot = dovecot

    async def texted(self, sender: Person, recipient: Person, words: str) -> tuple[Answer, Outgone]:
        """Send a text; return the answer and the mail that the carrier got."""
        before = len(self.world.carriers.mails)
        answer = await self.text(sender, recipient, words)
        await answer.settled(lambda a: a.content.startswith("Handed to"))
        return answer, outgone(self.world.carriers.mails[before])

    async def deliver(self, *mails: bytes) -> None:
        """Put mails into the mailbox."""
        await asyncio.to_thread(self.dovecot.deliver, *mails)


def bounce(to: str, returned: bytes = b"", *, mail_id: str = "dsn-1@mx.example.org", **fields: str) -> bytes:
    """Write a delivery status notice (RFC 3464) as Postfix does."""
    status = fields.get("status", "5.1.1")
    return (
        (
            f"Return-Path: <>\r\nDelivered-To: {to}\r\nDate: Mon, 23 Nov 2026 02:00:00 +0000\r\n"
            "From: MAILER-DAEMON@mx.example.org (Mail Delivery System)\r\n"
            "Subject: Undelivered Mail Returned to Sender\r\n"
            f"To: {to}\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\nMessage-Id: <{mail_id}>\r\n"
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b1"\r\n\r\n'
            "--b1\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
            f"<{BOB}@{GATEWAY}>: host mx.{GATEWAY} said: 550 {status} no such subscriber\r\n\r\n"
            "--b1\r\nContent-Type: message/delivery-status\r\n\r\n"
            f"Reporting-MTA: dns; mx.example.org\r\n\r\nFinal-Recipient: rfc822; {BOB}@{GATEWAY}\r\n"
            f"Action: failed\r\nStatus: {status}\r\n"
            f"Diagnostic-Code: smtp; 550 {status} no such subscriber\r\n\r\n"
            "--b1\r\nContent-Type: message/rfc822\r\n\r\n"
        ).encode()
        + returned
        + b"\r\n--b1--\r\n"
    )


def reply(
    to: str, words: str, *, author: str = f"{BOB}@{GATEWAY}", mail_id: str = "1@vtext.com", more: str = ""
) -> bytes:
    """Write a phone's answer as a gateway does."""
    return (
        f"{more}From: {author}\r\nTo: {to}\r\nDate: Mon, 23 Nov 2026 02:00:00 +0000\r\n"
        f"Message-ID: <{mail_id}>\r\nSubject: \r\nMIME-Version: 1.0\r\n"
        f"Content-Type: text/plain; charset=us-ascii\r\n\r\n{words}\r\n"
    ).encode()
