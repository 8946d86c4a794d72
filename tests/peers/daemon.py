"""Run a foreign server as a child process that never outlives the tests."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    import pwd

PROBE_SECONDS = 0.02
LOG_TAIL_CHARS = 4000


class Unavailable(Exception):
    """Say in one sentence why this machine cannot run a peer."""


def free_port() -> int:
    """Pick a loopback port below the range that the kernel gives to outgoing connections."""
    for _ in range(100):
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free loopback port between 20000 and 32000")


# A server that changes its user loses the kernel's own signal at its parent's death, so a shell watches:
# its input ends when the tests do, even by kill -9.
WATCH = 'read -r _; kill -s "$1" "$2"'


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running server, where its output goes, and the shell that ends it if this process dies first."""

    process: subprocess.Popen[bytes]
    log: Path
    watch: subprocess.Popen[bytes]

    @classmethod
    def start(
        cls,
        command: Sequence[str | Path],
        *,
        log: Path,
        user: pwd.struct_passwd | None = None,
        orphaned: signal.Signals = signal.SIGTERM,
    ) -> Daemon:
        """Start a server in a session of its own, its streams tied to a file so that nobody waits on them."""
        with log.open("ab") as stream:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                cwd=log.parent,
                start_new_session=True,
                **identity(user),
            )
        sign = orphaned.name.removeprefix("SIG")
        watch = subprocess.Popen(
            ["/bin/sh", "-c", WATCH, "watch", sign, str(process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return cls(process, log, watch)

    def wait_until(self, ready: Callable[[], bool], *, seconds: float = 30) -> None:
        """Wait for a sign of readiness; raise with the server's own words if it ends or takes too long."""
        deadline = time.monotonic() + seconds
        pause = threading.Event()
        while not ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"the server was not ready after {seconds} s:\n{self.tail()}")
            pause.wait(PROBE_SECONDS)

    def tail(self) -> str:
        """Return the end of what the server wrote."""
        return self.log.read_text(errors="replace")[-LOG_TAIL_CHARS:]

    def stop(self, sign: signal.Signals = signal.SIGTERM, *, seconds: float = 10) -> None:
        """End the server and whatever it started; kill what does not end in time."""
        self.watch.kill()
        self.watch.communicate()
        if self.process.poll() is None:
            self.process.send_signal(sign)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            seconds = 0
        self._clear_group(seconds=min(seconds, 2))

    def _clear_group(self, *, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        pause = threading.Event()
        while members := living(self.process.pid):
            if time.monotonic() > deadline:
                for member in members:
                    _kill(member)
            pause.wait(PROBE_SECONDS)


def living(group: int) -> list[int]:
    """List the processes of a group that still run; a zombie that nobody reaped does not."""
    members = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, process_group = stat.read_text(errors="replace").rpartition(")")[2].split()[:3]
        except (OSError, ValueError):  # it ended while we looked
            continue
        if int(process_group) == group and state not in "ZX":
            members.append(int(stat.parent.name))
    return members


def accepts_connections(port: int) -> bool:
    """Tell whether something listens on the loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Identity(TypedDict, total=False):
    """The arguments of `subprocess` that say as whom to run."""

    user: int
    group: int
    extra_groups: list[int]


def identity(user: pwd.struct_passwd | None) -> Identity:
    """Return the subprocess arguments that give up root for another system user."""
    if user is None:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
