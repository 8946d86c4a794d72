"""Write and read the proof, in addresses and Message-IDs of ours, of which text a mail is about."""

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

PLACE = "{token}"
TOKEN_CHARS = 32
VALID_FOR = timedelta(days=30)
_DAY_S = 86_400
_ID_OCTETS, _DAY_OCTETS, _PROOF_OCTETS = 8, 2, 10
_MAIL_ID = re.compile(r"(?<![0-9a-f])([0-9a-f]{1,64})\.([0-9a-f]{16})\.([0-9a-f]{20})", re.ASCII)
_MAYBE_TOKEN = re.compile(f"[a-z2-7]{{{TOKEN_CHARS},}}", re.ASCII | re.IGNORECASE)
Mac = Callable[[bytes], bytes]


def default_pattern(sender: str) -> str:
    """Make the plus-address of a sender's address the pattern of where phones answer."""
    local, _, domain = sender.rpartition("@")
    return f"{local}+{PLACE}@{domain}"


class Returns:
    """Where answers to a mail of ours go, so that we know again what they are about.

    What a mail is `about` is one number: a text's id, or minus a person's where it is about no text.
    An address holds that number, the day it ends, and a MAC of both, cut to 80 bits; a Message-ID ends with
    the number and a MAC of it all. `mac` makes 20 octets or more that only we can make.
    """

    def __init__(self, pattern: str, mac: Mac) -> None:
        before, _, after = pattern.partition(PLACE)
        self._before, self._after, self._mac = before, after, mac
        self._token = re.compile(
            re.escape(before) + f"([a-z2-7]{{{TOKEN_CHARS}}})" + re.escape(after), re.ASCII | re.IGNORECASE
        )

    def address(self, about: int, now: datetime) -> str:
        """Write the address for answers: it is good for 30 days, and case does not matter in it."""
        last = _day(now) + VALID_FOR.days
        body = about.to_bytes(_ID_OCTETS, "big", signed=True) + last.to_bytes(_DAY_OCTETS, "big")
        token = base64.b32encode(body + self._address_proof(body)).decode("ascii").lower()
        return f"{self._before}{token}{self._after}"

    def about_address(self, address: str, now: datetime) -> int | None:
        """Say what an address of ours is about; None where it is none, was forged or has ended."""
        found = self._token.fullmatch(address)
        if found is None:
            return None
        body = self._body_of(found[1])
        if body is None or _day(now) > int.from_bytes(body[_ID_OCTETS:], "big"):
            return None
        return int.from_bytes(body[:_ID_OCTETS], "big", signed=True)

    def _body_of(self, token: str) -> bytes | None:
        """Return what a token says, ended or not; None where it is not ours."""
        try:
            octets = base64.b32decode(token.upper())
        except binascii.Error:
            return None
        body, proof = octets[:-_PROOF_OCTETS], octets[-_PROOF_OCTETS:]
        return body if hmac.compare_digest(proof, self._address_proof(body)) else None

    def mail_id(self, mail_id: str, about: int) -> str:
        """Write the part of a Message-ID before the @: the same whenever the mail is sent again."""
        number = about.to_bytes(_ID_OCTETS, "big", signed=True).hex()
        return f"{mail_id}.{number}.{self._mail_proof(mail_id, number)}"

    def about_mail_id(self, written: str) -> int | None:
        """Say what a Message-ID of ours is about; None where it is none, or forged."""
        found = _MAIL_ID.fullmatch(written.partition("@")[0])
        if found is None or not hmac.compare_digest(found[3], self._mail_proof(found[1], found[2])):
            return None
        return int.from_bytes(bytes.fromhex(found[2]), "big", signed=True)

    def first_address(self, addresses: Iterable[str], now: datetime) -> int | None:
        """Say what the first of these addresses that is ours is about."""
        return _first(self.about_address(address, now) for address in addresses)

    def first_mail_id(self, mail_ids: Iterable[str]) -> int | None:
        """Say what the first of these Message-IDs that is ours is about."""
        return _first(self.about_mail_id(mail_id) for mail_id in mail_ids)

    def without(self, words: str) -> str:
        """Take proofs of ours out of what is to be shown: whoever reads one could write in a phone's name."""
        hidden = _MAIL_ID.sub(lambda found: found[0] if self.about_mail_id(found[0]) is None else "…", words)
        return _MAYBE_TOKEN.sub(self._without_token, hidden)

    def _without_token(self, found: re.Match[str]) -> str:
        # What stands beside a token may look like a part of it, as in "%2B" for a plus.
        run = found[0]
        if self._body_of(run[-TOKEN_CHARS:]) is not None:
            return f"{run[:-TOKEN_CHARS]}…"
        return f"…{run[TOKEN_CHARS:]}" if self._body_of(run[:TOKEN_CHARS]) is not None else run

    def _address_proof(self, body: bytes) -> bytes:
        return self._mac(b"address\0" + body)[:_PROOF_OCTETS]

    def _mail_proof(self, mail_id: str, number: str) -> str:
        return self._mac(f"mail\0{mail_id}\0{number}".encode("ascii"))[:_PROOF_OCTETS].hex()


def mail_ids_in(octets: bytes) -> Iterator[str]:
    """Find what looks like a Message-ID of ours in the beginning of a mail's body."""
    return (found[0] for found in _MAIL_ID.finditer(octets.decode("ascii", "replace")))


def _day(now: datetime) -> int:
    """Count days since 1970, UTC."""
    return int(now.timestamp()) // _DAY_S


def _first(found: Iterator[int | None]) -> int | None:
    return next((about for about in found if about is not None), None)
