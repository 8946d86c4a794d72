"""Addresses and Message-IDs of ours prove what they are about; nobody else can make one."""

import base64
import hashlib
import hmac
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.returns import VALID_FOR, Returns, default_pattern, mail_ids_in
from tests.conftest import Size

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = b"k" * 32
PATTERN = "bot+{token}@example.org"
TEXT, PERSON = 1_353_694_261_173_813_249, -290_000_000_000_000_001
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def mac(words: bytes) -> bytes:
    return hmac.digest(KEY, words, hashlib.sha256)


def other_mac(words: bytes) -> bytes:
    return hmac.digest(b"o" * 32, words, hashlib.sha256)


RETURNS = Returns(PATTERN, mac)


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 29))
def test_an_address_says_what_it_is_about_until_it_ends(about: int, days: int) -> None:
    address = RETURNS.address(about, NOW)
    assert RETURNS.about_address(address, NOW + timedelta(days=days)) == about
    assert RETURNS.about_address(address, NOW + VALID_FOR + timedelta(days=1)) is None


def test_an_address_survives_what_mail_servers_do_to_it() -> None:
    address = RETURNS.address(TEXT, NOW)
    assert len(address.partition("@")[0]) <= 64
    assert address == address.lower()
    for written in (address, address.upper(), address.title()):
        assert RETURNS.about_address(written, NOW) == TEXT


def test_a_token_fits_where_a_pattern_puts_it() -> None:
    for pattern in ("{token}@sms.example.org", "a.{token}.b@example.org", default_pattern("bot@example.org")):
        returns = Returns(pattern, mac)
        assert returns.about_address(returns.address(TEXT, NOW), NOW) == TEXT
    assert default_pattern("bot@example.org") == PATTERN


def test_every_single_bit_counts() -> None:
    address = RETURNS.address(TEXT, NOW)
    local, _, domain = address.partition("@")
    octets = base64.b32decode(local.removeprefix("bot+").upper())
    assert len(octets) == 20
    for bit in range(len(octets) * 8):
        flipped = bytearray(octets)
        flipped[bit // 8] ^= 1 << bit % 8
        token = base64.b32encode(bytes(flipped)).decode().lower()
        assert RETURNS.about_address(f"bot+{token}@{domain}", NOW) is None


def test_forged_tokens_are_never_accepted(size: Size) -> None:
    rng = random.Random(6)
    address = RETURNS.address(TEXT, NOW)
    body = base64.b32decode(address[4:36].upper())[:10]
    accepted = 0
    for turn in range(size.pick(1_000_000, plain=20_000)):
        if turn % 2:  # a text that is there, a day that is right, any proof
            token = base64.b32encode(body + rng.randbytes(10)).decode("ascii").lower()
        else:
            token = "".join(rng.choices(ALPHABET, k=32))
        accepted += RETURNS.about_address(f"bot+{token}@example.org", NOW) is not None
    assert accepted == 0
    assert RETURNS.about_address(address, NOW) == TEXT


def test_a_proof_of_one_text_says_nothing_of_another() -> None:
    ours, other = (base64.b32decode(RETURNS.address(about, NOW)[4:36].upper()) for about in (TEXT, TEXT + 1))
    mixed = base64.b32encode(ours[:10] + other[10:]).decode("ascii").lower()
    assert RETURNS.about_address(f"bot+{mixed}@example.org", NOW) is None
    later = base64.b32decode(RETURNS.address(TEXT, NOW + timedelta(days=9))[4:36].upper())
    longer = base64.b32encode(later[:10] + ours[10:]).decode("ascii").lower()
    assert RETURNS.about_address(f"bot+{longer}@example.org", NOW) is None


@pytest.mark.parametrize(
    "written",
    [
        "bot@example.org",
        "bot+@example.org",
        "bot+{token}@example.org",
        f"bot+{'a' * 31}@example.org",
        f"bot+{'a' * 33}@example.org",
        f"bot+{'1' * 32}@example.org",
        f"bot+{'é' * 32}@example.org",
        f"bot+{'a' * 32}@example.com",
        f"eve+{'a' * 32}@example.org",
        f"bot+{'K' * 32}@example.org",
        "",
    ],
)
def test_what_is_no_address_of_ours_is_about_nothing(written: str) -> None:
    assert RETURNS.about_address(written, NOW) is None


def test_an_address_of_another_deployment_is_about_nothing() -> None:
    assert RETURNS.about_address(Returns(PATTERN, other_mac).address(TEXT, NOW), NOW) is None


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_message_id_says_what_it_is_about_and_never_changes(about: int) -> None:
    written = RETURNS.mail_id("ab12" * 8, about)
    assert written == RETURNS.mail_id("ab12" * 8, about)
    assert RETURNS.about_mail_id(f"{written}@example.org") == about
    assert RETURNS.about_mail_id(f"{Returns(PATTERN, other_mac).mail_id('ab12' * 8, about)}@e.org") is None


def test_no_digit_of_a_message_id_can_be_another() -> None:
    written = RETURNS.mail_id("ab12" * 8, TEXT)
    for place, digit in enumerate(written):
        if digit != ".":
            changed = written[:place] + ("0" if digit != "0" else "1") + written[place + 1 :]
            assert RETURNS.about_mail_id(f"{changed}@example.org") is None


def test_the_first_that_is_ours_counts() -> None:
    ours, other = RETURNS.address(TEXT, NOW), RETURNS.address(PERSON, NOW)
    assert RETURNS.first_address(["bob@example.com", ours, other], NOW) == TEXT
    assert RETURNS.first_address(["bob@example.com"], NOW) is None
    mail_id = RETURNS.mail_id("ab12" * 8, PERSON)
    assert RETURNS.first_mail_id(["1@example.com", f"{mail_id}@example.org"]) == PERSON


def test_a_message_id_is_found_in_what_a_bounce_returns() -> None:
    mail_id = RETURNS.mail_id("ab12" * 8, TEXT)
    body = b"\xff\x00 Reason: gone\r\nMessage-ID: <" + mail_id.encode() + b"@example.org>\r\n"
    assert RETURNS.first_mail_id(mail_ids_in(body)) == TEXT
    assert RETURNS.first_mail_id(mail_ids_in(body.replace(b"ab12", b"ab13"))) is None


def test_no_proof_of_ours_stays_in_what_is_shown() -> None:
    address, mail_id = RETURNS.address(TEXT, NOW), RETURNS.mail_id("a1b2", TEXT)
    token = address.partition("+")[2].partition("@")[0]
    for written in (address, token, token.upper(), address.replace("+", "%2B"), f"<{mail_id}@example.org>"):
        shown = RETURNS.without(f"ok\n> {written} wrote:")
        assert shown.startswith("ok\n> ")
        assert "…" in shown
        assert token not in shown.lower()
        assert mail_id not in shown


@given(st.text(alphabet=f"{ALPHABET}089.@+ \n", max_size=300))
def test_whatever_else_is_said_stays(words: str) -> None:
    assert RETURNS.without(words) == words
