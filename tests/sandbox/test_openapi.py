"""The watch over Discord's OpenAPI finds what is planted, and passes what is right."""

from dataclasses import replace
from typing import Any

import pytest

from bot.sandbox.api import Exchange
from tests.sandbox.small_bot import running
from tests.standin.openapi import Contract
from tests.standin.standin import Standin

CALLBACK = "/interactions/123/token/callback"
RIGHT = Exchange("POST", CALLBACK, {}, {"type": 4, "data": {"content": "hi", "flags": 64}}, 204, None)


def test_a_right_exchange_passes() -> None:
    assert Contract().faults(RIGHT) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"path": "/interactions/123/token/calback"}, "no such route"),
        ({"method": "PUT"}, "no such route"),
        ({"path": "/interactions/abc/token/callback"}, "no snowflake"),
        ({"query": {"with_answer": "1"}}, "no query parameter"),
        ({"query": {"with_response": "perhaps"}}, "no boolean"),
        ({"request_body": None}, "needs a body"),
        ({"request_body": {"type": 77}}, "request"),
        ({"request_body": {"type": 4, "data": {"content": "x" * 2001}}}, "request"),
        ({"request_body": {"type": 8, "data": {"choices": [{"name": "n", "value": "v"}] * 26}}}, "request"),
        ({"status": 302}, "never answers 302"),
        ({"status": 200, "response_body": {"interaction": {"id": 5, "type": 2}}}, "interaction/id"),
        ({"status": 404, "response_body": {"code": 10062}}, "message"),
        ({"status": 404, "response_body": {"code": "10062", "message": "Unknown"}}, "no number"),
        ({"response_body": {"id": "1"}}, "has no body"),
    ],
)
def test_a_planted_mistake_is_found(changes: dict[str, Any], fault: str) -> None:
    found = Contract().faults(replace(RIGHT, **changes))
    assert len(found) == 1
    assert fault in found[0]


def test_a_body_where_none_belongs_is_found() -> None:
    found = Contract().faults(Exchange("GET", "/gateway", {}, {"x": 1}, 200, {"url": "ws://x"}))
    assert found == ["GET /gateway: takes no body"]


def test_a_server_error_needs_no_description() -> None:
    assert Contract().faults(replace(RIGHT, status=503, response_body={"anything": 1})) == []


async def test_events_and_exchanges_of_a_session_are_watched(sandbox: Standin) -> None:
    alice = sandbox.discord.person("alice")
    home = sandbox.discord.guild("home", alice)
    async with running(sandbox.discord):
        await alice.slash(home, "dm")
        await alice.dm()
    assert {
        "GET /users/@me",
        "GET /gateway/bot",
        "PUT /applications/{application_id}/commands",
        "POST /interactions/{interaction_id}/{interaction_token}/callback",
        "POST /users/@me/channels",
        "POST /channels/{channel_id}/messages",
    } <= sandbox.contract.operations
    sandbox.contract.observe_event("READY", {"user": {"id": "1"}})
    assert "READY UserPIIResponse" in sandbox.contract.violations.pop()
