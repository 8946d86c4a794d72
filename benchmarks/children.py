"""Run each contender as a process of its own and read what it measured."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from bot.settings import CHECKOUT

LONGEST_S = 1800
LAST_CHARS = 300


class Failed(Exception):
    """A contender broke off; holds the end of what it said."""


def measure(job: str, **settings: Any) -> dict[str, Any]:
    """Run one of our own jobs (see worker.py) and return what it reports."""
    return report(job, [sys.executable, "-m", "benchmarks.worker", job, json.dumps(settings)])


def report(name: str, command: Sequence[str]) -> dict[str, Any]:
    """Run a program whose last line is a JSON object, and return that. Raises Failed."""
    lines = _run(name, command).splitlines()
    found = json.loads(lines[-1]) if lines else None
    if not isinstance(found, dict):
        raise Failed(f"{name} reported nothing")
    return found


def timed(name: str, command: Sequence[str]) -> tuple[float, float]:
    """Run a foreign program to its end; returns its wall and its processor seconds. Raises Failed."""
    before, began = _children_cpu_s(), time.perf_counter()
    _run(name, command)
    return time.perf_counter() - began, _children_cpu_s() - before


def _run(name: str, command: Sequence[str]) -> str:
    """Return what a program printed. Raises Failed with the end of what it said instead."""
    try:
        ended = subprocess.run(
            command,
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as failed:
        raise Failed(f"{name}: {type(failed).__name__}") from None
    if ended.returncode:
        said = (ended.stderr or ended.stdout).strip().splitlines() or ["it said nothing"]
        raise Failed(f"{name}: exit code {ended.returncode}: {said[-1][-LAST_CHARS:]}")
    return ended.stdout.strip()


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
