"""An HTTP API that also limits, fails, hangs or loses its answer as told."""

import asyncio
import re
from dataclasses import dataclass, field

from aiohttp import web

from bot.sandbox.api import PREFIX, Exchange, Gate, Handler, reply
from bot.sandbox.world import World


@dataclass(slots=True)
class Fault:
    """What happens to requests of a method (`*` for all) and a path; `times` None for ever."""

    method: str
    pattern: str
    times: int | None
    status: int = 0
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    lose: bool = False

    def fits(self, request: web.Request) -> bool:
        """Tell whether this request is meant, and count it if so."""
        path = request.path.removeprefix(PREFIX)
        if (
            self.times == 0
            or self.method not in ("*", request.method)
            or not re.fullmatch(self.pattern, path)
        ):
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass(slots=True)
class Bucket:
    """A real rate limit: so many requests in a window, counted and told in headers."""

    name: str
    method: str
    pattern: str
    limit: int
    window_s: float
    used: int = 0
    resets_at: float = 0.0


class FaultyGate(Gate):
    """Everything that goes wrong between a bot and Discord's HTTP API."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.faults: list[Fault] = []
        self.buckets: list[Bucket] = []
        self.exchanges: list[Exchange] = []
        self.limited = 0
        self.hanging = 0
        self._released = asyncio.Event()
        self.observers.append(self.exchanges.append)

    def limit(
        self,
        method: str,
        pattern: str,
        retry_after_s: float,
        *,
        scope: str = "user",
        times: int | None = 1,
        via: bool = True,
    ) -> None:
        """Answer 429; scope is `user`, `shared` or `global`; without `via` it looks like Cloudflare's ban."""
        body = {
            "message": "You are being rate limited.",
            "retry_after": retry_after_s,
            "global": scope == "global",
            "code": 0,
        }
        headers = {"Retry-After": str(int(retry_after_s) + 1), "X-RateLimit-Scope": scope}
        if scope == "global":
            headers["X-RateLimit-Global"] = "true"
        if via:
            headers["Via"] = "1.1 google"
        self.faults.append(Fault(method, pattern, times, 429, body, headers))

    def fail(self, method: str, pattern: str, status: int, *, code: int = 0, times: int | None = 1) -> None:
        """Answer with an error of this status and Discord error code."""
        self.faults.append(Fault(method, pattern, times, status, {"message": "told to fail", "code": code}))

    def hang(self, method: str, pattern: str, *, times: int | None = 1) -> None:
        """Never answer, until `release`."""
        self.faults.append(Fault(method, pattern, times, hang=True))

    def lose_answer(self, method: str, pattern: str, *, times: int | None = 1) -> None:
        """Do what is asked, then break the connection instead of answering."""
        self.faults.append(Fault(method, pattern, times, lose=True))

    def bucket(self, method: str, pattern: str, limit: int, window_s: float) -> None:
        """Limit a route for real, as Discord does with its X-RateLimit headers."""
        self.buckets.append(Bucket(f"bucket{len(self.buckets)}", method, pattern, limit, window_s))

    def release(self) -> None:
        """Forget every fault and let hanging requests go on."""
        self.faults.clear()
        self._released.set()
        self._released = asyncio.Event()

    async def hangs(self, count: int = 1, timeout_s: float = 5.0) -> None:
        """Wait until so many requests hang."""
        await self.world.watch.until(
            lambda: True if self.hanging >= count else None, timeout_s, "a hanging request"
        )

    def count(self, method: str, pattern: str, status: int | None = None) -> int:
        """Count the finished exchanges of a method, a path and perhaps a status."""
        return sum(
            1
            for each in self.exchanges
            if each.method == method and re.fullmatch(pattern, each.path) and status in (None, each.status)
        )

    async def before(self, request: web.Request) -> web.Response | None:
        """Answer in the route's place where a fault or a full bucket says so."""
        for fault in self.faults:
            if not fault.lose and fault.fits(request):
                if fault.hang:
                    await self._hang()
                    return None
                self.limited += fault.status == 429
                answer = reply(fault.body, fault.status)
                answer.headers.update(fault.headers)
                return answer
        return self._take_from_bucket(request)

    @web.middleware
    async def pass_through(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Serve a request; then tell its bucket in headers, or lose the answer."""
        answer = await super().pass_through(request, handler)
        if bucket := self._bucket(request):
            answer.headers.update(self._headers(bucket))
        lost = request.path.startswith(PREFIX) and any(
            each.lose and each.fits(request) for each in self.faults
        )
        if lost and request.transport:
            request.transport.abort()
        return answer

    async def _hang(self) -> None:
        self.hanging += 1
        self.world.watch.changed()
        try:
            await self._released.wait()
        finally:
            self.hanging -= 1

    def _bucket(self, request: web.Request) -> Bucket | None:
        path = request.path.removeprefix(PREFIX)
        fitting = (
            each
            for each in self.buckets
            if each.method in ("*", request.method) and re.fullmatch(each.pattern, path)
        )
        return next(fitting, None)

    def _take_from_bucket(self, request: web.Request) -> web.Response | None:
        bucket = self._bucket(request)
        if bucket is None:
            return None
        now = asyncio.get_running_loop().time()
        if now >= bucket.resets_at:
            bucket.used, bucket.resets_at = 0, now + bucket.window_s
        if bucket.used < bucket.limit:
            bucket.used += 1
            return None
        self.limited += 1
        left_s = bucket.resets_at - now
        answer = reply(
            {"message": "You are being rate limited.", "retry_after": left_s, "global": False, "code": 0}, 429
        )
        answer.headers.update(
            {"Via": "1.1 google", "Retry-After": str(int(left_s) + 1), "X-RateLimit-Scope": "user"}
        )
        return answer

    def _headers(self, bucket: Bucket) -> dict[str, str]:
        left_s = max(0.0, bucket.resets_at - asyncio.get_running_loop().time())
        return {
            "X-RateLimit-Bucket": bucket.name,
            "X-RateLimit-Limit": str(bucket.limit),
            "X-RateLimit-Remaining": str(bucket.limit - bucket.used),
            "X-RateLimit-Reset": str(self.world.now().timestamp() + left_s),
            "X-RateLimit-Reset-After": f"{left_s:.3f}",
        }
