"""Carry HTTP requests to SimCord's route table and its answers back."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from aiohttp import BodyPartReader, web
from simcord.backend import serializers
from simcord.backend.errors import BackendError
from simcord.http import router
from simcord.http import routes as _routes  # noqa: F401 - importing it registers SimCord's routes

if TYPE_CHECKING:
    from tests.simcord_bridge.bridge import SimcordBridge

API_PREFIX = "/api/v10"
# Their tokens stand in the path, so Discord asks for no bot token there.
_TOKEN_IN_PATH = ("/interactions/", "/webhooks/")


@dataclass(frozen=True, slots=True)
class Upload:
    """One uploaded file, in the shape that SimCord's routes read."""

    filename: str
    description: str | None
    fp: io.BytesIO


class HttpApi:
    """Answer every request under the API prefix."""

    def __init__(self, bridge: SimcordBridge) -> None:
        self._bridge = bridge

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, and wake waiting tests only when the answer has been written."""
        status, body = await self._dispatch(request)
        response = web.Response(status=status)
        if body is not None:
            # discord.py parses a body only if the type is exactly this, without a charset.
            response = web.Response(
                status=status,
                body=self._bridge.to_wire(body).encode(),
                headers={"Content-Type": "application/json"},
            )
        await response.prepare(request)
        await response.write_eof()
        self._bridge.changes.notify()
        return response

    async def _dispatch(self, request: web.Request) -> tuple[int, Any]:
        path = request.path.removeprefix(API_PREFIX)
        if not path.startswith(_TOKEN_IN_PATH) and not self._authorized(request):
            return 401, {"message": "401: Unauthorized", "code": 0}
        if path == "/gateway/bot":
            return 200, self._gateway()
        try:
            body = await self._route(request, path)
        except (router.RouteNotImplemented, router.UnsupportedField) as gap:
            self._bridge.gaps.append(gap.message)
            return 501, gap.to_json()
        except BackendError as refusal:
            return refusal.status, refusal.to_json()
        except Exception as bug:  # noqa: BLE001 - a bug in SimCord or here must fail the test, not the server
            self._bridge.gaps.append(f"{request.method} {path}: {bug!r}")
            # Not 500: discord.py would try again for half a minute.
            return 501, {"message": f"501: {bug!r}", "code": 0}
        return self._shaped(request, path, body)

    def _shaped(self, request: web.Request, path: str, body: Any) -> tuple[int, Any]:
        if path == "/oauth2/applications/@me":
            body["owner"] = dict(serializers.user_payload(self._bridge.owner._user))
        if path.endswith("/callback") and request.query.get("with_response", "").lower() not in {"1", "true"}:
            return 204, None
        return (200, body) if body is not None else (204, None)

    def _authorized(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bot {self._bridge.token}"

    def _gateway(self) -> dict[str, Any]:
        limit = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 16}
        bridge = self._bridge
        return {"url": bridge.gateway_url, "shards": bridge.shard_count, "session_start_limit": limit}

    async def _route(self, request: web.Request, path: str) -> Any:
        payload, files = await _read(request)
        reason = request.headers.get("X-Audit-Log-Reason")
        return router.dispatch(
            self._bridge.world.backend,
            request.method,
            path,
            json=payload,
            params=dict(request.query),
            files=files,
            reason=unquote(reason) if reason else None,
            message_content_access=self._bridge.approved_intents.message_content,
        )


async def _read(request: web.Request) -> tuple[Any, list[Upload]]:
    if request.content_type != "multipart/form-data":
        raw = await request.read()
        return (json.loads(raw) if raw else None), []
    form: list[dict[str, Any]] = []
    uploads: list[tuple[str, str, bytes]] = []
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader), "discord.py sends flat forms"
        name = part.name or ""
        if part.filename is None:
            form.append({"name": name, "value": await part.text()})
        else:
            uploads.append((name, part.filename, bytes(await part.read())))
    payload, _ = router.parse_form(form, [])
    return payload, [_upload(payload, *upload) for upload in uploads]


def _upload(payload: Any, name: str, filename: str, content: bytes) -> Upload:
    # An interaction's callback keeps them one level deeper than a plain post.
    outer = payload if isinstance(payload, dict) else {}
    declared = (outer.get("data") or outer).get("attachments")
    described = {f"files[{each['id']}]": each.get("description") for each in declared or ()}
    return Upload(filename, described.get(name), io.BytesIO(content))
