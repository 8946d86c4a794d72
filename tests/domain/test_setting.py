"""No text of a setting breaks its rule, and no rule repeats the text."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain.setting import is_loopback
from bot.settings import SETTINGS, Setting


def said_of(setting: Setting, written: str) -> str:
    """Return what is said of a value that is wrong; empty where it is not."""
    try:
        setting.rule(written)
    except ValueError as wrong:
        return str(wrong)
    return ""


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
@given(
    written=st.text(min_size=1, max_size=40)
    | st.sampled_from(["http://[", "https://x:99999", "[::1]:", "a@b@c", "%"])
)
def test_any_text_is_a_value_or_a_sentence(setting: Setting, written: str) -> None:
    assume("\0" not in written)  # no environment can hold it
    try:
        setting.rule(written)
    except ValueError as wrong:
        sentence = str(wrong)
    else:
        return
    assert sentence.isprintable()
    # A sentence's own words may happen to be what was written.
    assert len(written) < 9 or written not in sentence or written in said_of(setting, "\x01")


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_default_is_right(setting: Setting) -> None:
    if setting.default:
        setting.rule(setting.default)
    assert not (setting.required and setting.default)


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "::1"])
def test_this_machine_is_known(name: str) -> None:
    assert is_loopback(name)


@pytest.mark.parametrize(
    "name", ["localhost.example.org", "0.0.0.0", "128.0.0.1", "::2", "", "127.0.0.1.example.org"]
)
def test_no_other_machine_is_taken_for_it(name: str) -> None:
    assert not is_loopback(name)
