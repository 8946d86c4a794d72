"""The sandbox's settings are what the bot itself would read."""

from dataclasses import replace

from bot.config import load
from tests.standin.standin import Standin

STORE = "sqlite+aiosqlite:////tmp/nowhere.db"


async def test_the_environment_and_the_config_agree(sandbox: Standin) -> None:
    read = load(sandbox.environment(STORE), dotenv=None)
    # A bot inside the sandbox's own process begins no further one.
    smtp = replace(read.smtp, own_process=False)
    assert replace(read, warnings=(), smtp=smtp) == sandbox.config(STORE)


async def test_single_settings_can_be_changed(sandbox: Standin) -> None:
    changed = sandbox.config(STORE, limits=None, smtp=sandbox.smtp_config(connections=9))
    assert (changed.limits, changed.smtp.connections) == (None, 9)
    assert sandbox.discord.token not in repr(changed)
    assert sandbox.secret_key not in repr(changed)
