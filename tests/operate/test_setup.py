"""Set-up asks, checks and writes .env; nothing is written while a setting is wrong."""

import base64
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.config import Config, load
from bot.operate.setup import GMAIL, GMAIL_QUESTION, QUESTIONS, run_setup

TOKEN = base64.urlsafe_b64encode(b"123456789012345678").decode().rstrip("=") + ".canary.canary"
FLAGS = {"DISCORD_TOKEN": TOKEN, "SMTP_HOST": "smtp.example.org", "SMTP_FROM": "bot@example.org"}


class Person:
    """Answers questions by their beginning; anything else with Enter."""

    def __init__(self, **answers: str) -> None:
        words = {question.name: question.words for question in QUESTIONS} | {"GMAIL": GMAIL_QUESTION}
        self.answers = {words[name]: answer.split("|") for name, answer in answers.items()}
        self.asked: list[tuple[str, bool]] = []
        self.heard: list[str] = []

    def ask(self, words: str, hidden: bool) -> str:
        self.asked.append((words, hidden))
        for beginning, answers in self.answers.items():
            if words.startswith(beginning) and answers:
                answer = answers.pop(0)
                if answer == "EOF":
                    raise EOFError
                if answer == "^C":
                    raise KeyboardInterrupt
                return answer
        return ""


def set_up(
    path: Path,
    person: Person,
    flags: Mapping[str, str],
    env: Mapping[str, str] | None = None,
    *,
    asks: bool = False,
) -> int:
    ask = person.ask if asks else None
    return run_setup(flags, env or {}, path, ask=ask, say=person.heard.append)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def loaded(path: Path) -> Config:
    return load({}, path)


def test_flags_alone_write_a_whole_file(path: Path) -> None:
    person = Person()
    assert set_up(path, person, FLAGS) == 0
    config = loaded(path)
    assert (config.discord_token, config.smtp.host, config.smtp.port) == (TOKEN, "smtp.example.org", 587)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert config.warnings == ()
    assert len(config.secret_keys) == 1
    heard = "\n".join(person.heard)
    assert "client_id=123456789012345678" in heard
    assert "python3 -m bot run" in heard
    assert "canary" not in heard
    assert config.secret_keys[0] not in heard


