"""The bot's sending process: it dies with the bot, the bot goes on without it, and it can be switched off."""

import asyncio
import os
import select
import signal
from pathlib import Path

import pytest

from bot.sandbox.smtp_script import Step, delay
from tests.faults.process import BotProcess, Runner
from tests.mail.test_own_road import children
from tests.test_run import PROMPT_S, placed, until_body

pytestmark = pytest.mark.fault
ENDS_WITHIN_MS = 5_000


async def ended(handle: int) -> bool:
    """Wait until a process is gone (pidfd_open(2): it can be read then)."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    try:
        return bool(await asyncio.to_thread(poll.poll, ENDS_WITHIN_MS))
    finally:
        os.close(handle)


def sender_of(bot: BotProcess) -> int:
    (child,) = children(bot.pid)
    return child


async def test_where_the_bot_is_killed_nothing_goes_on_sending(
    runner: Runner, migrated_file: Path, tmp_path: Path
) -> None:
    async with placed(runner, migrated_file, tmp_path) as place:
        place.world.carriers.tell(delay(Step.BODY, 1.0))
        async with place.bot() as bot:
            await place.up()
            await place.text("on its way when the bot died")
            await until_body(place)
            sender = os.pidfd_open(sender_of(bot))
            await bot.kill()
            assert await ended(sender)
        place.world.carriers.release()
        async with place.bot() as bot:
            await place.up()
            assert "when the bot died" in await place.phone.text(timeout_s=PROMPT_S)


async def test_where_it_dies_the_bot_begins_another(
    runner: Runner, migrated_file: Path, tmp_path: Path
) -> None:
    async with placed(runner, migrated_file, tmp_path) as place, place.bot() as bot:
        await place.up()
        await place.text("by the first one")
        assert "by the first one" in await place.phone.text(timeout_s=PROMPT_S)
        sender = sender_of(bot)
        handle = os.pidfd_open(sender)
        os.kill(sender, signal.SIGKILL)
        assert await ended(handle)
        await place.text("by another one")
        assert "by another one" in await place.phone.text(lambda shown: "another" in shown, PROMPT_S)
        assert sender_of(bot) != sender


async def test_it_can_be_switched_off(runner: Runner, migrated_file: Path, tmp_path: Path) -> None:
    async with placed(runner, migrated_file, tmp_path) as place, place.bot(SMTP_PROCESS="off") as bot:
        await place.up()
        await place.text("by the bot itself")
        assert "by the bot itself" in await place.phone.text(timeout_s=PROMPT_S)
        assert children(bot.pid) == []
