"""Import the bot once and fork a process for every run of it: starting one costs as little as killing it."""

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

STREAM = socket.SOCK_STREAM
REQUEST_BYTES = 1 << 16


def main(path: str) -> None:
    """Serve until standard input ends: one connection is one run, told as a line of JSON."""
    preload()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the watchers
    with socket.socket(socket.AF_UNIX, STREAM) as listening:
        listening.bind(path)
        listening.listen(16)
        print("ready", flush=True)
        while True:
            readable, _, _ = select.select([listening, sys.stdin], [], [])
            if sys.stdin in readable:
                return
            connection, _ = listening.accept()
            with connection:
                if os.fork() == 0:
                    listening.close()
                    watch(connection)
                    os._exit(0)


def preload() -> None:
    """Import all that `run` needs."""
    import aiosqlite
    import uvloop
    from alembic import command

    from bot import app, config
    from bot.operate import cli
    from tests.faults import points

    assert all((aiosqlite, uvloop, command, app, config, cli, points))
    # What is here stays: no run has to look through it, which would copy it page by page.
    gc.collect()
    gc.freeze()


def watch(connection: socket.socket) -> None:
    """Fork the bot, tell its id and in the end its exit code; where the test dies, the bot goes too."""
    request = json.loads(connection.recv(REQUEST_BYTES))
    ended, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken)
    child = os.fork()
    if child == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in (ended, woken):
            os.close(end)
        connection.close()
        run(request)
    connection.sendall(f"{child}\n".encode())
    readable, _, _ = select.select([connection, ended], [], [])
    if ended not in readable:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(OSError):
        connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def run(request: dict[str, Any]) -> None:
    """Be `python -m bot` with these words, environment and output."""
    code = 1
    try:
        output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        os.environ.clear()
        os.environ.update(request["environment"])
        from bot.__main__ import main as bot
        from tests.faults.points import die_at

        if request["dies_at"]:
            die_at(request["dies_at"])
        code = bot(request["words"])
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    except BaseException:  # noqa: BLE001 - as the interpreter does at the end of a script
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    main(sys.argv[1])
