"""The invite URL comes from the token alone."""

import base64
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.operate.invite import application_id_from_token, invite_url


@given(st.integers(10**16, 10**20 - 1), st.booleans())
def test_the_id_is_in_the_tokens_first_part(application_id: int, padded: bool) -> None:
    first = base64.urlsafe_b64encode(str(application_id).encode()).decode()
    token = f"{first if padded else first.rstrip('=')}.GabcdE.rest"
    assert application_id_from_token(token) == application_id


@pytest.mark.parametrize(
    "token", ["", ".", "token", "bm8gaWQ.x.y", "\u00e9.x.y", "MTIz NDU2.x.y", "2aHZog.x.y"]
)
def test_another_token_names_no_application(token: str) -> None:
    assert application_id_from_token(token) is None


def test_the_invitation_asks_for_no_right() -> None:
    parts = urlsplit(invite_url(123456789012345678))
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "discord.com", "/oauth2/authorize")
    assert parse_qs(parts.query) == {
        "client_id": ["123456789012345678"],
        "scope": ["bot applications.commands"],
        "permissions": ["0"],
    }
