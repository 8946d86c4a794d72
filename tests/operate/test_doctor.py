"""`doctor` finds what is wrong, proves that no number stands in clear, and prints no value."""

import gzip
import json
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from bot.db.migrate import migrate
from bot.db.store import open_store
from bot.domain.phone import Number
from bot.operate.plaintext import CHUNK_BYTES, Finder
from bot.sandbox.discord_server import Discord
from bot.services.shelf import Shelf
from tests.db.stores import KEY, sqlite_url
from tests.mail.scripted import At, How, ScriptedServer
from tests.operate.test_carriers_cli import Bot
from tests.peers.aiosmtpd_peer import PASSWORD, USERNAME, SmtpPeer
from tests.peers.tls import Certificates
from tests.services.world import CATALOGUE, Clock, World

NATIONAL, NUMBER = "2065550142", "+12065550142"
SPELLINGS = (
    NUMBER, NATIONAL, f"1{NATIONAL}", "(206) 555-0142", "206-555-0142", "206.555.0142", "+1 206 555 0142",
    f"001{NATIONAL}", f"<{NATIONAL}@vtext.com>", f"tel:{NUMBER};x", f"id=7 {NATIONAL} 2026-11-22",
)  # fmt: skip
NOT_IT = (
    "2065550143",
    f"9{NATIONAL}",
    f"{NATIONAL}7",
    "206555",
    "206 555 01429",
    "206x555x0142",
    "1700002065550142",
)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_number_is_found_however_it_is_written(spelling: str) -> None:
    assert Finder([Number(NUMBER, "US")], []).found_in(f"see {spelling}.".encode()) == {"number"}


@pytest.mark.parametrize("other", NOT_IT)
def test_other_digits_are_no_number(other: str) -> None:
    assert Finder([Number(NUMBER, "US")], []).found_in(f"see {other}.".encode()) == set()


def test_a_number_across_two_reads_and_in_a_packed_file_is_found(tmp_path: Path) -> None:
    finder, content = Finder([Number(NUMBER, "US")], ["a secret"]), b"x" * (CHUNK_BYTES - 5) + NUMBER.encode()
    plain, packed, clean = (tmp_path / name for name in ("a.log", "b.sql.gz", "c.log"))
    plain.write_bytes(content)
    packed.write_bytes(gzip.compress(content + b" a secret"))
    clean.write_bytes(b"x" * 3 * CHUNK_BYTES)
    found = [finder.found_in_file(each) for each in (plain, packed, clean)]
    assert found == [{"number"}, {"number", "secret"}, set()]
    assert NATIONAL not in repr(finder)


@dataclass(slots=True)
class Place:
    """A store with one registration, and the settings around it."""

    bot: Bot
    path: Path
    env: dict[str, str]

    async def doctor(self, *words: str, **env: str) -> tuple[int, dict[str, list[dict[str, Any]]], str]:
        """Run it; returns code, findings by grade, all output."""
        url = sqlite_url(self.path)
        code, said, complained = await self.bot(url, *words, "--json", command="doctor", **self.env | env)
        assert complained == ""
        found: dict[str, list[dict[str, Any]]] = {"ok": [], "note": [], "BAD": []}
        read = json.loads(said)
        assert read["code"] == code
        for finding in read["findings"]:
            found["BAD" if finding["grade"] == "bad" else finding["grade"]].append(finding)
        for canary in (KEY, self.env["DISCORD_TOKEN"], NATIONAL, "canary-password", PASSWORD):
            assert canary not in said
        return code, found, said


@pytest.fixture
async def place(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    migrated_file: Path,
) -> AsyncIterator[Place]:
    path = tmp_path / "store.db"
    shutil.copyfile(migrated_file, path)
    path.chmod(0o600)
    store = await open_store(sqlite_url(path), [KEY])
    world = World(store, Clock(), Shelf(CATALOGUE, frozenset()))
    await world.register(1, typed_number=NATIONAL)
    await world.ask_code(2)
    await store.close()
    discord = Discord()
    await discord.start()
    try:
        async with ScriptedServer() as relay:
            env = {
                "DISCORD_TOKEN": discord.world.bot_token, "DISCORD_API_URL": discord.api_url,
                "SMTP_HOST": "127.0.0.1", "SMTP_FROM": "a@b.org", "SMTP_PORT": str(relay.port),
                "SMTP_SECURITY": "none", "SMTP_USERNAME": "canary-user", "SMTP_PASSWORD": "canary-password",
            }  # fmt: skip
            yield Place(Bot(monkeypatch, capsys), path, env)
    finally:
        await discord.stop()


