"""The bot connects to servers that speak as Discord does, but not to the letter, and to nothing unsafe."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import discord
import pytest
from aiohttp import web

from bot import app, client, discord_role, discord_voice, exits
from bot.commands.answers import LOST
from bot.db.notices import OPERATOR
from bot.db.store import open_store
from bot.db.tables import Notice
from bot.domain.words import CODE_SENT
from bot.sandbox.api import ANSWER, Handler, reply
from bot.sandbox.member import Person
from bot.sandbox.websocket import Session
from bot.sandbox.world import MANAGE_GUILD, Guild, Json, utc_now
from bot.services.desk import Desk
from tests.flow.fixtures import store_url
from tests.flow.town import Log
from tests.standin.faults import FaultyGate
from tests.standin.gateway import FaultyGateway
from tests.standin.standin import FaultyDiscord, Standin

__all__ = ["store_url"]

pytestmark = pytest.mark.slow

EDIT = r"/webhooks/\d+/[^/]+/messages/@original"
NOT_ADMIN = "Only members with Manage Server, or the bot's owner, can use /carrier."
FOLLOWUP = r"/webhooks/\d+/[^/]+"
HANDED = "Handed to"
Change = Callable[[Any], Any]


class OddGate(FaultyGate):
    """Answers in a way of its own: `bodies` change what a path's answer holds, `typed` how it is labelled."""

    bodies: dict[str, Change]
    typed: str | None = None

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.bodies = {}

    async def _serve(self, request: web.Request, path: str, handler: Handler) -> web.StreamResponse:
        answer = await super()._serve(request, path, handler)
        if path in self.bodies:
            answer = reply(self.bodies[path](answer[ANSWER]))
        if self.typed is not None and answer.status != 204:
            answer.headers["Content-Type"] = self.typed
        return answer


