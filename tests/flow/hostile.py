"""Strings that people type to break things: the shared corpora's, and more made by chance."""

import json
import random
import unicodedata
import xml.etree.ElementTree as ET

from tests.domain.corpora import corpus

_PIECES = (
    "\r\n", "\n", "\r", "\x00", ".", "\r\n.\r\n", "\n.\n", "Bcc: x@y.test", "RCPT TO:<x@y.test>", "DATA",
    "@everyone", "<@", "\u202e", "\u200b", "\u2028", "\u0085", "=?utf-8?q?=0D=0A?=", "{number}", "%s",
    "${x}", "'; --", "é", "ß", "漢字", "\U0001f469\u200d\U0001f680", "\ufeff", "\\", "`", "**", "||",
    "123456", "2065550100", "x" * 90, " ", "a",
)  # fmt: skip


def hostile_strings(count: int, seed: int = 3) -> list[str]:
    """Return so many different strings that Discord could send: none empty, no lone surrogate."""
    headers = json.loads(corpus("injection/headers.json").read_text("utf-8"))
    ends = json.loads(corpus("injection/smtp-smuggling-eod.json").read_text("utf-8"))
    found = json.loads(corpus("strings-blns/blns.json").read_text("utf-8"))
    found += [text for texts in headers.values() for text in texts]
    found += corpus("injection/crlf-payloadsallthethings.txt").read_text("utf-8").splitlines()
    found += [f"x{end}MAIL FROM:<a@b.test>{end}RCPT TO:<c@d.test>" for end in ends]
    rng = random.Random(seed)
    rng.shuffle(found)
    known = dict.fromkeys(text for text in found if _can_be_sent(text))
    while len(known) < count:
        known["".join(rng.choices(_PIECES, k=rng.randint(1, 12)))] = None
    return [text for text in known if _can_be_sent(text)][:count]


def hostile_addresses() -> list[str]:
    """Return the templates raw and filled, the recipients, and isemail's addresses in both spellings."""
    headers = json.loads(corpus("injection/headers.json").read_text("utf-8"))
    templates, recipients = headers["templates"], headers["recipients"]
    assert (len(templates), len(recipients)) == (20, 14)
    tests = ET.parse(corpus("addresses-isemail/tests.xml")).getroot().findall("test")  # noqa: S314 (our own copy)
    odd = [one.findtext("address") or "" for one in tests]
    assert len(odd) >= 80
    # Control characters are shown as their pictures there.
    meant = str.maketrans({chr(0x2400 + code): chr(code) for code in range(0x21)})
    filled = [template.replace("{number}", "2065550100") for template in templates]
    found = [*templates, *filled, *recipients, *odd, *(address.translate(meant) for address in odd)]
    return list(dict.fromkeys(address for address in found if address))


def _can_be_sent(text: str) -> bool:
    return 0 < len(text) <= 6000 and not any(unicodedata.category(char) == "Cs" for char in text)