def checks(findings: list[dict[str, Any]]) -> list[str]:
    return [finding["check"] for finding in findings]


async def test_all_is_well(place: Place) -> None:
    code, found, _ = await place.doctor()
    assert (code, found["BAD"]) == (0, [])
    assert checks(found["ok"]) == [
        "settings", "file rights", "disk space", "integrity", "schema", "key", "clear text in tables",
        "clear text in files", "mail server's name", "mail server", "mail login", "Discord", "clock",
    ]  # fmt: skip
    assert "its 2 numbers" in found["ok"][5]["says"]


async def test_offline_asks_nobody(place: Place) -> None:
    nobody = {"SMTP_PORT": "1", "DISCORD_API_URL": "http://127.0.0.1:1/api/v10"}
    code, found, _ = await place.doctor("--offline", **nobody)
    assert (code, checks(found["ok"])[-1]) == (0, "clear text in files")
    code, found, _ = await place.doctor(**nobody)
    assert (code, checks(found["BAD"])) == (69, ["mail server", "Discord"])


@pytest.mark.parametrize("spelling", [NUMBER, "(206) 555-0142"])
async def test_a_number_in_clear_is_found_wherever_it_stands(
    place: Place, tmp_path: Path, spelling: str
) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "old").write_text(f"outbox 1: sent to {spelling}\n")
    (tmp_path / "copy.bak").write_text(f"number,{spelling}\n")
    with closing(sqlite3.connect(place.path)) as file, file:
        file.execute("INSERT INTO marks VALUES ('planted', ?)", (f"9{NATIONAL}",))
        file.execute(
            "INSERT INTO lanes (domain, recent, closings, refused) VALUES ('x', ?, 0, '')", (spelling,)
        )
    code, found, _ = await place.doctor("--offline", str(logs))
    assert (code, checks(found["BAD"])) == (70, ["clear text in tables", "clear text in files"])
    tables, files = (finding["says"] for finding in found["BAD"])
    assert "lanes.recent" in tables
    assert "marks.value" not in tables
    for name in ("copy.bak (number)", "logs/old (number)", "store.db"):
        assert name in files


async def test_a_number_that_was_a_whole_number_is_found(place: Place) -> None:
    with closing(sqlite3.connect(place.path)) as file, file:
        file.execute("INSERT INTO gateway_doubts VALUES ('x', ?)", (int(NATIONAL),))
        file.execute("UPDATE opt_ins SET guild_id = ?", (int(NATIONAL),))
    code, found, _ = await place.doctor("--offline")
    assert (code, "opt_ins.guild_id" in found["BAD"][0]["says"]) == (70, True)


async def test_a_secret_in_a_log_is_found(place: Place, tmp_path: Path) -> None:
    (tmp_path / "bot.log").write_text("password canary-password\n")
    code, found, said = await place.doctor("--offline")
    assert code == 70
    assert "bot.log (secret)" in found["BAD"][0]["says"]
    assert "canary-password" not in said


async def test_the_wrong_key_is_named_and_the_store_left_alone(place: Place) -> None:
    before = place.path.read_bytes()
    other = Fernet.generate_key().decode()
    code, found, said = await place.doctor("--offline", SECRET_KEY=other)
    assert (code, checks(found["BAD"])) == (78, ["key"])
    assert other not in said
    assert place.path.read_bytes() == before


async def test_open_files_are_named(place: Place, tmp_path: Path) -> None:
    place.path.chmod(0o644)
    dotenv = tmp_path / "mine"
    dotenv.write_text("LOG_LEVEL=info\n")
    dotenv.chmod(0o640)
    code, found, _ = await place.doctor("--offline", BOT_DOTENV=str(dotenv))
    assert code == 78
    assert [finding["says"] for finding in found["BAD"]] == [
        "mine can be read by others on this machine; run chmod 600 on it",
        "store.db: others on this machine can read it; run chmod 600 on it",
    ]