class OddGateway(FaultyGateway):
    """Changes or keeps back events on their way out, and knows what its sockets were asked for."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.events: dict[str, Change] = {}
        self.queries: list[dict[str, str]] = []

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        self.queries.append(dict(request.query))
        return await super().serve(request)

    async def dispatch(self, session: Session, event: str, content: Json) -> None:
        changed = self.events[event](content) if event in self.events else content
        if changed is not None:
            await super().dispatch(session, event, changed)


class OddDiscord(FaultyDiscord):
    gate_class, gateway_class = OddGate, OddGateway
    gate: OddGate
    gateway: OddGateway


class OddWorld(Standin):
    discord_class = OddDiscord
    discord: OddDiscord


class Place:
    """An odd Discord with one guild and two people, the real bot in this process, and its log."""

    def __init__(self, world: OddWorld, store_url: str, log: Log) -> None:
        self.world, self.discord, self.store_url, self.log = world, world.discord, store_url, log
        self.gate, self.gateway = world.discord.gate, world.discord.gateway
        self.ann, self.bob = (world.discord.person(name) for name in ("ann", "bob"))
        self.stop, self.ready = asyncio.Event(), asyncio.Event()
        self.bot: asyncio.Task[int] | None = None

    def guild(self) -> Guild:
        return self.discord.guild("Orchard", self.discord.owner, self.ann, self.bob)

    def launch(self, **changes: Any) -> asyncio.Task[int]:
        config = self.world.config(self.store_url, **changes)
        self.bot = asyncio.create_task(app.run(config, stop=self.stop, ready=self.ready))
        return self.bot

    async def start(self, **changes: Any) -> None:
        """Start the bot; return when it takes commands, fail when it ended before."""
        bot = self.launch(**changes)
        up = asyncio.create_task(self.ready.wait())
        await asyncio.wait({bot, up}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        assert self.ready.is_set(), self.log.errors()

    async def end(self) -> None:
        self.stop.set()
        self.gate.release()
        if self.bot is not None:
            await asyncio.wait_for(self.bot, 10)

    async def register(self, guild: Guild, person: Person) -> None:
        shown = await (await person.slash(guild, "phone register", carrier="us-verizon")).settled()
        sent = await person.submit(shown.modal, {"number": "2065550170", "consent": ["agreed"]})
        await sent.settled(lambda answer: answer.content == CODE_SENT)
        code = (await self.world.phones.phone("2065550170@vtext.com").text())[:6]
        opened = await (await person.press(sent, "Enter code")).settled()
        checked = await person.submit(opened.modal, {"code": code})
        await checked.settled(lambda answer: answer.content.startswith("Your phone is registered."))

    async def relay(self, guild: Guild, words: str = "dinner at 7") -> str:
        """Go from registration to a text on the phone; returns what the phone shows."""
        await self.register(guild, self.bob)
        sent = await self.ann.slash(guild, "text", user=self.bob, message=words)
        await sent.settled(lambda answer: HANDED in answer.content)
        return await self.world.phones.phone("2065550170@vtext.com").text(lambda text: words in text)


@asynccontextmanager
async def running(world: OddWorld, store_url: str) -> AsyncIterator[Place]:
    log = Log()
    logging.getLogger().addHandler(log)
    logging.getLogger("bot").setLevel(logging.INFO)
    try:
        async with world:
            place = Place(world, store_url, log)
            try:
                yield place
            finally:
                await place.end()
    finally:
        logging.getLogger().removeHandler(log)


@pytest.fixture
async def place(store_url: str) -> AsyncIterator[Place]:
    async with running(OddWorld(), store_url) as place:
        yield place


@pytest.mark.parametrize(
    "typed", ["application/json; charset=utf-8", "text/plain", "application/problem+json"]
)
async def test_json_is_read_however_it_is_labelled(place: Place, typed: str) -> None:
    guild = place.guild()
    place.gate.typed = typed
    await place.start()
    assert (await place.relay(guild)).startswith("@ann in Orchard\ndinner at 7\nStop: /phone in Discord")
    assert place.log.errors() == []


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_a_server_that_cannot_list_commands_gets_them_again(place: Place, status: int) -> None:
    place.guild()
    await place.start()
    await place.end()
    assert place.gate.count("PUT", r".*/commands") == 1
    place.gate.fail("GET", r".*/commands", status, times=None)
    place.stop, place.ready = asyncio.Event(), asyncio.Event()
    await place.start()
    assert place.gate.count("PUT", r".*/commands", 200) == 2
    assert place.log.errors() == []


async def test_commands_that_are_refused_do_not_keep_the_bot_down(place: Place) -> None:
    guild = place.guild()
    place.gate.fail("PUT", rf"/applications/\d+/guilds/{guild.id}/commands", 403, code=50001)
    await place.start(discord_dev_guild_id=guild.id)
    (error,) = place.log.errors()
    assert (
        "refused the commands (403, code 50001); add the bot to the server of DISCORD_DEV_GUILD_ID" in error
    )
    await place.end()
    place.stop, place.ready = asyncio.Event(), asyncio.Event()
    await place.start(discord_dev_guild_id=guild.id)
    shown = await (await place.ann.slash(guild, "phone show")).settled()
    assert shown.content.startswith("You have no phone registered.")


async def again(place: Place, *faults: tuple[str, str, int], **changes: Any) -> None:
    """Start the bot once more; the faults of before are over, these begin."""
    await place.end()
    for method, path, status in faults:
        place.gate.fail(method, path, status, times=None)
    place.stop, place.ready = asyncio.Event(), asyncio.Event()
    await place.start(**changes)


def offered(place: Place) -> set[int | None]:
    """Name the places, guilds or None for everywhere, where commands are registered."""
    return {where for where, there in place.discord.world.commands.items() if there}


async def test_commands_show_once_whatever_the_development_guild_was(place: Place) -> None:
    guild, other = place.guild(), place.guild()
    await place.start()
    assert offered(place) == {None}
    for dev_guild_id in (guild.id, other.id, None):
        await again(place, discord_dev_guild_id=dev_guild_id)
        assert offered(place) == {dev_guild_id}
    puts = place.gate.count("PUT", r".*/commands")
    await again(place)
    assert place.gate.count("PUT", r".*/commands") == puts
    assert place.log.errors() == []


async def test_commands_that_another_bot_put_there_stay(place: Place) -> None:
    guild = place.guild()
    place.discord.world.commands[None][1] = {"id": "1", "name": "theirs"}
    await place.start(discord_dev_guild_id=guild.id)
    assert offered(place) == {None, guild.id}


@pytest.mark.parametrize(("status", "tries"), [(403, 1), (404, 1), (429, 2)])
async def test_commands_that_cannot_be_taken_away_do_not_keep_the_bot_down(
    place: Place, status: int, tries: int
) -> None:
    guild = place.guild()
    await place.start(discord_dev_guild_id=guild.id)
    there = rf"/applications/\d+/guilds/{guild.id}/commands"
    for _ in range(2):
        await again(place, ("PUT", there, status))
    assert place.gate.count("PUT", there, status) == tries
    assert offered(place) == {None, guild.id}
    assert place.log.errors() == []


def nowhere(body: Any) -> Any:
    return {**body, "url": "ws://127.0.0.1:9/"}


@pytest.mark.parametrize("cut", ["refuses", "says nothing"])
@pytest.mark.ci
async def test_a_websocket_that_never_works_ends_the_bot_in_the_end(
    place: Place, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    monkeypatch.setattr(client, "READY_WITHIN_S", 0.2)
    monkeypatch.setattr(client, "READY_WITHIN_S_A_SHARD", 0.0)
    monkeypatch.setattr(discord_role, "LONGEST_WAIT_S", 0.01)
    if cut == "refuses":
        place.gate.bodies["/gateway/bot"] = nowhere
    else:
        place.gateway.events["READY"] = lambda _: None
    assert await asyncio.wait_for(place.launch(), 10) == exits.UNAVAILABLE
    assert len(place.gateway.queries) == (0 if cut == "refuses" else discord_role.FIRST_TRIES)
    assert not place.ready.is_set()


async def test_once_it_was_ready_the_bot_is_not_given_up(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "READY_WITHIN_S", 1.0)
    monkeypatch.setattr(client, "READY_WITHIN_S_A_SHARD", 0.0)
    guild = place.guild()
    await place.start()
    clock = asyncio.get_running_loop().time
    would_end = clock() + client.READY_WITHIN_S
    while clock() < would_end:
        shown = await (await place.ann.slash(guild, "phone show")).settled()
        assert shown.content.startswith("You have no phone registered.")
    assert len(place.gateway.queries) == 1
    assert place.log.errors() == []


async def test_getting_ready_as_the_connection_ends_is_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ends_at_once(self: Any, *, reconnect: bool) -> None:
        assert reconnect

    monkeypatch.setattr(discord.AutoShardedClient, "connect", ends_at_once)
    nothing: Any = None
    desk = Desk(nothing, nothing, "US", None, utc_now, asyncio.Event(), asyncio.Event())
    ups: list[int] = []
    bot = client.Bot(desk, "http://127.0.0.1:9", None, ups.append)
    await bot.connect()
    await bot.on_ready()
    assert len(ups) == 1


def without(*names: str) -> Change:
    return lambda body: {name: value for name, value in body.items() if name not in names}


async def test_an_application_that_says_next_to_nothing_is_enough(place: Place) -> None:
    guild = place.guild()
    place.discord.join(guild, place.bob, MANAGE_GUILD)
    said = (
        "owner",
        "team",
        "name",
        "icon",
        "description",
        "bot_public",
        "bot_require_code_grant",
        "verify_key",
    )
    place.gate.bodies["/oauth2/applications/@me"] = without(*said)
    await place.start()
    refused = await place.discord.owner.slash(guild, "carrier enable", carrier="us-t-mobile", force=True)
    assert "Only the bot's owner can enable it." in (await refused.settled()).content
    assert place.log.errors() == []


async def test_team_members_edit_carriers_once_they_have_accepted(place: Place) -> None:
    guild = place.guild()
    place.discord.world.team = [place.ann.id, place.bob.id]

    def bob_is_only_invited(body: Json) -> Json:
        for member in body["team"]["members"]:
            if member["user"]["id"] == str(place.bob.id):
                member["membership_state"] = 1
        return body

    place.gate.bodies["/oauth2/applications/@me"] = bob_is_only_invited
    await place.start()
    switched = await place.ann.slash(guild, "carrier disable", carrier="us-visible", force=True)
    assert "is off for everyone" in (await switched.settled()).content
    refused = await place.bob.slash(guild, "carrier list", force=True)
    assert (await refused.settled()).content == NOT_ADMIN


async def test_ready_without_shards_or_guilds_is_enough(place: Place) -> None:
    place.gateway.events["READY"] = without("shard", "application")
    await place.start()
    shown = await (await place.ann.slash(None, "phone show")).settled()
    assert shown.content.startswith("You have no phone registered.")
    assert place.log.errors() == []


async def test_a_guild_that_stays_unavailable_is_named_by_asking(place: Place) -> None:
    guild = place.guild()
    place.gateway.events["GUILD_CREATE"] = lambda _: None
    await place.start()
    assert (await place.relay(guild)).startswith("@ann in Orchard\ndinner at 7\nStop: /phone in Discord")
    assert place.log.errors() == []


@pytest.mark.parametrize("status", [403, 404, 501])
async def test_a_guild_that_nobody_names_does_not_stop_a_text(place: Place, status: int) -> None:
    guild = place.guild()
    place.gateway.events["GUILD_CREATE"] = lambda _: None
    place.gate.fail("GET", r"/guilds/\d+", status, times=None)
    await place.start()
    assert (await place.relay(guild)).startswith("@ann in a Discord server\ndinner at 7\n")
    assert place.log.errors() == []


@pytest.mark.parametrize("left_out", ["/api/v10", "/v10", ""])
async def test_an_address_without_the_version_is_completed(place: Place, left_out: str) -> None:
    guild = place.guild()
    await place.start(discord_api_url=place.discord.api_url.removesuffix(left_out))
    shown = await (await place.ann.slash(guild, "phone show")).settled()
    assert shown.content.startswith("You have no phone registered.")
    assert place.log.errors() == []


async def test_a_server_that_is_not_discord_is_named_as_such(place: Place) -> None:
    place.guild()
    place.gate.bodies["/users/@me"] = lambda _: "<!doctype html>"
    place.launch()
    await place.log.said("what answers at DISCORD_API_URL does not speak as Discord does")
    assert place.log.errors() == []


async def test_the_websocket_keeps_path_and_query_of_its_address(place: Place) -> None:
    def with_query(body: Json) -> Json:
        return {"url": f"{body['url']}?tenant=7&v=9"}  # no shards, no limit: one shard it is

    place.gate.bodies["/gateway/bot"] = with_query
    await place.start()
    (query,) = place.gateway.queries
    assert (query["tenant"], query["v"], query["encoding"]) == ("7", "10", "json")


@pytest.mark.parametrize(
    "address", ["ws://discord.example/", "http://192.0.2.1:8080/ws", "ftp://127.0.0.1/", "", "ws://[", None]
)
async def test_a_websocket_that_is_not_safe_ends_the_bot(place: Place, address: str | None) -> None:
    place.gate.bodies["/gateway/bot"] = lambda body: {**body, "url": address}
    assert await asyncio.wait_for(place.launch(), 10) == 78
    (error,) = place.log.errors()
    assert "DISCORD_API_URL: its websocket is neither wss:// nor on this machine" in error
    assert place.gateway.queries == []


async def test_an_unsafe_address_to_resume_at_is_not_dialled(place: Place) -> None:
    guild = place.guild()
    unsafe = {"resume_gateway_url": "ws://192.0.2.1:9/"}
    place.gateway.events["READY"] = lambda content: {**content, **unsafe}
    await place.start()
    await place.gateway.break_all(4000)
    await place.gateway.has_resumed(1)
    assert len(place.gateway.queries) == 2
    shown = await (await place.ann.slash(guild, "phone show")).settled()
    assert shown.content.startswith("You have no phone registered.")
    assert place.log.errors() == []


async def test_answers_are_edited_whatever_discords_clock_says(store_url: str) -> None:
    def long_ago() -> datetime:
        return datetime(2021, 3, 4, 5, 6, tzinfo=UTC)

    async with running(OddWorld(now=long_ago), store_url) as place:
        guild = place.guild()
        await place.start()
        assert (await place.relay(guild)).startswith("@ann in Orchard\ndinner at 7\nStop: /phone in Discord")


async def test_an_edit_whose_answer_is_lost_is_made_again(place: Place) -> None:
    guild = place.guild()
    await place.start()
    await place.register(guild, place.bob)
    await place.world.carriers.stop()
    sent = await place.ann.slash(guild, "text", user=place.bob, message="patience")
    await sent.settled(lambda answer: answer.content.startswith("Still waiting"))
    place.gate.lose_answer("PATCH", EDIT)
    await place.world.carriers.start()
    await sent.settled(lambda answer: HANDED in answer.content)
    await place.log.said("telling is put off")
    assert place.log.errors() == []


async def test_one_edit_that_hangs_does_not_keep_other_news_back(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discord_voice, "TELL_WITHIN_S", 0.3)
    guild = place.guild()
    await place.start()
    await place.register(guild, place.bob)
    await place.world.carriers.stop()
    first = await place.ann.slash(guild, "text", user=place.bob, message="one")
    await first.settled(lambda answer: answer.content.startswith("Still waiting"))
    place.gate.hang("PATCH", EDIT)
    await place.world.carriers.start()
    await place.gate.hangs()
    second = await place.discord.owner.slash(guild, "text", user=place.bob, message="two")
    await second.settled(lambda answer: HANDED in answer.content)
    await first.settled(lambda answer: HANDED in answer.content)
    assert place.log.errors() == []


@pytest.mark.parametrize("path", ["/users/@me", "/gateway/bot", EDIT])
@pytest.mark.ci
async def test_a_discord_that_never_answers_does_not_delay_the_end(place: Place, path: str) -> None:
    guild = place.guild()
    if path == EDIT:
        await place.start()
        await place.register(guild, place.bob)
        await place.world.carriers.stop()
        sent = await place.ann.slash(guild, "text", user=place.bob, message="one")
        await sent.settled(lambda answer: answer.content.startswith("Still waiting"))
        place.gate.hang("PATCH", path, times=None)
        await place.world.carriers.start()
    else:
        place.gate.hang("GET", path, times=None)
        place.launch()
    await place.gate.hangs()
    place.stop.set()
    assert place.bot is not None
    ended, _ = await asyncio.wait({place.bot}, timeout=4.0)
    assert [bot.result() for bot in ended] == [0]


async def test_a_text_that_was_kept_is_answered_later_where_the_answer_got_lost(place: Place) -> None:
    guild = place.guild()
    await place.start()
    await place.register(guild, place.bob)
    place.gate.fail("PATCH", EDIT, 400)
    sent = await place.ann.slash(guild, "text", user=place.bob, message="dinner at 7")
    await sent.settled(lambda answer: HANDED in answer.content)
    assert not [words for words in sent.history if "again" in words]
    assert place.log.errors() == []


async def test_what_was_done_is_never_answered_with_try_again(place: Place) -> None:
    guild = place.guild()
    await place.start()
    await place.register(guild, place.bob)
    place.gate.fail("PATCH", EDIT, 400)
    removed = await (await place.bob.slash(guild, "phone remove")).settled()
    assert removed.content == LOST
    shown = await (await place.bob.slash(guild, "phone show")).settled()
    assert shown.content.startswith("You have no phone registered.")
    assert place.log.errors() == []


async def keep_parked(place: Place, person_id: int, words: str) -> None:
    store = await open_store(place.store_url, (place.world.secret_key,))
    try:
        async with store.write() as session:
            session.add(
                Notice(person_id=person_id, kind="outage", words=words, parked=True,
                       created_at=datetime.now(UTC), due_at=datetime.now(UTC))
            )  # fmt: skip
    finally:
        await store.close()


async def test_parked_news_that_discord_did_not_take_comes_with_the_next_command(place: Place) -> None:
    guild = place.guild()
    await place.start()
    await keep_parked(place, place.ann.id, "Your code may not have arrived.")
    place.gate.fail("POST", FOLLOWUP, 400)
    await (await place.ann.slash(guild, "phone show")).settled()
    await place.log.said("parked news waits for the next command")
    second = await place.ann.slash(guild, "phone show")
    await second.settled(lambda answer: bool(answer.followups))
    assert [post.content for post in second.followups] == ["Your code may not have arrived."]
    assert place.log.errors() == []


async def test_an_owner_with_closed_dms_hears_of_an_outage_at_the_next_command(place: Place) -> None:
    guild = place.guild()
    await place.start()
    await keep_parked(place, OPERATOR, "The mail server refuses the login.")
    await (await place.ann.slash(guild, "help")).settled()
    asked = await place.discord.owner.slash(guild, "help")
    await asked.settled(lambda answer: bool(answer.followups))
    assert [post.content for post in asked.followups] == ["The mail server refuses the login."]
    assert place.log.errors() == []


async def test_a_slash_at_the_end_of_the_address_does_no_harm(place: Place) -> None:
    place.guild()
    await place.start(discord_api_url=f"{place.discord.api_url}/")
    assert place.discord.world.unknown_routes == []
