"""The pretend Discord's HTTP API answers as Discord does, right and wrong requests alike."""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from bot.sandbox.answer import Answer
from bot.sandbox.watch import SandboxError
from bot.sandbox.world import Guild
from tests.standin.standin import Standin

TEXT = {
    "name": "text",
    "description": "Send",
    "options": [
        {"type": 6, "name": "user", "description": "Whom", "required": True},
        {"type": 3, "name": "words", "description": "What", "choices": [{"name": "Hi", "value": "hi"}]},
        {"type": 4, "name": "hours", "description": "How long", "min_value": 1, "max_value": 9},
    ],
}
CONFIRM = {"type": 2, "style": 1, "label": "Yes", "custom_id": "yes"}
CHOOSE = {
    "type": 3,
    "custom_id": "pick",
    "options": [{"label": "One", "value": "1"}, {"label": "Two", "value": "2"}],
}


@dataclass
class Clock:
    """A clock that tests move."""

    time: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def pass_by(self, **spent: float) -> None:
        self.time += timedelta(**spent)


class Client:
    """A bot that speaks plain HTTP and one websocket."""

    def __init__(self, world: Standin, http: aiohttp.ClientSession) -> None:
        self.world = world
        self.http = http
        self.application = f"/applications/{world.discord.world.application_id}"
        self.hook = f"/webhooks/{world.discord.world.application_id}/"

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bot {options.pop('token', self.world.discord.token)}"}
        url = self.world.discord.api_url + path
        async with self.http.request(method, url, json=body, headers=headers, **options) as answer:
            return answer.status, await answer.json() if answer.status != 204 else None

    async def log_in(self) -> aiohttp.ClientWebSocketResponse:
        socket = await self.http.ws_connect(self.world.discord.websocket_url)
        await socket.receive_json()
        login = {"token": self.world.discord.token, "intents": 0, "properties": {}}
        await socket.send_json({"op": 2, "d": login})
        assert (await socket.receive_json())["t"] == "READY"
        return socket

    async def answer(self, asked: Answer, body: Any, query: str = "") -> tuple[int, Any]:
        one = asked.interaction
        return await self.call("POST", f"/interactions/{one.id}/{one.token}/callback{query}", body)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def world(clock: Clock) -> AsyncIterator[Standin]:
    async with Standin(random.Random(), clock) as standin:
        yield standin
    standin.assert_clean()


@pytest.fixture
async def client(world: Standin) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as http:
        yield Client(world, http)


@pytest.fixture
def home(world: Standin) -> Guild:
    return world.discord.guild("home", world.discord.person("alice"), world.discord.person("bob"))


@pytest.fixture
async def asked(world: Standin, home: Guild, client: Client) -> AsyncIterator[Answer]:
    """A `/text` of alice's that the bot has not answered yet."""
    await client.call("PUT", client.application + "/commands", [TEXT])
    socket = await client.log_in()
    alice, bob = world.discord.person("alice"), world.discord.person("bob")
    yield await alice.slash(home, "text", user=bob, wait=False)
    await socket.close()


async def test_a_wrong_token_and_an_unknown_route_are_refused(world: Standin, client: Client) -> None:
    assert await client.call("GET", "/users/@me", token="x") == (
        401,
        {"message": "401: Unauthorized", "code": 0},
    )
    assert (await client.call("GET", "/gateway", token="x"))[0] == 200
    assert await client.call("GET", "/nowhere") == (404, {"message": "404: Not Found", "code": 0})
    assert await client.call("DELETE", "/users/@me") == (404, {"message": "404: Not Found", "code": 0})
    assert world.discord.world.unknown_routes == ["GET /nowhere", "DELETE /users/@me"]
    with pytest.raises(SandboxError, match="/nowhere"):
        world.discord.assert_clean()
    world.discord.world.unknown_routes.clear()
    assert len(world.contract.violations) == 2
    world.contract.violations.clear()


async def test_what_is_known_is_answered_and_what_is_not_has_its_code(
    world: Standin, home: Guild, client: Client
) -> None:
    alice = world.discord.person("alice")
    assert (await client.call("GET", f"/users/{alice.id}"))[1]["username"] == "alice"
    assert (await client.call("GET", f"/guilds/{home.id}"))[1]["name"] == "home"
    channel_id = next(iter(home.channels))
    assert (await client.call("GET", f"/channels/{channel_id}"))[1]["guild_id"] == str(home.id)
    for path, code in (("/users/5", 10013), ("/guilds/5", 10004), ("/channels/5", 10003)):
        status, body = await client.call("GET", path)
        assert (status, body["code"]) == (404, code)