async def test_wrong_settings_are_listed_and_the_store_is_still_looked_at(place: Place) -> None:
    code, found, said = await place.doctor(SMTP_PORT="canary", LIMITS="canary", DISCORD_TOKEN="Bot canary")
    assert code == 78
    assert [finding["says"].partition(":")[0] for finding in found["BAD"]] == [
        "DISCORD_TOKEN",
        "SMTP_PORT",
        "LIMITS",
    ]
    assert "canary" not in said
    assert "key" in checks(found["ok"])


async def test_a_damaged_an_old_a_new_and_no_store_are_told_apart(place: Place, tmp_path: Path) -> None:
    good = place.path.read_bytes()
    place.path.write_bytes(good[:4096] + bytes(len(good) - 4096))
    code, found, _ = await place.doctor("--offline")
    assert (code, "integrity" in checks(found["BAD"])) == (70, True)
    place.path = tmp_path / "none.db"
    code, found, _ = await place.doctor("--offline")
    assert (code, found["note"][0]["says"]) == (0, "there is none yet; `run` makes it")
    assert not place.path.exists()
    await migrate(sqlite_url(place.path), "0003")
    code, found, _ = await place.doctor("--offline")
    assert (code, checks(found["note"])) == (0, ["schema"])
    await migrate(sqlite_url(place.path))
    code, found, _ = await place.doctor("--offline")
    assert (code, checks(found["note"])) == (0, ["key"])
    with closing(sqlite3.connect(place.path)) as file, file:
        file.execute("UPDATE alembic_version SET version_num = 'later'")
    code, found, _ = await place.doctor("--offline")
    assert (code, checks(found["BAD"])) == (78, ["schema"])


async def test_what_is_damaged_so_that_it_is_no_text_is_told_too(place: Place, tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(bytes(range(256)) * 40))
    packed[20:24] = b"\xff" * 4
    (tmp_path / "torn.sql.gz").write_bytes(packed)
    code, found, _ = await place.doctor("--offline", str(tmp_path / "torn.sql.gz"))
    assert (code, "torn.sql.gz" in found["note"][0]["says"]) == (0, True)
    good = place.path.read_bytes()
    assert b"CREATE TABLE blocks" in good
    for kind in (b"\xff\xfeEATE TABLE blocks", b"CREATE TABLE \xff\xfeocks"):
        place.path.write_bytes(good.replace(b"CREATE TABLE blocks", kind))
        code, found, said = await place.doctor("--offline")
        assert (code, checks(found["BAD"])) == (70, ["integrity"])
        assert "Traceback" not in said


async def test_discord_refuses_the_token(place: Place) -> None:
    code, found, _ = await place.doctor(DISCORD_TOKEN="MTIzNDU2Nzg5MDEyMzQ1Njc4.canary.canary")
    assert (code, checks(found["BAD"])) == (78, ["Discord"])


@pytest.mark.parametrize("how", [How.CLOSE, How.GARBAGE])
async def test_a_mail_server_that_breaks_off_is_away(place: Place, how: How) -> None:
    async with ScriptedServer() as relay:
        relay.fail(At.GREETING, how)
        code, found, _ = await place.doctor(SMTP_PORT=str(relay.port))
    assert (code, checks(found["BAD"])) == (69, ["mail server"])


async def test_a_real_mail_server_takes_the_login_or_not_and_no_mail(
    place: Place, certificates: Certificates
) -> None:
    with SmtpPeer.submission(certificates) as peer:
        env = {
            "SMTP_HOST": "localhost", "SMTP_PORT": str(peer.port), "SMTP_SECURITY": "starttls",
            "SMTP_CA_FILE": str(certificates.ca_file), "SMTP_USERNAME": USERNAME, "SMTP_PASSWORD": PASSWORD,
        }  # fmt: skip
        code, found, _ = await place.doctor(**env)
        assert (code, found["BAD"]) == (0, [])
        code, found, _ = await place.doctor(**env | {"SMTP_PASSWORD": "canary-wrong"})
        assert (code, checks(found["BAD"])) == (78, ["mail login"])
        assert peer.mails == ()


async def test_it_speaks_plainly_without_json(place: Place) -> None:
    code, said, _ = await place.bot(sqlite_url(place.path), "--offline", command="doctor", **place.env)
    assert code == 0
    assert said.splitlines()[0] == "ok   settings: all are set and right"
