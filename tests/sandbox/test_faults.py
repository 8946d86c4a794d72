"""The stand-in breaks, limits and resumes as told, and a real client lives through it."""

import asyncio
from collections.abc import AsyncIterator

import discord
import pytest

from bot.sandbox.watch import SandboxError
from bot.sandbox.world import Guild
from tests.sandbox.small_bot import SmallBot, running
from tests.standin.gateway import CompressingLine
from tests.standin.standin import Standin


@pytest.fixture
def home(sandbox: Standin) -> Guild:
    person = sandbox.discord.person
    return sandbox.discord.guild("home", person("alice"), person("bob"))


@pytest.fixture
async def bot(sandbox: Standin, home: Guild) -> AsyncIterator[SmallBot]:
    async with running(sandbox.discord) as running_bot:
        running_bot.go_on.set()
        yield running_bot


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the waits out of discord.py's reconnecting; the stand-in is not under load."""
    monkeypatch.setattr("discord.backoff.ExponentialBackoff.delay", lambda self: 0.05)


async def test_packets_come_in_the_compression_that_was_asked_for(sandbox: Standin, bot: SmallBot) -> None:
    wanted = discord.utils._ActiveDecompressionContext.COMPRESSION_TYPE
    (line,) = sandbox.discord.gateway.lines
    assert isinstance(line, CompressingLine)
    assert line.compression == wanted
    assert line.packets >= 2


async def test_each_shard_gets_its_own_guilds_and_shard_0_the_dms(sandbox: Standin) -> None:
    async with Standin(shards=3) as world:
        alice = world.discord.person("alice")
        homes = [world.discord.guild(f"home{number}", alice) for number in range(6)]
        async with running(world.discord) as bot:
            assert bot.shard_count == 3
            for home in homes:
                await alice.slash(home, "dm")
            await alice.slash(None, "dm")
            got = {
                session.shard: sum(
                    packet["t"] == "INTERACTION_CREATE" for packet in world.discord.gateway.log[key]
                )
                for key, session in world.discord.gateway.sessions.items()
            }
        wanted = {shard: sum((home.id >> 22) % 3 == shard for home in homes) for shard in range(3)}
        wanted[0] += 1
        assert got == wanted
    world.assert_clean()


async def test_an_event_lost_with_its_line_is_replayed_by_a_resume(
    sandbox: Standin, home: Guild, bot: SmallBot
) -> None:
    alice, bob = sandbox.discord.person("alice"), sandbox.discord.person("bob")
    sandbox.discord.gateway.die("INTERACTION_CREATE", before=True)
    answer = await alice.slash(home, "text", user=bob, message="once")
    await answer.settled(lambda a: a.content == "handed over")
    assert sandbox.discord.gateway.resumed == 1
    assert bot.acted == ["once"]
    assert sandbox.discord.gateway.identified == 1


@pytest.mark.parametrize("code", [None, 4000, 4009])
async def test_a_broken_line_is_resumed(
    sandbox: Standin, home: Guild, bot: SmallBot, code: int | None
) -> None:
    await sandbox.discord.gateway.break_all(code)
    await sandbox.discord.gateway.has_resumed(1)
    await sandbox.discord.person("alice").slash(home, "dm")
    assert sandbox.discord.gateway.identified == 1


async def test_op_7_leads_to_a_resume(sandbox: Standin, home: Guild, bot: SmallBot) -> None:
    await sandbox.discord.gateway.ask_to_reconnect()
    await sandbox.discord.gateway.has_resumed(1)
    await sandbox.discord.person("alice").slash(home, "dm")


async def test_op_9_leads_to_a_resume_or_a_new_login(sandbox: Standin, home: Guild, bot: SmallBot) -> None:
    await sandbox.discord.gateway.invalidate(resumable=True)
    await sandbox.discord.gateway.has_resumed(1)
    await sandbox.discord.gateway.invalidate()
    await sandbox.discord.gateway.has_identified(2)
    await sandbox.discord.person("alice").slash(home, "dm")
    assert sandbox.discord.gateway.resumed == 1


async def test_a_refused_resume_leads_to_a_new_login(sandbox: Standin, home: Guild, bot: SmallBot) -> None:
    sandbox.discord.gateway.refuse_resume = True
    await sandbox.discord.gateway.break_all()
    await sandbox.discord.gateway.has_identified(2)
    await sandbox.discord.person("alice").slash(home, "dm")


