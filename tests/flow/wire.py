"""What every mail that leaves must look like, on the wire and parsed again."""

import email
import email.policy
import re

from bot.sandbox.sandbox import SENDER
from bot.sandbox.smtp_talk import Mail

HEADERS = [
    "From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type",
    "Content-Transfer-Encoding",
]  # fmt: skip
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)|\x00")
_LONE_DOT = re.compile(rb"(?:^|\r\n)\.(?!\.)")
_ADDRESS = re.compile(r"\+?[0-9]{7,15}@[a-z0-9.-]+")
LONGEST_LINE_BYTES = 998  # RFC 5322, 2.1.1


def problems(mail: Mail) -> list[str]:
    """List what is wrong with one mail."""
    parsed = email.message_from_bytes(mail.content, policy=email.policy.default)
    verbs = [line.split(b":")[0].strip().upper() for line in mail.commands]
    body = mail.wire.removesuffix(b".\r\n")
    found = {
        "a bare CR, LF or NUL": _BARE.search(mail.wire),
        "an unstuffed dot": _LONE_DOT.search(body),
        "a second recipient": len(mail.recipients) != 1 or verbs.count(b"RCPT TO") != 1,
        "a second sender": verbs.count(b"MAIL FROM") != 1 or mail.sender != SENDER,
        "an odd address": not all(_ADDRESS.fullmatch(each) for each in mail.recipients),
        "other headers": parsed.keys() != HEADERS,
        "other addresses": (parsed["From"].addresses[0].addr_spec, parsed["To"].addresses[0].addr_spec)
        != (SENDER, mail.recipients[0])
        or len(parsed["To"].addresses) + len(parsed["From"].addresses) != 2,
        "a subject": parsed["Subject"] != "",
        "more than one part": parsed.is_multipart() or parsed.get_content_type() != "text/plain",
        "a defect": parsed.defects,
        "a long line": any(len(line) > LONGEST_LINE_BYTES for line in mail.wire.split(b"\r\n")),
    }
    return [what for what, is_so in found.items() if is_so]
