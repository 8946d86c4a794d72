"""Start what takes the mail: one sink for every row, the same behind a delay, and a TLS submission server."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.settings import CHECKOUT
from tests.peers.daemon import Daemon, accepts_connections, free_port
from tests.peers.postfix import Postfix

SINK_PROGRAM = "smtp-sink"
SINK_PATH = "/usr/sbin:/usr/local/sbin:/usr/bin"
BACKLOG = "1024"
DELAY_MS = 10  # each way


@dataclass(frozen=True, slots=True)
class Account:
    """Where a contender hands its mail over."""

    port: int
    security: str = "none"
    username: str | None = None
    password: str | None = None
    ca_file: str | None = None


@contextmanager
def sink() -> Iterator[tuple[Account, str]]:
    """Run Debian's smtp-sink, else the sandbox's; yields where, and which."""
    port, program = free_port(), shutil.which(SINK_PROGRAM, path=SINK_PATH)
    if program is None:
        with _running(
            [sys.executable, "-m", "benchmarks.worker", "sandbox_sink", f'{{"port": {port}}}'], port
        ):
            yield Account(port), "the sandbox's sink (install Debian's postfix for smtp-sink)"
    else:
        as_whom = ["-u", "nobody"] if os.geteuid() == 0 else []
        with _running([program, *as_whom, f"127.0.0.1:{port}", BACKLOG], port):
            yield Account(port), "smtp-sink"


@contextmanager
def delayed(target: Account) -> Iterator[Account]:
    """Put 20 ms of round trip in front of a sink."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.delay", str(port), str(target.port), str(DELAY_MS)]
    with _running(command, port):
        yield Account(port)


@contextmanager
def submission() -> Iterator[Account]:
    """Run Postfix with STARTTLS and AUTH that throws away what it took. Raises Unavailable."""
    with Discarding.start() as server:
        yield Account(server.port, "starttls", server.username, server.password, str(server.ca_file))


class Discarding(Postfix):
    """The tests' submission server, but what it queued ends there: only the way in is measured."""

    def _lay_out(self) -> None:
        super()._lay_out()
        settings = self._folder / "etc" / "main.cf"
        with settings.open("a") as more:
            more.write("default_transport = discard:\nrelayhost =\nqmgr_message_active_limit = 100000\n")


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    folder = Path(tempfile.mkdtemp(prefix="textbridge-sink-"))
    daemon = Daemon.start(["/usr/bin/env", "-C", str(CHECKOUT), *command], log=folder / "log")
    try:
        daemon.wait_until(listening(port))
        yield
    finally:
        daemon.stop()
        shutil.rmtree(folder, ignore_errors=True)


def listening(port: int) -> Callable[[], bool]:
    """Return the question whether somebody listens there."""
    return lambda: accepts_connections(port)