async def test_a_repeated_event_reaches_the_bot_twice(sandbox: Standin, home: Guild, bot: SmallBot) -> None:
    sandbox.discord.gateway.repeated.add("INTERACTION_CREATE")
    alice, bob = sandbox.discord.person("alice"), sandbox.discord.person("bob")
    answer = await alice.slash(home, "text", user=bob, message="twice")
    await answer.settled(lambda a: a.content == "handed over")
    await sandbox.discord.world.watch.until(
        lambda: sandbox.discord.gate.count("POST", r"/interactions/.*", 400) or None, 5, "the second callback"
    )
    assert "40060" in sandbox.discord.world.refused[0]


@pytest.mark.parametrize("scope", ["user", "shared", "global"])
async def test_a_429_is_waited_for_and_the_request_repeated(
    sandbox: Standin, home: Guild, bot: SmallBot, scope: str
) -> None:
    alice = sandbox.discord.person("alice")
    sandbox.discord.gate.limit("POST", r"/channels/\d+/messages", 0.05, scope=scope, times=2)
    await alice.slash(home, "dm")
    assert (await alice.dm()).content == "a **notice**"
    assert sandbox.discord.gate.count("POST", r"/channels/\d+/messages", 429) == 2


async def test_a_429_without_via_is_a_ban_and_not_repeated(
    sandbox: Standin, home: Guild, bot: SmallBot
) -> None:
    alice = sandbox.discord.person("alice")
    sandbox.discord.gate.limit("POST", r"/users/@me/channels", 0.05, via=False)
    await alice.slash(home, "dm")
    await asyncio.wait_for(bot.failed.wait(), 5)
    assert alice.dms == []


async def test_a_bucket_limits_for_real_and_says_so_before(
    sandbox: Standin, home: Guild, bot: SmallBot
) -> None:
    alice = sandbox.discord.person("alice")
    sandbox.discord.gate.bucket("POST", r"/channels/\d+/messages", limit=2, window_s=0.2)
    for _ in range(5):
        await alice.slash(home, "dm")
    await sandbox.discord.world.watch.until(lambda: True if len(alice.dms) == 5 else None, 5, "five DMs")
    assert sandbox.discord.gate.count("POST", r"/channels/\d+/messages", 200) == 5
    assert sandbox.discord.gate.limited <= 1


async def test_a_lost_answer_leaves_what_was_done(sandbox: Standin, home: Guild, bot: SmallBot) -> None:
    alice = sandbox.discord.person("alice")
    sandbox.discord.gate.lose_answer("POST", r"/channels/\d+/messages")
    await alice.slash(home, "dm")
    await asyncio.wait_for(bot.failed.wait(), 5)
    assert len(alice.dms) == 1


async def test_an_error_and_a_hang_come_as_told(sandbox: Standin, home: Guild, bot: SmallBot) -> None:
    alice = sandbox.discord.person("alice")
    sandbox.discord.gate.fail("POST", r"/channels/\d+/messages", 403, code=50007)
    refused = await alice.slash(home, "dm")
    await refused.settled(lambda a: a.content == "closed 50007")
    sandbox.discord.gate.hang("POST", r"/channels/\d+/messages")
    await alice.slash(home, "dm")
    await sandbox.discord.gate.hangs()
    assert alice.dms == []
    sandbox.discord.gate.release()
    await alice.dm()


async def test_silence_instead_of_the_first_answer_is_noticed(
    sandbox: Standin, home: Guild, bot: SmallBot
) -> None:
    alice = sandbox.discord.person("alice")
    sandbox.discord.gate.hang("POST", r"/interactions/.*")
    answer = await alice.slash(home, "dm", wait=False)
    assert not answer.acknowledged
    with pytest.raises(SandboxError, match="did not respond"):
        _ = answer.acknowledged_after_s
    sandbox.discord.gate.release()
    await answer.settled()


async def test_a_new_login_forgets_the_sessions_that_nobody_resumed(sandbox: Standin, home: Guild) -> None:
    for _ in range(3):
        async with running(sandbox.discord):
            for line in sandbox.discord.gateway.lines:
                line.closed_here = True  # as if the process had been killed: no goodbye is heard
    assert sandbox.discord.gateway.identified == 3
    assert len(sandbox.discord.gateway.sessions) == 1
