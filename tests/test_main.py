"""The command line as its own process: exit codes, one line for each mistake, no value printed."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.checkout import NO_DOTENV

CHECKOUT = Path(__file__).resolve().parents[1]
TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.canary.canary"


def bot(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command from another folder, with this Python's packages and no other environment."""
    return subprocess.run(
        [sys.executable, CHECKOUT / "bot", *words],
        cwd="/",
        env={"HOME": "/nonexistent", "PATH": "/usr/bin:/bin", "BOT_NO_BOOTSTRAP": "1", **NO_DOTENV, **env},
        input="",
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_a_new_key_is_printed() -> None:
    ended = bot("keys", "new")
    assert (ended.returncode, ended.stderr) == (0, "")
    Fernet(ended.stdout.strip())


def test_run_lists_every_wrong_setting_and_no_value() -> None:
    ended = bot("run", SMTP_PORT="canary", LIMITS="canary", DISCORD_TOKEN="Bot canary", SECRET_KEY="canary")
    assert ended.returncode == 78
    lines = ended.stderr.splitlines()
    wanted = {"SMTP_PORT", "LIMITS", "DISCORD_TOKEN", "SECRET_KEY"}
    assert wanted <= {line.partition(":")[0] for line in lines}
    assert "canary" not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_invite_needs_the_token_alone() -> None:
    ended = bot("invite", DISCORD_TOKEN=TOKEN)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "client_id=123456789012345678" in ended.stdout.splitlines()[0]
    assert "canary" not in ended.stdout


def test_the_settings_may_be_written_elsewhere(tmp_path: Path) -> None:
    dotenv = tmp_path / "mine"
    dotenv.write_text(f"DISCORD_TOKEN={TOKEN}\n")
    dotenv.chmod(0o600)
    assert "client_id=123456789012345678" in bot("invite", BOT_DOTENV=str(dotenv)).stdout
    assert bot("invite").stderr.startswith("DISCORD_TOKEN: it is required")
    ended = bot("setup", "--no-input", "--smtp-host", "h", "--smtp-from", "a@b.org", BOT_DOTENV=str(dotenv))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "SMTP_HOST=h" in dotenv.read_text()


@pytest.mark.parametrize("token", ["canary", "Y2FuYXJ5.canary.canary"])
def test_a_token_without_an_application_is_a_wrong_setting(token: str) -> None:
    ended = bot("invite", DISCORD_TOKEN=token)
    assert (ended.returncode, ended.stdout) == (78, "")
    assert ended.stderr.startswith("DISCORD_TOKEN: ")
    assert "canary" not in ended.stderr


def test_migrate_makes_a_store_where_it_is_told(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    for _ in range(2):
        ended = bot("migrate", DATABASE_URL=f"sqlite+aiosqlite:///{store}")
        assert (ended.returncode, ended.stdout) == (0, "The store is up to date.\n")
        assert "Traceback" not in ended.stderr
    assert store.stat().st_size > 0


def test_migrate_says_when_the_store_is_away(tmp_path: Path) -> None:
    for url in (
        f"sqlite+aiosqlite:///{tmp_path}/canary/x.db",
        "postgresql://canary:canary@127.0.0.1:1/canary",
    ):
        ended = bot("migrate", DATABASE_URL=url)
        assert (ended.returncode, ended.stdout) == (69, "")
        assert ended.stderr.startswith("DATABASE_URL: ")
        assert "canary" not in ended.stderr


def test_migrate_refuses_a_newer_store(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    bot("migrate", DATABASE_URL=f"sqlite:///{store}")
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'later'")
    ended = bot("migrate", DATABASE_URL=f"sqlite:///{store}")
    assert (ended.returncode, ended.stdout) == (78, "")
    assert ended.stderr == "The store was written by a newer version: update this checkout first.\n"


def test_migrate_names_a_wrong_store() -> None:
    ended = bot("migrate", DATABASE_URL="mysql://canary/store")
    assert ended.returncode == 78
    assert ended.stderr.startswith("DATABASE_URL: ")
    assert "canary" not in ended.stderr


def test_setup_without_answers_stops_and_says_how_to_go_on() -> None:
    ended = bot("setup")
    assert ended.returncode == 64
    assert "nothing is written" in ended.stderr + ended.stdout


def test_setup_lists_its_flags() -> None:
    ended = bot("setup", "--help")
    assert ended.returncode == 0
    for flag in ("--no-input", "--gmail", "--discord-token-file", "--smtp-password-file", "--smtp-host"):
        assert flag in ended.stdout