async def test_the_application_names_its_owner_and_team(world: Standin, client: Client) -> None:
    assert (await client.call("GET", "/applications/@me"))[1]["owner"]["id"] == str(world.discord.owner.id)
    world.discord.world.team = [world.discord.owner.id, world.discord.person("ann").id]
    team = (await client.call("GET", "/oauth2/applications/@me"))[1]["team"]
    assert [member["user"]["username"] for member in team["members"]][1] == "ann"


async def test_broken_json_is_refused(client: Client) -> None:
    url = client.world.discord.api_url + "/users/@me/channels"
    headers = {"Authorization": f"Bot {client.world.discord.token}", "Content-Type": "application/json"}
    async with client.http.post(url, data=b"{", headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, 50109)
        assert answer.headers["Content-Type"] == "application/json"
    client.world.contract.violations.clear()  # the watch sees a request without a body


async def test_commands_are_registered_changed_and_deleted(
    world: Standin, home: Guild, client: Client
) -> None:
    everywhere = client.application + "/commands"
    status, made = await client.call("POST", everywhere, TEXT)
    assert status == 201
    assert (await client.call("POST", everywhere, TEXT | {"description": "Send it"}))[0] == 200
    assert (await client.call("GET", f"{everywhere}/{made['id']}"))[1]["description"] == "Send it"
    _, changed = await client.call("PATCH", f"{everywhere}/{made['id']}", {"description": "Again"})
    assert (changed["id"], changed["description"]) == (made["id"], "Again")
    _, listed = await client.call("PUT", everywhere, [TEXT, {"name": "Text this person", "type": 2}])
    assert [each["id"] == made["id"] for each in listed] == [True, False]
    assert (await client.call("DELETE", f"{everywhere}/{made['id']}"))[0] == 204
    assert (await client.call("GET", f"{everywhere}/{made['id']}"))[1]["code"] == 10063
    here = f"{client.application}/guilds/{home.id}/commands"
    assert (await client.call("PUT", here, [TEXT]))[1][0]["guild_id"] == str(home.id)
    assert len((await client.call("GET", here))[1]) == len((await client.call("GET", everywhere))[1]) == 1
    assert (await client.call("GET", f"{client.application}/guilds/5/commands"))[0] == 403


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"name": "Text"}, "name"),
        ({"name": "t" * 33}, "name"),
        ({"description": ""}, "description"),
        ({"description": "d" * 101}, "description"),
        ({"options": [TEXT["options"][0]] * 2}, "options"),
        ({"options": [TEXT["options"][1], TEXT["options"][0]]}, "options"),
        ({"type": 3, "name": "Menu", "description": "x"}, "description"),
    ],
)
async def test_a_malformed_command_is_refused(client: Client, change: dict[str, Any], where: str) -> None:
    status, body = await client.call("PUT", client.application + "/commands", [TEXT | change])
    assert (status, body["code"]) == (400, 50035)
    assert where in body["errors"]["0"]
    client.world.discord.world.refused.clear()


async def test_one_callback_is_taken_and_a_second_refused(client: Client, asked: Answer) -> None:
    status, body = await client.answer(asked, {"type": 5, "data": {"flags": 64}}, "?with_response=1")
    assert status == 200
    assert body["resource"]["message"]["flags"] == 64 | 128
    assert body["interaction"]["response_message_loading"] is True
    assert asked.loading
    status, body = await client.answer(asked, {"type": 4, "data": {"content": "twice"}})
    assert (status, body["code"]) == (400, 40060)
    assert asked.content == ""


async def test_a_callback_after_three_seconds_or_for_nobody_is_unknown(
    client: Client, asked: Answer, clock: Clock
) -> None:
    status, body = await client.call("POST", "/interactions/5/x/callback", {"type": 5})
    assert (status, body["code"]) == (404, 10062)
    clock.pass_by(seconds=3.1)
    status, body = await client.answer(asked, {"type": 5})
    assert (status, body["code"]) == (404, 10062)
    assert not asked.acknowledged


@pytest.mark.parametrize("kind", [1, 6, 7, 8])
async def test_an_answer_that_does_not_fit_the_question_is_refused(
    client: Client, asked: Answer, kind: int
) -> None:
    data = {"choices": []} if kind == 8 else {"content": "x"}
    status, body = await client.answer(asked, {"type": kind, "data": data})
    assert (status, body["code"]) == (400, 50035)
    client.world.discord.world.refused.clear()


async def test_the_first_followup_fills_a_deferred_answer_and_keeps_its_visibility(
    client: Client, asked: Answer
) -> None:
    hook = client.hook + asked.interaction.token
    assert (await client.call("POST", hook, {"content": "early"}))[1]["code"] == 10015
    await client.answer(asked, {"type": 5, "data": {"flags": 64}})
    first = (await client.call("POST", hook, {"content": "one"}))[1]
    second = (await client.call("POST", hook, {"content": "two"}))[1]
    third = (await client.call("POST", hook, {"content": "three", "flags": 64}))[1]
    assert [each["flags"] for each in (first, second, third)] == [64, 0, 64]
    assert asked.content == "one"
    assert [post.content for post in asked.followups] == ["two", "three"]


