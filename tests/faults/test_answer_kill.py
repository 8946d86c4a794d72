"""Kill the bot with -9 between a phone's mail and its sender: each answer is shown, and shown once."""

import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import delete

from bot.db.tables import Inbound, Notice, Reply
from bot.sandbox.api import Exchange
from bot.sandbox.world import Post
from bot.services import bridge
from tests.conftest import Size
from tests.faults.points import Point
from tests.faults.process import BotProcess, Runner
from tests.faults.test_inbox_kill import KILLED, both, settings
from tests.peers.imap_script import ImapScript
from tests.services.postroom import Postroom, work
from tests.services.world import Road
from tests.standin.standin import Standin, sandbox

__all__ = ["both", "sandbox"]
pytestmark = [pytest.mark.fault, pytest.mark.slow]

# More than answer within a minute, of which each may do so ten times.
PHONES = 40
ALLOW = {"answers_here": True}
A_POST = r"/channels/\d+/messages"
# What is asked before an answer is posted: by DM, and in a channel.
ASKS = ("POST", r"/users/@me/channels"), ("GET", r"/guilds/\d+/members/\d+")
# In the store; as Discord has taken something of ours, before we hear of it; where the mail server sees us.
PLACES: tuple[Point | tuple[str, str], ...] = (
    Point.SAYING,
    ("POST", A_POST),
    Point.TAKEN,
    Point.SAID,
    ("asks", ""),
    ("STORE", "kill"),
    ("hang", A_POST),
    Point.TAKING,
    ("STORE", "kill after"),
    ("BODY", "kill"),
)


class Discord:
    """Kills whoever asks for what it was told to watch for."""

    def __init__(self, standin: Standin) -> None:
        self.standin, self.gate = standin, standin.discord.gate
        self.ann = standin.discord.person("ann")
        self.guild = standin.discord.guild("Orchard", standin.discord.owner, self.ann)
        self.channel = next(iter(self.guild.channels))
        self.bot: BotProcess | None = None
        self.deadly = ("", "")
        self.gate.observers.append(self._seen)

    def _seen(self, exchange: Exchange) -> None:
        if self.bot is not None and self.gate.count(*self.deadly):
            self.bot.send(signal.SIGKILL)

    def watch_for(self, method: str, path: str) -> None:
        self.gate.exchanges.clear()
        self.deadly = (method, path)

    def answers(self) -> list[Post]:
        return [post for post in self.standin.discord.world.posts.values() if "answered from" in post.content]

    async def shows(self, many: int, within_s: float) -> None:
        """Wait until so many answers are shown."""

        def probe() -> bool | None:
            return True if len(self.answers()) >= many else None

        await self.standin.discord.world.watch.until(probe, within_s, f"{many} answers")


@pytest.fixture
async def discord(sandbox: Standin) -> AsyncIterator[Discord]:
    discord = Discord(sandbox)
    yield discord
    discord.gate.release()


async def text_to(room: Postroom, discord: Discord, person: int, answers_in: int | None) -> int:
    """Have a text sent, and its sender told that it was."""
    where = {"guild_id": discord.guild.id, "answers_in": answers_in}
    text_id = await room.world.text(discord.ann.id, person, **where)
    await work(room.world.relay(Road()), passes=2)
    async with room.world.store.write() as session:
        await session.execute(delete(Notice).where(Notice.text_id == text_id))
    return text_id


@pytest.mark.ci
async def test_each_answer_is_shown_once_wherever_the_bot_dies(
    both: tuple[ImapScript, Postroom], runner: Runner, tmp_path: Path, discord: Discord, size: Size
) -> None:
    server, room = both
    account = {"DISCORD_TOKEN": discord.standin.discord.token, "TEXTBRIDGE_ROLES": "discord,inbox"}
    ours = settings(room) | account | {"DISCORD_API_URL": discord.standin.discord.api_url}
    for person in range(PHONES):
        number = f"206 555 {1000 + person}"
        await room.world.register(2000 + person, typed_number=number, guild_id=discord.guild.id)
    await room.world.write(bridge.change, discord.guild.id, 1, "settings", ALLOW, room.world.clock())
    turns = size.pick(50, 500, plain=2 * len(PLACES))
    for turn in range(turns):
        place, phone = PLACES[turn % len(PLACES)], turn % PHONES
        here = turn // len(PLACES) % 2
        answers_in = discord.channel if here else None
        to = room.address(await text_to(room, discord, 2000 + phone, answers_in))
        dies_at = place.value if isinstance(place, Point) else ""
        discord.watch_for("", "")
        match place:
            case ("hang", path):
                discord.gate.hang("POST", path)
            case ("asks", _):
                discord.watch_for(*ASKS[here])
            case ("POST", path):
                discord.watch_for("POST", path)
            case (command, fault):
                server.faults[command] = [fault]
        async with runner.run(ours, tmp_path / "said", dies_at=dies_at) as process:
            discord.bot, server.kill = process, lambda pid=process: pid.send(signal.SIGKILL)
            author = f"206555{1000 + phone}@one.example.net"
            server.deliver(room.reply(to, f"answer {turn}", number=turn, author=author))
            if place[0] == "hang":
                await discord.gate.hangs(timeout_s=20)
                process.send(signal.SIGKILL)
            assert await process.exit_code() == KILLED, process.said
        discord.gate.release()
        assert not any(server.faults.values()), "it did not die where it was told to"
    discord.watch_for("", "")
    async with runner.run(ours, tmp_path / "said") as process:
        for uid in server.mails:
            await server.seen(uid, 30)
        await discord.shows(turns, 30)
        process.send(signal.SIGTERM)
        assert await process.exit_code(6) == 0, process.said
    shown = Counter(post.content.rpartition("> ")[2] for post in discord.answers())
    assert shown == dict.fromkeys((f"answer {turn}" for turn in range(turns)), 1)
    there = sum(turn // len(PLACES) % 2 for turn in range(turns))
    assert sum(post.channel_id == discord.channel for post in discord.answers()) == there
    assert len(await room.world.rows(Inbound)) == turns
    assert len(await room.world.rows(Reply)) == turns
    assert await room.world.rows(Notice, Notice.told_at.is_(None)) == []