def test_each_set_up_has_its_own_key(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    assert set_up(path, Person(), FLAGS) == set_up(other, Person(), FLAGS) == 0
    assert loaded(path).secret_keys != loaded(other).secret_keys


def test_what_is_missing_is_listed_and_nothing_written(path: Path) -> None:
    person = Person()
    assert set_up(path, person, {"SMTP_HOST": "canary host"}) == 78
    names = [line.partition(":")[0] for line in person.heard[1:]]
    assert names == ["DISCORD_TOKEN", "SMTP_HOST", "SMTP_FROM"]
    assert "canary" not in "".join(person.heard)
    assert not path.exists()


def test_the_environment_fills_in(path: Path) -> None:
    env = {"DISCORD_TOKEN": TOKEN, "SMTP_HOST": "env.example.org", "SMTP_FROM": "env@example.org"}
    assert set_up(path, Person(), {"SMTP_HOST": "flag.example.org"}, env) == 0
    assert (loaded(path).smtp.host, loaded(path).smtp.sender) == ("flag.example.org", "env@example.org")


def test_questions_lead_to_gmail(path: Path) -> None:
    person = Person(
        GMAIL="", DISCORD_TOKEN=TOKEN, SMTP_USERNAME="me@gmail.com", SMTP_PASSWORD="abcd efgh ijkl mnop"
    )
    assert set_up(path, person, {}, asks=True) == 0
    smtp = loaded(path).smtp
    assert {"SMTP_HOST": smtp.host, "SMTP_PORT": str(smtp.port), "SMTP_SECURITY": smtp.security} == GMAIL
    assert (smtp.username, smtp.password, smtp.sender) == ("me@gmail.com", "abcdefghijklmnop", "me@gmail.com")
    hidden = [words for words, hidden in person.asked if hidden]
    assert len(hidden) == 2
    assert not any(words.startswith("Mail server") for words, _ in person.asked)


def test_the_gmail_flag_fills_the_same(path: Path) -> None:
    flags = {**GMAIL, "DISCORD_TOKEN": TOKEN, "SMTP_USERNAME": "me@gmail.com", "SMTP_PASSWORD": "p"}
    assert set_up(path, Person(), flags) == 0
    assert (loaded(path).smtp.host, loaded(path).smtp.sender) == ("smtp.gmail.com", "me@gmail.com")


def test_a_wrong_answer_is_asked_again(path: Path) -> None:
    person = Person(
        GMAIL="no", DISCORD_TOKEN="|Bot canary|canary|" + TOKEN, SMTP_HOST="https://canary|mail.example.org",
        SMTP_PORT="none|465", SMTP_SECURITY="ssl|tls", SMTP_FROM="Canary <x@y.z>|bot@example.org",
    )  # fmt: skip
    assert set_up(path, person, {}, asks=True) == 0
    smtp = loaded(path).smtp
    assert (smtp.host, smtp.port, smtp.security, smtp.username) == ("mail.example.org", 465, "tls", None)
    assert len([line for line in person.heard if line.partition(":")[0].isupper()]) == 7
    assert "anary" not in "".join(person.heard)


def test_a_second_set_up_keeps_what_is_there_and_says_what_changed(path: Path) -> None:
    set_up(path, Person(), {**FLAGS, "SMTP_USERNAME": "bot", "SMTP_PASSWORD": "canary"})
    path.write_text(path.read_text() + "# mine\nLOG_LEVEL=debug\n")
    before = loaded(path)
    person = Person(SMTP_FROM="new@example.org")
    assert set_up(path, person, {}, asks=True) == 0
    after = loaded(path)
    assert (after.discord_token, after.secret_keys, after.log_level) == (
        before.discord_token,
        before.secret_keys,
        "debug",
    )
    assert (after.smtp.sender, after.smtp.password) == ("new@example.org", "canary")
    assert person.heard[0] == "Changed in .env: SMTP_FROM. The rest is as it was."
    assert "# mine" in path.read_text()
    assert "canary" not in "".join(words for words, _ in person.asked)


def test_what_comes_from_a_file_is_left_there(path: Path, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    path.write_text(f"DISCORD_TOKEN_FILE={token}\n")
    path.chmod(0o600)
    person = Person(GMAIL="no", SMTP_HOST="mail.example.org", SMTP_FROM="bot@example.org")
    assert set_up(path, person, {}, asks=True) == 0
    assert loaded(path).discord_token == TOKEN
    assert TOKEN not in path.read_text()


def test_an_end_of_input_writes_nothing(path: Path) -> None:
    person = Person(DISCORD_TOKEN="EOF")
    assert set_up(path, person, {}, asks=True) == 64
    assert not path.exists()


def test_ctrl_c_writes_nothing(path: Path) -> None:
    person = Person(DISCORD_TOKEN=TOKEN, GMAIL="^C")
    assert set_up(path, person, {}, asks=True) == 130
    assert person.heard == ["\nSet-up stopped, nothing is written."]
    assert not path.exists()


def test_the_token_comes_first_and_gmail_is_yes_or_no(path: Path) -> None:
    person = Person(DISCORD_TOKEN=TOKEN, GMAIL="mail.example.org|no", SMTP_HOST="h", SMTP_FROM="a@b.org")
    assert set_up(path, person, {}, asks=True) == 0
    assert [words.partition(" (")[0] for words, _ in person.asked[:3]] == [
        "Discord bot token",
        "Send by Gmail",
        "Send by Gmail",
    ]
    assert person.heard[0] == "Answer yes or no."
    assert loaded(path).smtp.host == "h"


@pytest.mark.parametrize(
    "token", ["canary", f"{TOKEN.partition('.')[0]}", "Y2FuYXJ5.canary.canary", f"{TOKEN}.x"]
)
def test_what_is_no_bot_token_is_asked_again(path: Path, token: str) -> None:
    person = Person(GMAIL="no", DISCORD_TOKEN=f"{token}|{TOKEN}", SMTP_HOST="h", SMTP_FROM="a@b.org")
    assert set_up(path, person, {}, asks=True) == 0
    assert person.heard[0].startswith("DISCORD_TOKEN: this is not a bot token; ")
    assert loaded(path).discord_token == TOKEN


def test_other_servers_have_tokens_of_their_own(path: Path) -> None:
    env = {"DISCORD_API_URL": "http://127.0.0.1:1/api"}
    person = Person(GMAIL="no", DISCORD_TOKEN="odd", SMTP_HOST="h", SMTP_FROM="a@b.org")
    assert set_up(path, person, {}, env, asks=True) == 0
    assert loaded(path).discord_token == "odd"


def test_without_an_address_nothing_is_said_of_opening_it(path: Path) -> None:
    person = Person()
    assert set_up(path, person, {**FLAGS, "DISCORD_TOKEN": "odd"}) == 0
    assert "address" not in "".join(person.heard)
    assert person.heard[-1] == "Start it: python3 -m bot run"


def test_an_open_file_is_closed_to_others(path: Path) -> None:
    for asks in (False, True):
        set_up(path, Person(), FLAGS)
        path.chmod(0o644)
        assert set_up(path, Person(), {}, asks=asks) == 0
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_half_an_account_is_refused(path: Path) -> None:
    assert set_up(path, Person(), {**FLAGS, "SMTP_USERNAME": "bot"}) == 78
    assert not path.exists()
