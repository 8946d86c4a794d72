"""Run every check of the project: lint, format, types, tests."""

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

_CHECKS = (
    ("ruff", "check", "--quiet"),
    ("ruff", "format", "--check", "--quiet"),
    ("mypy",),
)
# Two processes, each with servers of its own; the tests of one file stay together and in order.
_SIDE_BY_SIDE = ("-n", "2", "--dist", "loadfile")


def run_checks(size: str, pytest_args: Sequence[str], env: Mapping[str, str], checkout: str) -> int:
    """Run pytest with these arguments; without any, everything else before it. Returns the exit code."""
    env = {**env, "TEXTBRIDGE_TEST_SIZE": size}
    failed = [] if pytest_args else [check for check in _CHECKS if _run(check, env, checkout)]
    code = _run(("pytest", *(pytest_args or _SIDE_BY_SIDE)), env, checkout)
    for check in failed:
        print(f"failed: {' '.join(check)}", file=sys.stderr)
    return code or int(bool(failed))


def _run(step: Sequence[str], env: Mapping[str, str], checkout: str) -> int:
    """Run one tool in a process that ends with this one."""
    with subprocess.Popen([sys.executable, "-m", *step], cwd=checkout, env=env) as process:
        before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        try:
            return process.wait()
        finally:
            signal.signal(signal.SIGTERM, before)