async def test_the_answer_is_read_edited_and_deleted(client: Client, asked: Answer) -> None:
    hook = f"{client.hook}{asked.interaction.token}/messages/"
    await client.answer(asked, {"type": 4, "data": {"content": "one"}})
    assert (await client.call("PATCH", hook + "@original", {"content": "two"}))[1]["edited_timestamp"]
    _, follow = await client.call("POST", hook.removesuffix("/messages/"), {"content": "more"})
    await client.call("PATCH", hook + follow["id"], {"content": "much more"})
    assert (await client.call("GET", hook + follow["id"]))[1]["content"] == "much more"
    assert asked.history == ["one", "two"]
    assert (await client.call("DELETE", hook + "@original"))[0] == 204
    assert asked.deleted
    assert (await client.call("GET", hook + "@original"))[1]["code"] == 10008


async def test_the_token_lives_fifteen_minutes(client: Client, asked: Answer, clock: Clock) -> None:
    original = f"{client.hook}{asked.interaction.token}/messages/@original"
    await client.answer(asked, {"type": 5})
    clock.pass_by(minutes=14, seconds=59)
    assert (await client.call("PATCH", original, {"content": "just in time"}))[0] == 200
    clock.pass_by(seconds=2)
    status, body = await client.call("PATCH", original, {"content": "too late"})
    assert (status, body["code"]) == (401, 50027)
    assert asked.content == "just in time"
    assert (await client.call("PATCH", client.hook + "x/messages/@original", {"content": "x"}))[1][
        "code"
    ] == 10015


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"content": "x" * 2001}, "content"),
        ({"embeds": [{"title": "t" * 257}]}, "embeds"),
        ({"content": "x", "components": [{"type": 1, "components": [CONFIRM]}] * 6}, "components"),
        ({"content": "x", "components": [{"type": 1, "components": [CONFIRM, CONFIRM]}]}, "components"),
        (
            {"content": "x", "components": [{"type": 1, "components": [CONFIRM | {"label": "l" * 81}]}]},
            "components",
        ),
        (
            {"content": "x", "components": [{"type": 1, "components": [CONFIRM | {"label": ""}]}]},
            "components",
        ),
        (
            {"content": "x", "components": [{"type": 1, "components": [CONFIRM | {"custom_id": "c" * 101}]}]},
            "components",
        ),
        (
            {
                "content": "x",
                "components": [{"type": 1, "components": [{"type": 2, "style": 5, "label": "l"}]}],
            },
            "components",
        ),
        (
            {"content": "x", "components": [{"type": 1, "components": [CHOOSE | {"options": []}]}]},
            "components",
        ),
        (
            {
                "content": "x",
                "components": [{"type": 1, "components": [CHOOSE | {"options": CHOOSE["options"] * 2}]}],
            },
            "components",
        ),
    ],
)
async def test_a_malformed_post_is_refused(
    client: Client, asked: Answer, body: dict[str, Any], where: str
) -> None:
    status, refused = await client.answer(asked, {"type": 4, "data": body})
    assert (status, refused["code"]) == (400, 50035)
    assert list(refused["errors"]) == [where]
    assert "50035" in client.world.discord.world.refused.pop()


async def test_an_empty_post_is_refused(client: Client, asked: Answer) -> None:
    assert (await client.answer(asked, {"type": 4, "data": {"content": ""}}))[1]["code"] == 50006
    client.world.discord.world.refused.clear()


NUMBER = {"type": 18, "label": "Number", "component": {"type": 4, "custom_id": "n", "style": 1}}
FORM = {"title": "Form", "custom_id": "form", "components": [NUMBER]}


@pytest.mark.parametrize(
    "change",
    [
        {"title": "t" * 46},
        {"custom_id": ""},
        {"components": []},
        {
            "components": [
                NUMBER | {"component": NUMBER["component"] | {"custom_id": str(n)}} for n in range(6)
            ]
        },
        {"components": [NUMBER, NUMBER]},
        {"components": [NUMBER | {"label": "l" * 46}]},
        {"components": [NUMBER | {"description": "d" * 101}]},
        {"components": [NUMBER | {"component": NUMBER["component"] | {"max_length": 4001}}]},
        {"components": [NUMBER | {"component": {"type": 22, "custom_id": "c", "options": []}}]},
    ],
)
async def test_a_malformed_modal_is_refused(client: Client, asked: Answer, change: dict[str, Any]) -> None:
    assert (await client.answer(asked, {"type": 9, "data": FORM | change}))[1]["code"] == 50035
    client.world.discord.world.refused.clear()
    assert (await client.answer(asked, {"type": 9, "data": FORM}))[0] == 204
    assert asked.modal.fields[0].label == "Number"


