"""Encrypt what is private and make keyed blind indexes of what must be found again."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

SUBKEY_NAMES = ("index", "codes", "tokens")
_SUBKEY_BYTES = 32


class WrongKey(Exception):
    """SECRET_KEY does not open what this store holds."""


class Vault:
    """Seal and open private values under SECRET_KEY; index and prove others under random subkeys.

    Subkeys live in the store, wrapped: rotating SECRET_KEY re-wraps them and never changes an index.
    """

    __slots__ = ("_cipher", "_subkeys")

    def __init__(self, secret_keys: Sequence[str], wrapped: Mapping[str, bytes]) -> None:
        """Unwrap the subkeys; raises WrongKey where SECRET_KEY is not the one they were wrapped with."""
        self._cipher = MultiFernet([Fernet(key) for key in secret_keys])
        try:
            self._subkeys = {name: self._cipher.decrypt(wrapped[name]) for name in SUBKEY_NAMES}
        except (InvalidToken, KeyError):
            raise WrongKey from None

    def seal(self, plain: str) -> bytes:
        """Encrypt text (Fernet: AES-128-CBC and HMAC-SHA256)."""
        return self._cipher.encrypt(plain.encode("utf-8", "surrogatepass"))

    def open(self, sealed: bytes) -> str:
        """Decrypt what seal() made; raises WrongKey."""
        try:
            return self._cipher.decrypt(sealed).decode("utf-8", "surrogatepass")
        except InvalidToken:
            raise WrongKey from None

    def number_index(self, e164: str) -> bytes:
        """Return the keyed blind index (32 bytes) by which a number is found again."""
        return hmac.digest(self._subkeys["index"], e164.encode("ascii"), hashlib.sha256)

    def code_mac(self, person_id: int, number_index: bytes, code: str) -> bytes:
        """Return what is stored of a code: bound to the person and the number it was sent for."""
        words = b"%d:%s:%s" % (person_id, number_index, code.encode("utf-8"))
        return hmac.digest(self._subkeys["codes"], words, hashlib.sha256)


def same(left: bytes, right: bytes) -> bool:
    """Compare two MACs in constant time."""
    return hmac.compare_digest(left, right)


def make_wrapped_subkeys(secret_keys: Sequence[str]) -> dict[str, bytes]:
    """Draw fresh subkeys and wrap them under the first SECRET_KEY."""
    cipher = Fernet(secret_keys[0])
    return {name: cipher.encrypt(secrets.token_bytes(_SUBKEY_BYTES)) for name in SUBKEY_NAMES}
