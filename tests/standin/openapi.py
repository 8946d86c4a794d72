"""Hold every exchange, and the pieces of every event, against Discord's published OpenAPI."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from bot.sandbox.api import Exchange

DOCUMENT = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "discord-openapi.json"
URI = "urn:discord"
METHODS = {"get", "put", "post", "patch", "delete"}
JSON, MULTIPART = "application/json", "multipart/form-data"
Json = dict[str, Any]

# Where Discord's document is stricter than Discord: schema, property or "", what to accept instead.
EXCEPTIONS = (
    # Discord takes snowflakes as numbers too; discord.py sends `recipient_id` and attachment ids so.
    ("request", "SnowflakeType", "", {"type": ["string", "integer"], "pattern": "^(0|[1-9][0-9]*)$"}),
    # Discord's form errors carry words such as BASE_TYPE_REQUIRED, as its own reference page shows.
    ("answer", "Error", "code", {"type": ["string", "integer"]}),
)


@cache
def document(direction: str = "answer") -> Json:
    """Read the document, once for requests and once for answers, with the exceptions put in."""
    read: Json = json.loads(DOCUMENT.read_text("utf-8"))
    for where, schema, name, accepted in EXCEPTIONS:
        found = read["components"]["schemas"][schema]
        if where == direction and name:
            found["properties"][name] = accepted
        elif where == direction:
            read["components"]["schemas"][schema] = accepted
    return read


@cache
def registry(direction: str) -> Registry[Any]:
    """Make the document's schemas resolvable."""
    return Registry().with_resource(URI, Resource.from_contents(document(direction), DRAFT202012))


@cache
def validator(pointer: str, direction: str = "answer") -> Draft202012Validator:
    """Compile the schema at a JSON pointer, when it is first met."""
    return Draft202012Validator({"$ref": f"{URI}#{pointer}"}, registry=registry(direction))


@cache
def _routes() -> list[tuple[re.Pattern[str], str]]:
    templates = sorted(document()["paths"], key=lambda path: path.count("{"))
    return [(re.compile(re.sub(r"\\?\{\w+\\?\}", "[^/]+", re.escape(path))), path) for path in templates]


@cache
def _route(path: str) -> str | None:
    return next((template for pattern, template in _routes() if pattern.fullmatch(path)), None)


def _escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")


_passed: set[tuple[str, str, int]] = set()
# What differs in every exchange, and of which the document says no more than that it is a string.
_SNOWFLAKE = re.compile(r"[0-9]{15,20}")
_TIME_OR_TOKEN = re.compile(r'"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.+Z-]+|[A-Za-z0-9]{160})"')


def _faults(pointer: str, value: Any, where: str, direction: str = "answer") -> Iterator[str]:
    """Check a value; what passed once passes again, whatever its snowflakes and times, without the cost."""
    key = (pointer, direction, hash(_SNOWFLAKE.sub("1", _TIME_OR_TOKEN.sub('"T"', json.dumps(value)))))
    if key in _passed:
        return
    error = best_match(validator(pointer, direction).iter_errors(value))
    if error is None:
        _passed.add(key)
        return
    at = "/".join(str(step) for step in error.absolute_path)
    yield f"{where}: at {at or 'the top'}: {error.message[:300]}"


class Contract:
    """Collect what breaks Discord's description."""

    def __init__(self) -> None:
        self.violations: list[str] = []
        self.exchanges = 0
        self.operations: set[str] = set()

    def observe(self, exchange: Exchange) -> None:
        """Check one request and its answer."""
        self.exchanges += 1
        self.violations += self.faults(exchange)

    def faults(self, exchange: Exchange) -> list[str]:
        """List what is wrong with one exchange."""
        template = _route(exchange.path)
        where = f"{exchange.method} {template or exchange.path}"
        operation = document()["paths"].get(template, {}).get(exchange.method.lower())
        if operation is None:
            return [f"{where}: Discord has no such route"]
        self.operations.add(where)
        assert template is not None
        pointer = f"/paths/{_escaped(template)}/{exchange.method.lower()}"
        found = list(_path_faults(template, exchange, where))
        found += _query_faults(template, operation, exchange, where)
        if exchange.status != 400:  # a body that was refused as malformed is meant to break the schema
            found += _request_faults(operation, exchange, pointer, where)
        return found + list(_answer_faults(operation, exchange, pointer, where))

    def observe_event(self, event: str, content: Json) -> None:
        """Check the pieces of a websocket event that the document describes."""
        for schema, piece in _pieces(event, content):
            self.violations += _faults(f"/components/schemas/{schema}", piece, f"{event} {schema}")


