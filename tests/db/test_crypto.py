"""What is private is sealed so that only its keys open it, and older seals still open."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.fernet import Fernet
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.db.crypto import Vault, WrongKey, is_pseudonym, make_wrapped_subkeys
from tests.db.stores import KEY

WORDS = "dinner at 7"
THREADS, SEALS = 8, 4000
FORKS = """
import os
from cryptography.fernet import Fernet
from bot.db.crypto import Vault, make_wrapped_subkeys
keys = [Fernet.generate_key().decode()]
vault = Vault(keys, make_wrapped_subkeys(keys))
vault.seal("")
child = os.fork()
if child:
    os.waitpid(child, 0)
print(vault.seal("")[1:13].hex(), flush=True)
"""
OTHER = Fernet.generate_key().decode()
WRAPPED = make_wrapped_subkeys([KEY])
VAULT = Vault([KEY], WRAPPED)


@given(st.text())
@settings(max_examples=50)
def test_what_is_sealed_opens_again(words: str) -> None:
    sealed = VAULT.seal(words)
    assert VAULT.open(sealed) == words
    assert len(words) < 4 or words.encode("utf-8", "surrogatepass") not in sealed


def test_the_same_words_are_sealed_otherwise_each_time() -> None:
    assert VAULT.seal(WORDS) != VAULT.seal(WORDS)


def test_no_two_threads_seal_under_one_nonce() -> None:
    with ThreadPoolExecutor(THREADS) as threads:
        sealed = list(threads.map(lambda _: VAULT.seal(WORDS), range(SEALS)))
    assert len({each[1:13] for each in sealed}) == SEALS


def test_no_two_processes_seal_under_one_nonce() -> None:
    # In a process of its own: this one may have threads, which a fork leaves behind.
    said = subprocess.run([sys.executable, "-c", FORKS], check=True, capture_output=True, text=True).stdout
    assert len(set(said.split())) == 2


@given(place=st.integers(0, 200), bit=st.integers(0, 7))
@settings(max_examples=200)
def test_a_changed_bit_is_noticed(place: int, bit: int) -> None:
    sealed = bytearray(VAULT.seal(WORDS))
    sealed[place % len(sealed)] ^= 1 << bit
    with pytest.raises(WrongKey):
        VAULT.open(bytes(sealed))


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01short", b"gAAAA", b"\x02" + bytes(40)])
def test_what_was_never_sealed_does_not_open(sealed: bytes) -> None:
    with pytest.raises(WrongKey):
        VAULT.open(sealed)


def test_what_an_earlier_version_sealed_opens() -> None:
    assert VAULT.open(Fernet(KEY).encrypt(WORDS.encode())) == WORDS


def test_the_first_key_seals_and_every_key_opens() -> None:
    both = Vault([OTHER, KEY], WRAPPED)
    assert both.open(VAULT.seal(WORDS)) == WORDS
    with pytest.raises(WrongKey):
        VAULT.open(both.seal(WORDS))


def test_a_key_that_has_sealed_here_is_missed() -> None:
    both = Vault([OTHER, KEY], WRAPPED)
    wrapped = WRAPPED | {both.probe_name: both.seal("")}
    Vault([KEY, OTHER], wrapped)
    with pytest.raises(WrongKey):
        Vault([KEY], wrapped)


def test_wrapped_anew_only_the_first_key_opens_and_every_index_stays() -> None:
    both = Vault([OTHER, KEY], WRAPPED)
    again = Vault([OTHER], both.rewrapped())
    assert again.number_index("+12065550101") == VAULT.number_index("+12065550101")
    assert again.pseudonym(1) == VAULT.pseudonym(1)
    assert is_pseudonym(VAULT.pseudonym(1))
    for somebody in (0, 1, -1, 2**61, -(2**61)):
        assert not is_pseudonym(somebody)
    assert VAULT.pseudonym(1) >= -(2**63)
    assert again.pseudonym(1) != again.pseudonym(2)
    with pytest.raises(WrongKey):
        Vault([KEY], both.rewrapped())


def test_only_what_another_key_sealed_is_sealed_anew() -> None:
    both = Vault([OTHER, KEY], WRAPPED)
    assert both.resealed(both.seal(WORDS)) is None
    for old in (
        VAULT.seal(WORDS),
        Fernet(KEY).encrypt(WORDS.encode()),
        Fernet(OTHER).encrypt(WORDS.encode()),
    ):
        again = both.resealed(old)
        assert again is not None
        assert Vault([OTHER], both.rewrapped()).open(again) == WORDS
    with pytest.raises(WrongKey):
        VAULT.resealed(both.seal(WORDS))


def test_the_name_of_a_key_tells_nothing_of_it() -> None:
    assert VAULT.sealer not in KEY
    assert Vault([OTHER, KEY], WRAPPED).sealer != VAULT.sealer
