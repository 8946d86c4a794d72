"""Write the mail that a carrier's gateway makes of what a phone answers to a text."""

import email
import email.policy
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage

# Most gateways forget how the mail was called that they made a text of; some name it in their own.
KEEPS_MAIL_ID = frozenset({"vtext.com"})


@dataclass(frozen=True, slots=True)
class Returning:
    """A mail on its way back."""

    sender: str
    recipient: str
    content: bytes = field(repr=False)


def write(words: str, answered: bytes, phone: str, serial: str, at: datetime) -> Returning:
    """Answer a mail from a phone (digits@gateway): to where it wants answers, else to whoever wrote it."""
    asked = email.message_from_bytes(answered, policy=email.policy.default)
    number, _, gateway = phone.partition("@")
    to: Address = (asked["Reply-To"] or asked["From"]).addresses[0]
    mail = EmailMessage(email.policy.SMTP)
    mail["From"] = Address(username=number, domain=gateway)
    mail["To"] = to
    mail["Subject"] = ""
    mail["Date"] = at
    mail["Message-ID"] = f"<{serial}@{gateway}>"
    if gateway in KEEPS_MAIL_ID and asked["Message-ID"]:
        mail["In-Reply-To"] = str(asked["Message-ID"])
    mail.set_content(words)
    return Returning(phone, to.addr_spec, mail.as_bytes())