def _path_faults(template: str, exchange: Exchange, where: str) -> Iterator[str]:
    for step, given in zip(template.split("/"), exchange.path.split("/"), strict=True):
        if step.startswith("{") and step.endswith("_id}") and not given.isdecimal():
            yield f"{where}: {step} is no snowflake"


def _query_faults(template: str, operation: Json, exchange: Exchange, where: str) -> Iterator[str]:
    shared = document()["paths"][template].get("parameters", [])
    known = {each["name"]: each for each in shared + operation.get("parameters", []) if each["in"] == "query"}
    for name, text in exchange.query.items():
        if name not in known:
            yield f"{where}: no query parameter {name}"
        elif known[name]["schema"].get("type") == "boolean" and text not in ("0", "1", "true", "false"):
            yield f"{where}: query {name} is no boolean"


def _request_faults(operation: Json, exchange: Exchange, pointer: str, where: str) -> Iterator[str]:
    described = operation.get("requestBody")
    if described is None:
        if exchange.request_body is not None:
            yield f"{where}: takes no body"
        return
    if exchange.request_body is None:
        if described.get("required"):
            yield f"{where}: needs a body"
        return
    kind = MULTIPART if exchange.file_count else JSON
    at = f"{pointer}/requestBody/content/{_escaped(kind)}/schema"
    yield from _faults(at, exchange.request_body, f"{where} request", "request")


def _answer_faults(operation: Json, exchange: Exchange, pointer: str, where: str) -> Iterator[str]:
    if exchange.status >= 500:
        return
    status = (
        str(exchange.status)
        if str(exchange.status) in operation["responses"]
        else f"{exchange.status // 100}XX"
    )
    described = operation["responses"].get(status)
    if described is None:
        yield f"{where}: never answers {exchange.status}"
        return
    at = described.get("$ref", f"#{pointer}/responses/{status}").removeprefix("#")
    described = (
        document()["components"]["responses"][at.rpartition("/")[2]] if "$ref" in described else described
    )
    if JSON in described.get("content", {}):
        yield from _faults(
            f"{at}/content/{_escaped(JSON)}/schema", exchange.response_body, f"{where} {status}"
        )
    elif exchange.response_body is not None:
        yield f"{where}: {exchange.status} has no body"
    if exchange.status >= 400 and not isinstance((exchange.response_body or {}).get("code"), int):
        yield f"{where} {status}: its code is no number"


def _pieces(event: str, content: Json) -> Iterator[tuple[str, Any]]:
    if event == "READY":
        yield "UserPIIResponse", content["user"]
    elif event == "GUILD_CREATE":
        yield "GuildWithCountsResponse", content
        yield from (("GuildMemberResponse", each) for each in content["members"])
        yield from (("GuildChannelResponse", each) for each in content["channels"])
    elif event == "INTERACTION_CREATE":
        yield from _interaction_pieces(content)


def _interaction_pieces(content: Json) -> Iterator[tuple[str, Any]]:
    yield "InteractionResponse", {key: content[key] for key in ("id", "type", "channel_id")}
    yield "InteractionContextType", content["context"]
    if "member" in content:
        yield "GuildMemberResponse", content["member"]
        yield "GuildChannelResponse", content["channel"]
    else:
        yield "UserResponse", content["user"]
        yield "PrivateChannelResponse", content["channel"]
    if "message" in content:
        yield "MessageResponse", content["message"]
    resolved = content["data"].get("resolved", {})
    for kind, schema in (
        ("users", "UserResponse"),
        ("messages", "MessageResponse"),
        ("attachments", "MessageAttachmentResponse"),
    ):
        yield from ((schema, each) for each in resolved.get(kind, {}).values())
    for account_id, member in resolved.get("members", {}).items():
        yield "GuildMemberResponse", member | {"user": resolved["users"][account_id]}
