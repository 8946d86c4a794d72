"""Read mails in a process of its own, which dies where one takes too long."""

import base64
import contextlib
import json
import signal
import sys
from dataclasses import asdict
from typing import Any, BinaryIO

from bot.domain.inbound import Bounce, Kind, Picture, Reading
from bot.mail.frames import LENGTH_OCTETS, framed
from bot.mail.reading import read

READY = b"\x01"
LONGEST_CPU_S = 1.0
MOST_MEMORY = 1 << 30


def packed(reading: Reading) -> bytes:
    """Write a reading down."""
    plain = asdict(reading)
    pictures = [
        one | {"content": base64.b64encode(one["content"]).decode("ascii")} for one in plain["pictures"]
    ]
    return json.dumps(plain | {"pictures": pictures}).encode("ascii")


def unpacked(octets: bytes) -> Reading:
    """Read what packed() wrote; raises ValueError, KeyError or TypeError where it is anything else."""
    plain: dict[str, Any] = json.loads(octets)
    pictures = [one | {"content": base64.b64decode(one["content"])} for one in plain["pictures"]]
    return Reading(
        **plain
        | {
            "kind": Kind(plain["kind"]),
            "bounce": Bounce(plain["bounce"]),
            "recipients": tuple(plain["recipients"]),
            "pictures": tuple(Picture(**one) for one in pictures),
        }
    )


def serve(mails: BinaryIO, readings: BinaryIO) -> None:
    """Read each mail that comes, until there are no more."""
    readings.write(READY)
    readings.flush()
    while head := mails.read(LENGTH_OCTETS):
        raw = mails.read(int.from_bytes(head, "big"))
        _time_limit(LONGEST_CPU_S)
        answer = packed(read(raw))
        _time_limit(0)
        readings.write(framed(answer))
        readings.flush()


def _time_limit(seconds: float) -> None:
    # Of this process's own time, so that a busy machine is no reason to give a mail up.
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _bound_memory() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


if __name__ == "__main__":
    _bound_memory()
    serve(sys.stdin.buffer, sys.stdout.buffer)
