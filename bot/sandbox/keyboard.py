"""Read a terminal line by line without holding the event loop up."""

import asyncio
import contextlib
import os
import threading

_CHUNK_BYTES = 4096


class Keyboard:
    """Lines typed into a file descriptor; None once it has ended (Ctrl-D)."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        """Begin to read.

        In a daemon thread, since `asyncio.run` waits for those of its executor; by `os.read`, since a thread
        that waits inside `sys.stdin` holds a lock that the interpreter wants at its end.
        """
        threading.Thread(target=self._read, name="keyboard", daemon=True).start()

    async def line(self) -> str | None:
        """Wait for the next line, without its end."""
        return await self._lines.get()

    def _read(self) -> None:
        rest = b""
        with contextlib.suppress(OSError):  # a terminal that was closed
            while chunk := os.read(self._descriptor, _CHUNK_BYTES):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._hand_over(line.decode("utf-8", "replace").rstrip("\r"))
        self._hand_over(None)

    def _hand_over(self, line: str | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody reads any more
            self._loop.call_soon_threadsafe(self._lines.put_nowait, line)