async def test_mentions_ping_only_whom_the_bot_allows(client: Client, asked: Answer) -> None:
    alice, bob = (client.world.discord.person(name) for name in ("alice", "bob"))
    words = f"{alice.mention} {bob.mention} <@123456789012345678> @everyone"
    await client.answer(asked, {"type": 4, "data": {"content": words, "allowed_mentions": {"parse": []}}})
    assert (asked.post.pinged, asked.post.pings_everyone) == ([], False)
    hook = client.hook + asked.interaction.token
    await client.call("POST", hook, {"content": words})
    await client.call("POST", hook, {"content": words, "allowed_mentions": {"users": [str(bob.id)]}})
    assert [post.pinged for post in asked.followups] == [[alice.id, bob.id], [bob.id]]
    assert [post.pings_everyone for post in asked.followups] == [True, False]


async def test_an_ephemeral_answer_is_seen_and_used_only_by_who_asked(client: Client, asked: Answer) -> None:
    rows = [{"type": 1, "components": [CONFIRM]}, {"type": 1, "components": [CHOOSE]}]
    await client.answer(asked, {"type": 4, "data": {"content": "x", "flags": 64, "components": rows}})
    alice, bob = (client.world.discord.person(name) for name in ("alice", "bob"))
    with pytest.raises(SandboxError, match="does not see"):
        await bob.press(asked, "Yes")
    with pytest.raises(SandboxError, match="no such values"):
        await alice.select(asked, "pick", "3")
    chosen = await alice.select(asked, "pick", "2", wait=False)
    await client.answer(chosen, {"type": 7, "data": {"content": "two", "components": []}})
    assert asked.history == ["x", "two"]
    with pytest.raises(SandboxError, match="no button"):
        await alice.press(asked, "Yes")


async def test_limits_and_choices_of_options_hold(client: Client, asked: Answer, home: Guild) -> None:
    alice, bob = (client.world.discord.person(name) for name in ("alice", "bob"))
    for options in ({"hours": 0}, {"hours": 10}, {"words": "bye"}, {"user": None}):
        with pytest.raises(SandboxError):
            await alice.slash(home, "text", wait=False, **({"user": bob} | options))
    await alice.slash(home, "text", wait=False, user=bob, words="hi", hours=9)


async def test_a_guilds_own_command_goes_before_a_global_one(
    client: Client, asked: Answer, home: Guild
) -> None:
    here = f"{client.application}/guilds/{home.id}/commands"
    await client.call("PUT", here, [{"name": "text", "description": "Ours"}])
    answer = await client.world.discord.person("alice").slash(home, "text", wait=False)
    assert answer.interaction.guild_id == home.id
    with pytest.raises(SandboxError, match="no option"):
        await client.world.discord.person("alice").slash(home, "text", user=client.world.discord.bot)


async def test_who_shares_no_guild_gets_no_dm(client: Client, home: Guild) -> None:
    bob = client.world.discord.person("bob")
    _, channel = await client.call("POST", "/users/@me/channels", {"recipient_id": str(bob.id)})
    path = f"/channels/{channel['id']}/messages"
    assert (await client.call("POST", path, {"content": "hi"}))[0] == 200
    client.world.discord.leave(home, bob)
    assert (await client.call("POST", path, {"content": "hi"}))[1]["code"] == 50007
    assert [post.content for post in bob.dms] == ["hi"]
    bot_id = client.world.discord.bot.id
    assert (await client.call("POST", "/users/@me/channels", {"recipient_id": str(bot_id)}))[1][
        "code"
    ] == 50007


async def test_nobody_logged_in_means_no_answer(client: Client, world: Standin, home: Guild) -> None:
    await client.call("PUT", client.application + "/commands", [TEXT])
    alice, bob = world.discord.person("alice"), world.discord.person("bob")
    with pytest.raises(SandboxError, match="no bot is logged in"):
        await alice.slash(home, "text", user=bob)
    socket = await client.log_in()
    assert world.discord.world.logins_left == 999
    await world.discord.ready()
    await socket.close()


@pytest.mark.parametrize(
    ("packet", "code"),
    [("nonsense", 4002), ('{"op": 3, "d": {}}', 4003), ('{"op": 99, "d": {}}', 4003)],
)
async def test_a_packet_out_of_place_closes_the_websocket(client: Client, packet: str, code: int) -> None:
    socket = await client.http.ws_connect(client.world.discord.websocket_url)
    await socket.receive_json()
    await socket.send_str(packet)
    assert (await socket.receive()).data == code


async def test_the_same_seed_makes_the_same_world() -> None:
    def names(seed: int) -> list[object]:
        world = Standin(random.Random(seed), Clock())
        return [world.discord.token, world.secret_key, world.discord.person("alice").id]

    assert names(1) == names(1)
    assert names(1) != names(2)
