"""Pass TCP through with a delay both ways: `python -m benchmarks.delay LISTEN_PORT TARGET_PORT MS`."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, cast

LOOPBACK = "127.0.0.1"


class Half(asyncio.Protocol):
    """One side of a connection; what it reads goes to the other side, later."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.other: Half | None = None
        self.transport: asyncio.Transport | None = None
        self.early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Pass on after the delay; timers of the same length fire in order."""
        asyncio.get_running_loop().call_later(self.delay_s, self._pass, data)

    def connection_lost(self, _reason: Exception | None) -> None:
        """Close the other side as late as the last bytes reach it."""
        asyncio.get_running_loop().call_later(self.delay_s, self._hang_up)

    def _pass(self, octets: bytes) -> None:
        if self.other is None:
            self.early.append(octets)
        elif self.other.transport is not None and not self.other.transport.is_closing():
            self.other.transport.write(octets)

    def _hang_up(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


class Entrance(Half):
    """The client's side; it opens the server's side."""

    def __init__(self, delay_s: float, target_port: int, connecting: "set[asyncio.Task[None]]") -> None:
        super().__init__(delay_s)
        self.target_port, self.connecting = target_port, connecting

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connect onwards."""
        super().connection_made(transport)
        task = asyncio.get_running_loop().create_task(self._connect())
        self.connecting.add(task)
        task.add_done_callback(self.connecting.discard)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        far = Half(self.delay_s)
        far.other = self
        try:
            await loop.create_connection(lambda: far, LOOPBACK, self.target_port)
        except OSError:
            if self.transport is not None:
                self.transport.close()
            return
        self.other = far
        for octets in self.early:
            self._pass(octets)


async def serve(listen_port: int, target_port: int, delay_s: float) -> None:
    """Pass connections on until ended from outside."""
    connecting: set[asyncio.Task[None]] = set()
    server = await asyncio.get_running_loop().create_server(
        lambda: Entrance(delay_s, target_port, connecting), LOOPBACK, listen_port, backlog=200
    )
    await server.serve_forever()


def run(work: "Coroutine[Any, Any, Any]") -> Any:
    """Run on uvloop where it is installed, as the bot does."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


if __name__ == "__main__":
    run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) / 1000))
