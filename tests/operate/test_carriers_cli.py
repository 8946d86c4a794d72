"""`carriers check`, `import` and `export` as an operator runs them."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import _carry_out
from bot.app import CATALOGUE
from bot.db.store import open_store
from bot.domain.carrier_csv import MOST_ROWS, read_sheet, write_sheet
from bot.domain.catalogue_file import parse_catalogue
from bot.operate.cli import parse
from bot.services.shelf import Shelf
from bot.settings import BY_NAME
from tests.checkout import NO_DOTENV
from tests.db.stores import KEY
from tests.mail.scripted import ScriptedServer
from tests.peers.dns_server import DnsServer

CONTROL = "control.test"


class Bot:
    """The command line in this process, in a thread with a loop of its own and next to no environment."""

    def __init__(self, patch: pytest.MonkeyPatch, said: pytest.CaptureFixture[str]) -> None:
        self._patch, self._said = patch, said
        for name in [name for name in os.environ if BY_NAME.get(name.removesuffix("_FILE"))]:
            patch.delenv(name)

    async def __call__(
        self, url: str, *words: str, command: str = "carriers", **env: str
    ) -> tuple[int, str, str]:
        """Run a command to its end; returns exit code, output, errors."""
        for name, value in {**NO_DOTENV, "DATABASE_URL": url, "SECRET_KEY": KEY, **env}.items():
            self._patch.setenv(name, value)
        self._said.readouterr()
        code = await asyncio.wait_for(asyncio.to_thread(_carry_out, parse([command, *words])), 50)
        return code, *self._said.readouterr()


@pytest.fixture
def bot(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bot:
    return Bot(monkeypatch, capsys)


@pytest.fixture
async def server() -> AsyncIterator[DnsServer]:
    async with DnsServer() as running:
        running.names.good(CONTROL, *parse_catalogue(CATALOGUE.read_text("utf-8")).domains)
        yield running


async def check(bot: Bot, url: str, server: DnsServer, *words: str, **env: str) -> tuple[int, str, str]:
    host, port = server.address
    return await bot(url, "check", "--server", f"{host}:{port}", "--control", CONTROL, *words, **env)


async def settings(relay: ScriptedServer) -> dict[str, str]:
    return {
        "DISCORD_TOKEN": "MTIzNDU2Nzg5MDEyMzQ1Njc4.canary.canary",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_FROM": "a@b.org",
        "SMTP_PORT": str(relay.port),
        "SMTP_SECURITY": "none",
    }


async def test_check_says_what_is_gone_and_demotes_it_when_told_so(
    bot: Bot, store_url: str, server: DnsServer
) -> None:
    del server.names.records["vtext.com", "MX"]
    server.names.records["msg.fi.google.com", "MX"] = ["0 ."]
    async with ScriptedServer() as relay:
        env = await settings(relay)
        code, said, complained = await check(bot, store_url, server, "--json", **env)
        assert code == 0
        found: dict[str, Any] = json.loads(said)
        looks = {each["domain"]: each for each in found["domains"]}
        assert looks["vtext.com"]["verdict"] == looks["msg.fi.google.com"]["verdict"] == "gone"
        assert "us-verizon" in looks["vtext.com"]["carriers"]
        assert (looks["vtext.com"]["nights"], found["demoted"], found["distrusted"]) == (1, [], None)
        assert found["counts"]["gone"] + found["counts"]["good"] == len(looks)
        assert found["relay"]["banner"] == "220 mail.example.org ESMTP"
        assert complained.splitlines()[-1] == f"{len(looks)} of {len(looks)} looked up"
        assert "canary" not in said + complained
        # Looking once more in the same night is no second night.
        found = json.loads((await check(bot, store_url, server, "--json", **env))[1])
        assert (found["demoted"], {each["nights"] for each in found["domains"]}) == ([], {0, 1})
        code, said, _ = await check(bot, store_url, server, "--demote", **env)
        assert code == 0
        (line,) = [line for line in said.splitlines() if line.startswith("gone: vtext.com (")]
        assert "us-verizon" in line
        assert line.endswith("the name does not exist; 1 of 3 nights")
        assert "Marked failing: " in said
        assert "Mail server: 220 mail.example.org ESMTP" in said
    store = await open_store(store_url, [KEY])
    shelf = Shelf(parse_catalogue(CATALOGUE.read_text("utf-8")), frozenset())
    async with store.read() as session:
        await shelf.refresh(session)
    await store.close()
    verizon = shelf.find(None, "us-verizon")
    assert verizon is not None
    assert verizon.carrier.status == "failing"


@pytest.mark.parametrize("outage", ["servfail", "nxdomain"])
async def test_an_outage_demotes_nothing_even_when_told_so(
    bot: Bot, store_url: str, server: DnsServer, outage: str
) -> None:
    server.names.outage = outage
    async with ScriptedServer() as relay:
        code, said, _ = await check(bot, store_url, server, "--demote", **await settings(relay))
    assert code == 69
    assert f"Nothing of this counts: the resolver finds no mail server even for {CONTROL}." in said
    assert "Marked failing" not in said


async def test_without_settings_the_shipped_list_is_looked_up(
    bot: Bot, server: DnsServer, tmp_path: Path
) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'none.db'}"
    code, said, complained = await check(bot, url, server, SECRET_KEY="")
    assert code == 0
    assert complained.startswith("The settings are not complete, so only the list that ships is looked up")
    assert " good, 0 gone, 0 unsure." in said.splitlines()[-1] or "gone" in said
    assert not (tmp_path / "none.db").exists()


async def test_export_change_import(bot: Bot, store_url: str, tmp_path: Path) -> None:
    file = tmp_path / "carriers.csv"
    code, said, _ = await bot(store_url, "export", str(file))
    rows = [dict(row.cells) for row in read_sheet(file.read_bytes()).rows]
    assert (code, said) == (0, f"{len(rows)} carriers are in {file}.\n")
    code, said, _ = await bot(store_url, "import", str(file), "--apply")
    assert (code, said.count("\n")) == (0, 1)
    file.write_bytes(write_sheet([*rows, {"slug": "us-new", "name": "New", "domain": "new.example.org"}]))
    code, said, _ = await bot(store_url, "import", str(file))
    assert (code, said.splitlines()[-1]) == (0, "Nothing is written yet: run it again with --apply.")
    assert "Added: us-new (New at new.example.org)." in said
    code, said, _ = await bot(store_url, "import", str(file), "--apply")
    assert (code, said.splitlines()[-1]) == (0, "Imported 1 carrier. /carrier list shows them.")
    code, said, _ = await bot(store_url, "export")
    assert [dict(row.cells) for row in read_sheet(said.encode()).rows if row.cells["slug"] == "us-new"] == [
        {"slug": "us-new", "name": "New", "domain": "new.example.org", "status": "unknown", "switch": "on"}
    ]


async def test_a_servers_own_entries_have_a_file_of_their_own(
    bot: Bot, store_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "own.csv"
    file.write_bytes(write_sheet([{"slug": "own-us-a", "name": "Ours", "domain": "vtext.com"}]))
    code, said, _ = await bot(store_url, "import", str(file), "--apply", "--guild", "700")
    assert (code, said.splitlines()[-1]) == (0, "Imported 1 carrier. /carrier list shows them.")
    code, said, _ = await bot(store_url, "export", "--guild", "700")
    assert [row.cells["slug"] for row in read_sheet(said.encode()).rows] == ["own-us-a"]


async def test_what_is_wrong_is_named_by_line_and_nothing_is_imported(
    bot: Bot, store_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "bad.csv"
    rows = [{"slug": f"us-{place}", "name": "N", "domain": "vtext.com"} for place in range(MOST_ROWS)]
    rows[4_998]["domain"] = "localhost"
    file.write_bytes(write_sheet(rows))
    code, said, complained = await bot(store_url, "import", str(file), "--apply")
    assert (code, said) == (64, "")
    assert complained.splitlines()[1].startswith("line 5000: domain: ")
    code, said, complained = await bot(store_url, "import", str(tmp_path / "missing.csv"))
    assert (code, said) == (78, "")
    assert complained.endswith("cannot be read: No such file or directory.\n")
    code, said, _ = await bot(store_url, "export")
    assert "us-4000" not in said


async def test_a_store_that_is_away_or_of_another_key_is_told_in_one_line(bot: Bot, store_url: str) -> None:
    code, said, complained = await bot("postgresql://x:canary@127.0.0.1:1/x", "export")
    assert (code, said) == (69, "")
    assert complained.startswith("DATABASE_URL: ")
    assert "canary" not in complained
    other = "Zm9yLXRlc3RzLW9ubHktbm8tb3RoZXIta2V5LWhlcmU="
    code, said, complained = await bot(store_url, "export", SECRET_KEY=other)
    assert (code, said) == (78, "")
    assert complained.startswith("SECRET_KEY: ")


@pytest.mark.parametrize(
    "typed",
    ["carriers", "carriers chek", "carriers import", "carriers export a b", "carriers check --server nine",
     "carriers check --server 127.0.0.1:x", "carriers import x --guild home"],
)  # fmt: skip
def test_wrong_usage_leaves_with_64(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parse(typed.split())
    assert left.value.code == 64
    assert capsys.readouterr().err.count("\n") == 1
