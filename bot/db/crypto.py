"""Encrypt what is private and make keyed blind indexes of what must be found again."""

import base64
import hashlib
import hmac
import os
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SUBKEY_NAMES = ("index", "codes", "tokens")
_SUBKEY_BYTES = 32
# What seal() makes begins with this; a Fernet token, which older rows hold, begins with "g".
_SEALED = b"\x01"
_NONCE_BYTES = 12
# Whoever asks the system for random numbers gives up Python's lock, and may wait to get it back.
_NONCES_AT_ONCE = 256
_nonces: deque[bytes] = deque()
if hasattr(os, "register_at_fork"):
    # Two processes must never seal under the same one.
    os.register_at_fork(after_in_child=_nonces.clear)
# Discord's ids stay below 2**62 until the year 2049.
_PSEUDONYMS_BELOW = -(2**62)


class WrongKey(Exception):
    """SECRET_KEY does not open what this store holds."""


class Vault:
    """Seal and open private values under SECRET_KEY; index and prove others under random subkeys.

    Subkeys live in the store, wrapped: rotating SECRET_KEY re-wraps them and never changes an index.
    """

    __slots__ = ("_cipher", "_keys", "_openers", "_sealer", "_subkeys")

    def __init__(self, secret_keys: Sequence[str], wrapped: Mapping[str, bytes]) -> None:
        """Unwrap the subkeys; raises WrongKey where SECRET_KEY is not the one they were wrapped with."""
        self._keys = tuple(secret_keys)
        self._cipher = MultiFernet([Fernet(key) for key in secret_keys])
        self._openers = [_aead(key) for key in secret_keys]
        self._sealer = self._openers[0]
        try:
            self._subkeys = {name: self._cipher.decrypt(wrapped[name]) for name in SUBKEY_NAMES}
        except (InvalidToken, KeyError):
            raise WrongKey from None
        for name, probe in wrapped.items():
            if name not in SUBKEY_NAMES:
                self.open(probe)

    def seal(self, plain: str) -> bytes:
        """Encrypt text with AES-256-GCM under a random nonce.

        One key is good for 2**32 values (NIST SP 800-38D, 8.3): rotate it before.
        """
        nonce = _nonce()
        return _SEALED + nonce + self._sealer.encrypt(nonce, plain.encode("utf-8", "surrogatepass"), None)

    def open(self, sealed: bytes) -> str:
        """Decrypt what seal() made, or a Fernet token of an earlier version; raises WrongKey."""
        return self._opened(sealed).decode("utf-8", "surrogatepass")

    def _opened(self, sealed: bytes) -> bytes:
        if sealed[:1] != _SEALED:
            try:
                return self._cipher.decrypt(sealed)
            except InvalidToken:
                raise WrongKey from None
        nonce, closed = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        for opener in self._openers:
            try:
                return opener.decrypt(nonce, closed, None)
            except (InvalidTag, ValueError):
                continue
        raise WrongKey

    def resealed(self, sealed: bytes) -> bytes | None:
        """Seal anew under the first key what another one sealed; None where it is. Raises WrongKey."""
        if sealed[:1] == _SEALED:
            with suppress(InvalidTag, ValueError):
                self._sealer.decrypt(sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :], None)
                return None
        return self.seal(self.open(sealed))

    @property
    def probe_name(self) -> str:
        """Name the value by which the store knows that the first key has sealed in it."""
        return f"probe {self.sealer}"

    @property
    def sealer(self) -> str:
        """Name the key that seals, without telling it."""
        return fingerprint(self._keys[0])

    def rewrapped(self) -> dict[str, bytes]:
        """Wrap the subkeys under the first key, and give a probe of that key alone."""
        cipher = Fernet(self._keys[0])
        wrapped = {name: cipher.encrypt(subkey) for name, subkey in self._subkeys.items()}
        return wrapped | {self.probe_name: self.seal("")}

    def number_index(self, e164: str) -> bytes:
        """Return the keyed blind index (32 bytes) by which a number is found again."""
        return hmac.digest(self._subkeys["index"], e164.encode("ascii"), hashlib.sha256)

    def pseudonym(self, person_id: int) -> int:
        """Return a person's keyed name for what outlives /privacy erase: lower than any id or minus one."""
        digest = hmac.digest(self._subkeys["index"], b"person:%d" % person_id, hashlib.sha256)
        return _PSEUDONYMS_BELOW - 1 - (int.from_bytes(digest[:8]) >> 3)

    def blind_index(self, purpose: str, plain: str) -> bytes:
        """Return the keyed blind index (32 bytes) by which a private value of one kind is found again."""
        words = f"{purpose}\0{plain}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._subkeys["index"], words, hashlib.sha256)

    def token_mac(self, words: bytes) -> bytes:
        """Return 32 octets by which we know again what we gave out in addresses and Message-IDs."""
        return hmac.digest(self._subkeys["tokens"], words, hashlib.sha256)

    def code_mac(self, person_id: int, number_index: bytes, code: str) -> bytes:
        """Return what is stored of a code: bound to the person and the number it was sent for."""
        words = b"%d:%s:%s" % (person_id, number_index, code.encode("utf-8"))
        return hmac.digest(self._subkeys["codes"], words, hashlib.sha256)


def _nonce() -> bytes:
    """Draw a nonce that nobody else gets, in whatever thread."""
    while True:
        with suppress(IndexError):
            return _nonces.popleft()
        drawn = secrets.token_bytes(_NONCE_BYTES * _NONCES_AT_ONCE)
        _nonces.extend(drawn[at : at + _NONCE_BYTES] for at in range(0, len(drawn), _NONCE_BYTES))


def _aead(secret_key: str) -> AESGCM:
    """Derive the cipher for values: SECRET_KEY itself only wraps subkeys and opens Fernet tokens."""
    derived = HKDF(SHA256(), 32, salt=None, info=b"textbridge values 1")
    return AESGCM(derived.derive(base64.urlsafe_b64decode(secret_key)))


def fingerprint(secret_key: str) -> str:
    """Name a key without telling it: 64 bits of a hash of 256 random ones."""
    return hashlib.sha256(b"textbridge key " + secret_key.encode("ascii")).hexdigest()[:16]


def is_pseudonym(person_id: int) -> bool:
    """Tell whether this is the keyed name of somebody who had everything erased."""
    return person_id < _PSEUDONYMS_BELOW


def same(left: bytes, right: bytes) -> bool:
    """Compare two MACs in constant time."""
    return hmac.compare_digest(left, right)


def make_wrapped_subkeys(secret_keys: Sequence[str]) -> dict[str, bytes]:
    """Draw fresh subkeys and wrap them under the first SECRET_KEY."""
    cipher = Fernet(secret_keys[0])
    return {name: cipher.encrypt(secrets.token_bytes(_SUBKEY_BYTES)) for name in SUBKEY_NAMES}
