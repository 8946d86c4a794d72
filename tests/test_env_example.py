""".env.example names every setting with its explanation and its default."""

import io
import re
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from dotenv import dotenv_values

from bot.config import SETTINGS, Setting, load

EXAMPLE = (Path(__file__).resolve().parents[1] / ".env.example").read_text("utf-8")
# Checked and kept for what is to come; a name leaves this list with the code that reads it.
UNREAD = {"HTTP_LISTEN"}
LINE = re.compile(r"(# )?([A-Z][A-Z_]+)=(.*)")


def named() -> list[tuple[str, str]]:
    return [(found[2], found[3]) for line in EXAMPLE.splitlines() if (found := LINE.fullmatch(line))]


def test_every_setting_is_there_once_and_no_other() -> None:
    assert [name for name, _ in named()] == [setting.name for setting in SETTINGS]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_setting_is_explained_in_the_line_above(setting: Setting) -> None:
    assert re.search(rf"^# {re.escape(setting.explanation)}\n(# )?{setting.name}=", EXAMPLE, re.MULTILINE)
    value = dict(named())[setting.name]
    assert value == setting.default or setting.name in {"SMTP_HOST", "SMTP_USERNAME", "SMTP_FROM"}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_what_nothing_reads_is_said_to_be_not_in_use(setting: Setting) -> None:
    assert setting.explanation.startswith("Not in use yet: ") == (setting.name in UNREAD)


def test_filled_in_it_is_a_working_gmail_set_up() -> None:
    values = {name: value or "" for name, value in dotenv_values(stream=io.StringIO(EXAMPLE)).items()}
    assert values["SECRET_KEY"] == values["DISCORD_TOKEN"] == values["SMTP_PASSWORD"] == ""
    filled = {"SECRET_KEY": Fernet.generate_key().decode(), "DISCORD_TOKEN": "t", "SMTP_PASSWORD": "p"}
    smtp = load({**values, **filled}, dotenv=None).smtp
    assert (smtp.host, smtp.port, smtp.security) == ("smtp.gmail.com", 587, "starttls")


def test_with_every_line_switched_on_it_is_right() -> None:
    values = {name: value for name, value in named() if value}
    filled = {"SECRET_KEY": Fernet.generate_key().decode(), "DISCORD_TOKEN": "t", "SMTP_PASSWORD": "p"}
    assert load({**values, **filled}, dotenv=None).gateway_rate == 60
