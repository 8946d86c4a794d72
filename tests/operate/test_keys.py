"""New keys are keys that the settings accept."""

from bot.domain.setting import fernet_keys
from bot.operate.keys import new_key


def test_a_new_key_is_right_and_new() -> None:
    first, second = new_key(), new_key()
    assert fernet_keys(f"{first},{second}") == (first, second)
